"""What is due for a connection, judged from its ledger and from what Vault holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from connectors.ledger import Ledger
from inventory.models import Connection, RotatedBy
from report.verdict import OUTCOMES, SUPERSEDED, UNKNOWN, UNREACHABLE

PASSING = frozenset(
    {
        None,
        *(it.name for it in OUTCOMES if it.succeeded),
        *(it.name for it in (UNREACHABLE, UNKNOWN, SUPERSEDED)),
    }
)
"""End states after which the same version is tried again without a person."""


class Due(StrEnum):
    """What a reconciling run does about a connection."""

    NOTHING = "nothing: Vault and console agree"
    UPDATE = "update: Vault holds another version than the console was given"
    REPEAT = "update: the last run was cut off"
    FINISH = "finish: a rotation was cut off, or a retirement is due"
    ROTATE = "rotate: its last rotation is too long ago"
    BUSY = "nothing: another run is at work"
    PERSON = "nothing: a person is due"
    LATER = "nothing: it is not time yet"
    UNKNOWN = "nothing: it could not be told"

    @property
    def acts(self) -> bool:
        """Say whether something is to be run."""
        return self in (Due.UPDATE, Due.REPEAT, Due.FINISH, Due.ROTATE)


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of one connection without reading a secret."""

    connection: Connection
    ledger: Ledger
    newest: str  # label of the newest version that Vault has
    now: datetime


Verdict = tuple[Due, str]
Judge = Callable[[Look], Verdict]


def to_reconcile(seen: Look) -> Verdict:
    """Judge what a reconciling run does: finish what was cut off, bring what is new, leave the rest alone."""
    ledger = seen.ledger
    if busy := _busy(seen):
        return busy
    if ledger.rotation or (ledger.retire and ledger.retire.due <= seen.now):
        after = f"after {ledger.rotation.phase}" if ledger.rotation else "the grace period is over"
        return _held_back(seen) or (Due.FINISH, after)
    if ledger.applied and ledger.applied.label == seen.newest:
        cut_off = ledger.holder is not None
        return (Due.REPEAT, "its end was not written") if cut_off else (Due.NOTHING, "")
    tried = bool(ledger.attempts) and ledger.attempts[-1].label == seen.newest
    if tried and ledger.outcome not in PASSING:
        return Due.PERSON, f"the last run with this version ended {ledger.outcome}"
    return Due.UPDATE, ""


def to_rotate(older_than: timedelta) -> Judge:
    """Return the judgement of a fleet run: which connections the orchestrator is to rotate now."""

    def judge(seen: Look) -> Verdict:
        ledger = seen.ledger
        if seen.connection.rotated_by is not RotatedBy.ORCHESTRATOR:
            return Due.NOTHING, f"{seen.connection.rotated_by.value} rotates it"
        if held := _busy(seen) or _held_back(seen):
            return held
        if ledger.rotation:
            return Due.FINISH, f"after {ledger.rotation.phase}"
        if ledger.rotated_at and ledger.rotated_at > seen.now - older_than:
            return Due.LATER, f"rotated {shown(ledger.rotated_at)}"
        return Due.ROTATE, f"last rotated {shown(ledger.rotated_at)}"

    return judge


def _busy(seen: Look) -> Verdict | None:
    """Say that another run is at work, or waits for a person; one that began over an hour ago is taken for dead."""
    if asked := seen.ledger.asks_at(seen.now):
        return Due.BUSY, f"run {asked.run} waits for a person's answer until {shown(asked.until)}"
    holder = seen.ledger.held_at(seen.now)
    return (Due.BUSY, f"run {holder.run}") if holder else None


def _held_back(seen: Look) -> Verdict | None:
    """Say that failures in a row have come to a person, or that the wait after them is not over."""
    trouble = seen.ledger.trouble
    if trouble is None:
        return None
    if trouble.needs_person:
        return Due.PERSON, trouble.reason
    later = trouble.not_before > seen.now
    return (Due.LATER, f"not before {shown(trouble.not_before)}") if later else None


def shown(moment: datetime | None) -> str:
    """Return a moment as the tables show it."""
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"
