"""The record of a run as a document that can be kept: plain facts, no secret, and nothing that needs the run.

Prefect keeps it beside the reports (``tasks.finish``); ``account-rotation report`` makes a page of it, on this
day or years later. Fields are only ever added: what an older version kept must stay readable.
"""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from connectors.errors import OutOfStep
from report.matrix import Row as MatrixRow
from report.record import Result

TYPE = "account-rotation-record"
"""The type of the artifact that holds it."""


class Part(BaseModel):
    """Base of every part: frozen; fields of a newer version are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class End(Part):
    """An end state, as ``report.verdict`` has it."""

    name: str
    succeeded: bool
    meaning: str


class Problem(Part):
    """An error: what happened, and what a person does."""

    text: str
    what_to_do: str


class Try(Part):
    """One finished try of a step; its number ends with ``u`` where it was the undo."""

    number: str
    result: Result
    started: AwareDatetime
    seconds: float
    evidence: str


class StepOfRun(Part):
    """One step of the procedure: its tries, or why there was none."""

    number: str
    title: str
    source: Literal["article", "ours"]
    tries: tuple[Try, ...]
    why_not: str = ""


class Pause(Part):
    """A time in which a person was asked and nothing was done."""

    started: AwareDatetime
    seconds: float


class GapOfRun(Part):
    """Between setting a password and saving it in the console; ``since`` None: there was no gap."""

    sentence: str
    since: AwareDatetime | None = None
    seconds: float | None = None
    at_most: bool = False


class Consent(Part):
    """The consent review."""

    verdict: str
    app: str
    ready: bool
    rows: tuple[MatrixRow, ...]


class Plan(Part):
    """What would repair the consent, by its name and in its order."""

    name: str
    lines: tuple[str, ...]


class Rights(Part):
    """The rights of an Active Directory account, place by place; None where it was not asked."""

    places: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str | None, ...]], ...]


class FoundThing(Part):
    """One finding."""

    code: str
    subject: str
    detail: str
    what_to_do: str


class ConnectionOfRun(Part):
    """Everything about one connection."""

    name: str
    asked: str
    outcome: End
    steps: tuple[StepOfRun, ...]
    gap: GapOfRun | None = None
    error: Problem | None = None
    consent: Consent | None = None
    plan: Plan | None = None
    rights: Rights | None = None
    findings: tuple[FoundThing, ...] = ()
    unchecked: tuple[str, ...] = ()


class Document(Part):
    """One run of one service."""

    schema_version: Literal[1] = 1
    flow: str
    run: str
    service: str
    dry_run: bool
    started: AwareDatetime
    ended: AwareDatetime
    outcome: End
    waits: tuple[Pause, ...] = ()
    connections: tuple[ConnectionOfRun, ...] = ()


def read(kept: object) -> Document:
    """Return a document that was kept. Raises OutOfStep for one that this version does not understand."""
    try:
        return Document.model_validate(kept)
    except ValidationError:
        pass
    raise OutOfStep(
        "prefect",
        "read the record of the run",
        advice="A newer version of this program may have written it: use that version. The run's Markdown "
        "reports can be read in the Prefect UI all the same.",
    )
