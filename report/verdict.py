"""The end states: what a run, or one connection of it, came to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from connectors.errors import (
    NeedsPerson,
    NotYet,
    OutOfStep,
    Refused,
    RotationError,
    Superseded,
    Unknown,
    Unreachable,
)
from report.record import ConnectionRecord, Result, RunRecord


@dataclass(frozen=True, slots=True)
class Outcome:
    """An end state by the name that the Prefect UI shows. ``rank`` orders them, worst last."""

    name: str
    succeeded: bool
    rank: int
    meaning: str


READY = Outcome(
    "Ready",
    True,
    0,
    "The credential is in use, consent is complete, operations work; the report lists what was not checked.",
)
VERIFIED = Outcome(
    "Verified",
    True,
    1,
    "What the console holds signs in, and is what Vault holds; nothing was changed.",
)
DRY_RUN = Outcome("Dry run", True, 2, "Every read-only check passed; nothing was changed.")
WAITING = Outcome(
    "Waiting",
    True,
    3,
    "It is not time: a wait, or a grace period, is not over; nothing was changed.",
)
REMEDIATION = Outcome(
    "Remediation required",
    False,
    4,
    "The consent of the Entra app is not as it must be; operations were not tried.",
)
VALIDATION = Outcome(
    "Validation failed",
    False,
    5,
    "The credential is in use, but a real operation failed; the findings name the right if one lacks.",
)
UNREACHABLE = Outcome(
    "Unreachable", False, 6, "A system did not answer; nothing was changed by it."
)
REFUSED = Outcome(
    "Refused", False, 7, "A system said no; it will say no again until it is corrected."
)
SUPERSEDED = Outcome(
    "Superseded", False, 8, "Another run has taken over; this one changed nothing more."
)
OUT_OF_STEP = Outcome("Out of step", False, 9, "Two systems disagree about the same fact.")
NEEDS_PERSON = Outcome("Needs a person", False, 10, "A human step is due.")
UNKNOWN = Outcome(
    "Unknown", False, 11, "Something may or may not have happened: start again, it looks first."
)

OUTCOMES: tuple[Outcome, ...] = (
    READY, VERIFIED, DRY_RUN, WAITING, REMEDIATION, VALIDATION, UNREACHABLE, REFUSED, SUPERSEDED, OUT_OF_STEP,
    NEEDS_PERSON, UNKNOWN,
)  # fmt: skip

_KINDS: tuple[tuple[type[RotationError], Outcome], ...] = (
    (Superseded, SUPERSEDED),
    (OutOfStep, OUT_OF_STEP),
    (NeedsPerson, NEEDS_PERSON),
    (Unknown, UNKNOWN),
    (NotYet, WAITING),
    (Unreachable, UNREACHABLE),
    (Refused, REFUSED),
)


def outcome_of_error(error: RotationError) -> Outcome:
    """Return the end state that an error leads to."""
    return next((outcome for kind, outcome in _KINDS if isinstance(error, kind)), UNKNOWN)


def outcome_of(connection: ConnectionRecord, run: RunRecord) -> Outcome:
    """Return the end state of one connection."""
    if connection.error is not None:
        failed = [entry for entry in connection.entries if entry.result is Result.FAILED]
        taken_over = isinstance(connection.error, Superseded)
        said_no = isinstance(connection.error, Refused | OutOfStep)
        if failed and failed[-1].number.startswith("V") and said_no and not taken_over:
            return VALIDATION
        return outcome_of_error(connection.error)
    if connection.consent is not None and not connection.consent.ready:
        return REMEDIATION
    if run.verifying:
        return VERIFIED
    return DRY_RUN if run.dry_run else READY


def outcome_of_run(run: RunRecord) -> Outcome:
    """Return the worst of the end states of a run's connections and of its own error."""
    outcomes = [outcome_of(connection, run) for connection in run.connections]
    if run.error is not None:
        outcomes.append(outcome_of_error(run.error))
    return max(outcomes, key=lambda outcome: outcome.rank, default=UNKNOWN)


def worst_of(runs: Iterable[RunRecord]) -> Outcome:
    """Return the worst of the end states of several runs; ValueError for none."""
    return max(map(outcome_of_run, runs), key=lambda outcome: outcome.rank)
