"""Make the checks one after the other, in the order of their numbers, and say what each came to."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.cayosoft.conformance import drafting, reading, saving  # noqa: F401  they register their checks
from connectors.cayosoft.conformance.checks import (
    CHECKS,
    Broken,
    Check,
    Group,
    Result,
    Skipped,
    Verdict,
)
from connectors.cayosoft.conformance.trial import Trial
from connectors.cayosoft.problems import SYSTEM
from connectors.errors import RotationError, Unknown, Unreachable


def nothing_comes_back(trial: Trial) -> str:
    """Look for everything secret that was sent in everything that came back."""
    for answer in trial.answers:
        heard = answer.response.content + repr(answer.response.headers.multi_items()).encode()
        for what, secret in trial.sent:
            if secret.reveal_bytes() in heard:
                raise Broken(f"{answer.request}: the answer holds {what}")
    return f"in none of {len(trial.answers)} answers"


LAST = Check(
    "Z01",
    "no secret comes back",
    "rule 1",
    "No password comes back. The same is true for tokens and client secrets.",
    Group.READING,
    nothing_comes_back,
)
"""It looks at the answers to all the others."""


def all_checks() -> tuple[Check, ...]:
    """Return every check that there is, in the order in which they are made."""
    return (*sorted(CHECKS, key=lambda item: item.number), LAST)


def examine(trial: Trial, groups: frozenset[Group]) -> Iterator[Result]:
    """Make the checks of these groups; the others are reported as skipped.

    What drafts are left is discarded before the last one. Raises Unreachable when the bridge cannot be reached at all.
    """
    try:
        for item in all_checks()[:-1]:
            if item.group in groups:
                yield _made(item, trial)
            else:
                yield Result(item, Verdict.SKIPPED, _NOT_ASKED[item.group], asked=False)
    finally:
        _tidy(trial)
    yield _made(LAST, trial)


_NOT_ASKED = {
    Group.READING: "not asked for",
    Group.DRAFTS: "not asked for: --write",
    Group.SAVING: "not asked for: --write --save ROW --credential MOUNT/PATH",
}


def _made(item: Check, trial: Trial) -> Result:
    try:
        return Result(item, Verdict.PASSED, item.run(trial))
    except Broken as broken:
        return Result(item, Verdict.FAILED, str(broken))
    except Skipped as skipped:
        return Result(item, Verdict.SKIPPED, str(skipped))
    except RotationError as error:
        problem = error.sealed()
    status = problem.identifiers.get("status")
    if status in ("429", "503"):
        said = f"the bridge gave no answer ({status}); ask again later"
        return Result(item, Verdict.SKIPPED, said, unanswered=True)
    if problem.system != SYSTEM or not isinstance(problem, Unreachable | Unknown):
        raise problem  # not the bridge's, such as a client without a secret
    if status is None and not trial.answers:
        problem.advice = (
            "Check the address, that the bridge is up, and that its certificate is one that ca_file vouches for; "
            "then start the check again. Nothing was changed."
        )
        raise problem  # it was never reached
    return Result(
        item,
        Verdict.FAILED,
        f"{problem.operation}: no answer ({status or problem.identifiers.get('cause', 'connection lost')})",
    )


def _tidy(trial: Trial) -> None:
    for draft in trial.drafts:
        try:
            drafting.discard(trial, draft)
        except RotationError:
            return  # it expires by itself
    trial.drafts.clear()
