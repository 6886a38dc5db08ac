"""What is due for each connection, told from its ledger and from Vault's metadata: no secret is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from connectors.errors import InvalidInput, NotFound, RotationError
from connectors.ledger import Ledger
from connectors.protocols import Systems
from inventory.models import Connection, Inventory, RotatedBy, Service
from report.verdict import OUTCOMES, SUPERSEDED, UNKNOWN, UNREACHABLE
from tasks._ledger import HOUR
from tasks._wait import CLOCK

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
class Standing:
    """One connection as ledger and Vault show it, for the fleet table. Times are UTC."""

    service: str
    connection: str
    rotated_by: str
    due: Due
    applied: str = "-"
    newest: str = "-"
    verified_at: datetime | None = None
    rotated_at: datetime | None = None
    outcome: str = "-"
    why: str = ""
    left_behind: bool = False
    """Whether test users of a run that was cut off, or could not remove them, may still be there."""

    def row(self) -> dict[str, str]:
        """Return the line of the table that Prefect shows."""
        return {
            "connection": self.connection,
            "service": self.service,
            "due": self.due.value,
            "applied": self.applied,
            "newest": self.newest,
            "last verified": _shown(self.verified_at),
            "last rotated": _shown(self.rotated_at),
            "last run": self.outcome,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of one connection without reading a secret."""

    connection: Connection
    ledger: Ledger
    newest: str  # label of the newest version that Vault has
    now: datetime


Verdict = tuple[Due, str]
Judge = Callable[[Look], Verdict]


def standings(
    systems: Systems, inventory: Inventory, services: Sequence[str] | None, judge: Judge
) -> tuple[Standing, ...]:
    """Look at every connection whose console a run can reach; what cannot be read is said, not raised.

    Raises InvalidInput for a service that is not in the inventory.
    """
    known = {service.name: service for service in inventory.services}
    unknown = sorted(set(services or ()) - set(known))
    if unknown:
        raise InvalidInput(
            "inventory",
            "find service",
            service=", ".join(unknown),
            advice=f"Name services of the inventory: {', '.join(sorted(known))}.",
        )
    return tuple(
        _standing(systems, service, connection, judge)
        for service in inventory.services
        if (services is None or service.name in services)
        for connection in service.connections
    )


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
            return Due.LATER, f"rotated {_shown(ledger.rotated_at)}"
        return Due.ROTATE, f"last rotated {_shown(ledger.rotated_at)}"

    return judge


def _busy(seen: Look) -> Verdict | None:
    """Say that another run is at work, or waits for a person; one that began over an hour ago is taken for dead."""
    asked = seen.ledger.asked
    if asked is not None and asked.until > seen.now:
        return Due.BUSY, f"run {asked.run} waits for a person's answer until {_shown(asked.until)}"
    holder = seen.ledger.holder
    busy = holder is not None and holder.since > seen.now - HOUR
    return (Due.BUSY, f"run {holder.run}") if holder and busy else None


def _held_back(seen: Look) -> Verdict | None:
    """Say that failures in a row have come to a person, or that the wait after them is not over."""
    trouble = seen.ledger.trouble
    if trouble is None:
        return None
    if trouble.needs_person:
        return Due.PERSON, trouble.reason
    later = trouble.not_before > seen.now
    return (Due.LATER, f"not before {_shown(trouble.not_before)}") if later else None


def _standing(systems: Systems, service: Service, connection: Connection, judge: Judge) -> Standing:
    common = (service.name, connection.name, connection.rotated_by.value)
    try:
        ledger = systems.ledgers.read(connection.name)
        newest = systems.vault.metadata(connection.secret.handle).current.label
    except NotFound as missing:
        return Standing(*common, Due.PERSON, why=str(missing))
    except RotationError as error:
        return Standing(*common, Due.UNKNOWN, why=str(error))
    due, why = judge(Look(connection, ledger, newest, CLOCK.get().utc()))
    return Standing(
        *common,
        due,
        ledger.applied.label if ledger.applied else "-",
        newest,
        ledger.verified_at,
        ledger.rotated_at,
        ledger.outcome or "-",
        why,
        due is not Due.BUSY and (ledger.test_users or ledger.holder) is not None,
    )


def _shown(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "never"
