"""What the ledger remembers of sign-ins, so that a wrong password is never tried twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from connectors.ledger import KEPT_ATTEMPTS, Attempt, Ledger

NOW = datetime(2026, 5, 4, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def attempt(label: str = "kv/a#1@t", outcome: str = "begun", account: str = "svc@corp") -> Attempt:
    """Make an attempt."""
    return Attempt.model_validate(
        {"account": account, "label": label, "at": NOW, "outcome": outcome}
    )


@pytest.mark.parametrize(
    ("outcomes", "forbidden"),
    [
        (["wrong password"], True),
        (["begun"], False),
        (["begun", "begun"], True),
        (["begun", "no verdict"], False),
        (["begun", "accepted", "begun"], False),
        (["wrong password", "accepted"], False),
        (["accepted"], False),
        (["no verdict", "no verdict", "no verdict"], False),
        (["wrong password", "no verdict"], True),
    ],
)
def test_another_attempt(outcomes: list[str], forbidden: bool) -> None:
    """A refused version is not tried again; one whose verdict was lost is tried once more."""
    ledger = Ledger(connection="hq")
    for outcome in outcomes:
        ledger = ledger.begin_attempt(attempt()).end_attempt(outcome)

    assert bool(ledger.refused("kv/a#1@t", "SVC@corp", tries=1, now=LATER)) is forbidden


def test_several_tries_are_a_minute_apart() -> None:
    """Where several tries are allowed, because changes spread slowly, they are spaced and then end."""
    ledger = Ledger(connection="hq").begin_attempt(attempt(outcome="wrong password"))

    def forbidden(now: datetime) -> bool:
        return ledger.refused("kv/a#1@t", "svc@corp", tries=2, now=now) is not None

    assert forbidden(NOW + timedelta(seconds=59))
    assert not forbidden(NOW + timedelta(seconds=60))
    ledger = ledger.begin_attempt(attempt(outcome="wrong password"))
    assert forbidden(LATER)


def test_the_same_wrong_version_counts_once() -> None:
    """Several tries of one version are one wrong password to the directory."""
    ledger = Ledger(connection="hq")
    for _ in range(3):
        ledger = ledger.begin_attempt(attempt(outcome="wrong password"))

    assert ledger.wrong_since("svc@corp", NOW) == 1


def test_wrong_attempts_are_counted_over_versions() -> None:
    """Attempts that were, or may have been, wrong count together, whatever the version."""
    ledger = Ledger(connection="hq")
    for number, outcome in enumerate(["wrong password", "begun", "accepted", "no verdict"]):
        ledger = ledger.begin_attempt(attempt(label=str(number), outcome=outcome))

    assert ledger.wrong_since("svc@CORP", NOW) == 2
    assert ledger.wrong_since("svc@corp", NOW + timedelta(seconds=1)) == 0
    assert ledger.wrong_since("other@corp", NOW) == 0


def test_another_version_is_another_matter() -> None:
    """A new version, or another account, starts without a blemish."""
    ledger = Ledger(connection="hq").begin_attempt(attempt(outcome="wrong password"))

    assert ledger.refused("kv/a#2@t", "svc@corp", tries=1, now=LATER) is None
    assert ledger.refused("kv/a#1@t", "other@corp", tries=1, now=LATER) is None


def test_the_last_verdict_counts() -> None:
    """A version that was refused and then accepted is accepted."""
    ledger = Ledger(connection="hq").begin_attempt(attempt(outcome="wrong password"))
    ledger = ledger.begin_attempt(attempt()).end_attempt("accepted")

    assert ledger.refused("kv/a#1@t", "svc@corp", tries=1, now=LATER) is None


def good(ledger: Ledger, times: int, at: datetime = NOW) -> Ledger:
    """Let so many good sign-ins of another version follow."""
    for _ in range(times):
        other = attempt(label="kv/a#9@t").model_copy(update={"at": at})
        ledger = ledger.begin_attempt(other).end_attempt("accepted")
    return ledger


def test_good_sign_ins_do_not_hide_wrong_ones() -> None:
    """However many follow, a wrong password counts for its hour, and a refused version stays refused."""
    wrong = Ledger(connection="hq").begin_attempt(attempt(outcome="wrong password"))

    soon = good(wrong, 3 * KEPT_ATTEMPTS)
    assert soon.wrong_since("svc@corp", NOW) == 1
    late = good(wrong, 3 * KEPT_ATTEMPTS, LATER)
    for ledger in (soon, late):
        assert ledger.refused("kv/a#1@t", "svc@corp", tries=1, now=LATER)


def test_a_forgotten_acceptance_still_holds() -> None:
    """A version that was accepted after all is not refused when that is forgotten; the wrong try counts for its hour."""
    ledger = Ledger(connection="hq").begin_attempt(attempt(outcome="wrong password"))
    ledger = good(ledger.begin_attempt(attempt()).end_attempt("accepted"), 3 * KEPT_ATTEMPTS)

    assert ledger.refused("kv/a#1@t", "svc@corp", tries=1, now=LATER) is None
    assert ledger.wrong_since("svc@corp", NOW) == 1
    ledger = good(ledger, 1, LATER)
    assert [item.outcome for item in ledger.attempts] == ["accepted"] * KEPT_ATTEMPTS


def test_memory_is_bounded() -> None:
    """The youngest attempts are kept, and the youngest of those before that may have been wrong."""
    ledger = Ledger(connection="hq")
    for number in range(3 * KEPT_ATTEMPTS):
        moment = NOW + timedelta(hours=2 * number)
        ledger = ledger.begin_attempt(
            attempt(str(number), "wrong password").model_copy(update={"at": moment})
        )

    assert [item.label for item in ledger.attempts] == [
        str(number) for number in range(KEPT_ATTEMPTS, 3 * KEPT_ATTEMPTS)
    ]


def test_unknown_fields_are_refused() -> None:
    """A document with a field that this version does not know is not a ledger of this version."""
    with pytest.raises(ValidationError):
        Ledger.model_validate({"schema": 1, "connection": "hq", "surprise": 1})
