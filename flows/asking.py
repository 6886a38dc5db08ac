"""Ask a person: the run is suspended until its form is answered in the Prefect UI, or a terminal asks at once.

Prefect starts a resumed run again from the top, on whichever worker is free. What was answered is kept with the
run, under the key of the form, so the run reads it there and is not suspended by the same form twice.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.input.actions import read_flow_run_input
from prefect.runtime import flow_run
from pydantic import ValidationError

from connectors.errors import NeedsPerson
from report.text import one_line
from tasks._artifacts import keep_markdown
from tasks._prefect import deployment_of_this_run, told

F = TypeVar("F", bound=RunInput)
_NOT_READ = "What was answered is kept in Prefect, and nothing was changed. Bring its API back, then start the run again."
_NOT_ASKED = (
    "Whether the form stands there could not be told; nothing was changed. Bring Prefect's API back, and look at the "
    "run: if it is suspended, answer it, else start it again."
)


@dataclass(frozen=True, slots=True)
class Form(Generic[F]):
    """One form. ``key`` is its own within the run; it is closed after ``hours``.

    ``text`` is all that is to be read, in Markdown. Prefect's form leaves little room above its fields, so where
    there is a ``summary`` that stands there, and the text is the run's artifact ``page``.
    """

    key: str
    kind: type[F]
    text: str
    hours: float
    summary: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class Answered(Generic[F]):
    """What came back. ``values`` None: the answer has not the form's shape, and ``problem`` names the fields."""

    key: str
    values: F | None
    at: datetime | None
    where: str
    problem: str = ""

    def by(self, name: str) -> str:
        """Return who has answered, as typed, and what that name is worth."""
        return f"{one_line(name, 100)!r} {self.where}, a name that nothing has checked"

    @property
    def unreadable(self) -> str:
        """What is said to whoever gave an answer that has not the form's shape."""
        return f"The last answer could not be read ({self.problem}). Please fill the form in again."


Answerer = Callable[[Form[Any]], RunInput]


class Desk:
    """A person at a terminal, who answers while the run waits."""

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer
        self._answers: dict[tuple[str | None, str], Answered[Any]] = {}

    def ask(self, form: Form[Any]) -> None:
        """Ask, and keep the answer under the form's key."""
        values = self._answerer(form)
        self._answers[flow_run.get_id(), form.key] = Answered(
            form.key, values, datetime.now(UTC), "in a terminal"
        )

    def answered(self, key: str) -> Answered[Any] | None:
        """Return what was answered to a form of this run; None where it was not asked."""
        return self._answers.get((flow_run.get_id(), key))


_desk: ContextVar[Desk | None] = ContextVar("desk", default=None)


@contextmanager
def answering(answerer: Answerer) -> Iterator[None]:
    """Have the forms of runs inside answered here and now."""
    token = _desk.set(Desk(answerer))
    try:
        yield
    finally:
        _desk.reset(token)


def suspends() -> bool:
    """Say whether asking suspends the run."""
    return _desk.get() is None


def answered(key: str, kind: type[F]) -> Answered[F] | None:
    """Return the answer to a form of this run; None where it was not asked, or not answered yet.

    Raises as ``told`` does.
    """
    desk = _desk.get()
    if desk is not None:
        return desk.answered(key)
    if deployment_of_this_run() is None:
        return None
    with told("read an answer", _NOT_READ):
        value = read_flow_run_input(f"suspended-{key}-response")
        if value is None:
            return None
        at = _answered_at(key)
    try:
        return Answered(key, kind.model_validate(value), at, "in the Prefect UI")
    except ValidationError as error:
        fields = {str(item["loc"][0]) for item in error.errors() if item["loc"]}
    return Answered(
        key, None, at, "in the Prefect UI", ", ".join(sorted(fields)) or "the whole answer"
    )


def ask(form: Form[F]) -> None:
    """Suspend the run with a form, or ask at the terminal; nothing comes back but through ``answered``.

    Raises NeedsPerson where neither is possible: a run that no deployment has started cannot be suspended. Raises
    as ``told`` does where Prefect's API is away.
    """
    desk = _desk.get()
    if desk is not None:
        desk.ask(form)
        return
    if deployment_of_this_run() is None:
        raise NeedsPerson(
            "prefect",
            "ask a person",
            form=form.key,
            advice="This run was started by no deployment, so it cannot wait for an answer. Start it from the "
            "Prefect UI (the deployment of the same name), or run the command in a terminal.",
        )
    shown = form.text
    if form.page:
        made = keep_markdown(form.page, form.text, f"What is to be done: form {form.key}")
        # First: on a small screen little more than a line is left above the fields.
        shown = f"**[Open the guide](/artifacts/artifact/{made})**\n\n{form.summary}"
    with told("ask a person", _NOT_ASKED):
        suspend_flow_run(
            wait_for_input=form.kind.with_initial_data(description=shown),
            key=form.key,
            timeout=max(60, int(form.hours * 3600)),
        )


def _answered_at(key: str) -> datetime | None:
    """Return when the run left the state in which it waited for this form."""
    run = flow_run.get_id()
    if run is None:
        return None
    with get_client(sync_client=True) as client:
        states = sorted(client.read_flow_run_states(UUID(run)), key=lambda state: state.timestamp)
    for waiting, after in itertools.pairwise(states):
        if waiting.state_details.pause_key == key:
            return after.timestamp
    return None
