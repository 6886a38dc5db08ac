"""The fleet at a glance: how each connection stands, by its ledger and by Vault's metadata. No secret is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from connectors.errors import InvalidInput, RotationError
from connectors.ledger import Ledger
from connectors.protocols import Systems
from inventory.models import Connection, Driver, Inventory, Service
from report.due import PASSING, Due, Look, shown, to_reconcile
from report.verdict import REMEDIATION

LATE_AFTER = timedelta(hours=26)
"""A verification is late after this long: the daily one, and two hours. deployments/automations.yaml says the same."""


class Standing(StrEnum):
    """How a connection stands, the most urgent first."""

    PERSON = "needs a person"
    ASKED = "waits for a person's answer"
    UNTOLD = "cannot be told"
    UNFINISHED = "not ended"
    BEHIND = "not up to date"
    FAILED = "failed, will be tried again"
    LATE = "not verified in time"
    AT_WORK = "a run is at work"
    IN_ORDER = "in order"

    @property
    def urgency(self) -> int:
        """0 is the most urgent."""
        return list(Standing).index(self)


SIGNS = {
    Standing.PERSON: "✘",
    Standing.ASKED: "»",
    Standing.UNTOLD: "?",
    Standing.UNFINISHED: "▲",
    Standing.BEHIND: "▲",
    Standing.FAILED: "▲",
    Standing.LATE: "!",
    Standing.AT_WORK: "↻",
    Standing.IN_ORDER: "✔",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One connection. ``ledger`` and ``newest`` are None where they could not be read."""

    service: str
    connection: str
    extension: str
    accounts: tuple[str, ...]
    standing: Standing
    why: str
    what_to_do: str
    late: bool = False
    ledger: Ledger | None = None
    newest: str | None = None

    @property
    def in_use(self) -> str | None:
        """The account that the console signs in with, where a run knows it."""
        return self.ledger.in_use if self.ledger else None

    @property
    def account(self) -> str:
        """The same for a reader: the accounts of the inventory where it is not known which one it is."""
        return self.in_use or " or ".join(self.accounts)

    @property
    def applied(self) -> str | None:
        """Label of the version that the console was last given."""
        return self.ledger.applied.label if self.ledger and self.ledger.applied else None

    @property
    def verified_at(self) -> datetime | None:
        """When it was last proven to work."""
        return self.ledger.verified_at if self.ledger else None

    @property
    def consent(self) -> str | None:
        """The verdict of the last consent review."""
        return self.ledger.consent.verdict if self.ledger and self.ledger.consent else None

    @property
    def findings(self) -> int:
        """How many findings the last run left; an older ledger knows only their kinds."""
        if self.ledger is None:
            return 0
        last = self.ledger.last_run
        return len(last.findings) if last else len(self.ledger.findings)


def look(
    systems: Systems,
    inventory: Inventory,
    services: Sequence[str],
    now: datetime,
    late_after: timedelta = LATE_AFTER,
) -> tuple[Row, ...]:
    """Return how the connections of these services (all for none) stand, the most urgent first.

    What cannot be read is a row that says so. Raises InvalidInput for a service that is not in the inventory.
    """
    rows = [
        _row(systems, service, connection, now, late_after)
        for service in chosen(inventory, services)
        for connection in service.connections
    ]
    return tuple(sorted(rows, key=lambda it: (it.standing.urgency, it.service, it.connection)))


def chosen(inventory: Inventory, names: Sequence[str]) -> Iterator[Service]:
    """Yield the services of these names, all for none. Raises InvalidInput for one that is not there."""
    known = [service.name for service in inventory.services]
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise InvalidInput(
            "inventory",
            "find service",
            service=", ".join(unknown),
            advice=f"Name services of the inventory: {', '.join(known)}.",
        )
    yield from (it for it in inventory.services if not names or it.name in names)


def _row(
    systems: Systems,
    service: Service,
    connection: Connection,
    now: datetime,
    late_after: timedelta,
) -> Row:
    accounts = tuple(it.username for it in connection.accounts)
    common = (service.name, connection.name, connection.extension.value, accounts)
    ledger: Ledger | None = None
    try:
        ledger = systems.ledgers.read(connection.name)
        newest = systems.vault.metadata(connection.secret.handle).current.label
    except RotationError as error:
        return Row(*common, Standing.UNTOLD, str(error), error.what_to_do(), ledger=ledger)
    late = ledger.verified_at is None or now - ledger.verified_at > late_after
    seen = Look(connection, ledger, newest, now)
    standing, why, what_to_do = _judged(service, seen, late=late)
    return Row(*common, standing, why, what_to_do, late, ledger, newest)


Judged = tuple[Standing, str, str]
"""How a connection stands, why, and what to do."""


def _judged(service: Service, seen: Look, *, late: bool) -> Judged:
    """Judge by the same judgement as a reconciling run."""
    ledger = seen.ledger
    due, why = to_reconcile(seen)
    if asked := ledger.asks_at(seen.now):
        todo = f"Open the run {asked.run} in the Prefect UI, press Resume, and fill in its form."
        return Standing.ASKED, why, todo
    if due is Due.BUSY:
        return Standing.AT_WORK, why, ""
    if ledger.trouble and ledger.trouble.needs_person:
        return Standing.PERSON, ledger.trouble.reason, ledger.trouble.what_to_do
    if due is Due.PERSON or (due is Due.NOTHING and ledger.outcome not in PASSING):
        return _for_a_person(ledger)
    if due.acts or due is Due.LATER:
        return _unfinished(service, seen, due, why)
    return _agreed(service, ledger, late=late)


def _agreed(service: Service, ledger: Ledger, *, late: bool) -> Judged:
    """Judge where Vault and console agree."""
    if ledger.trouble is not None:
        until = shown(ledger.trouble.not_before)
        return Standing.FAILED, ledger.trouble.reason, f"It is tried again, not before {until}."
    if late:
        return Standing.LATE, f"last verified: {shown(ledger.verified_at)}", _verify(service)
    return Standing.IN_ORDER, "", ""


def _for_a_person(ledger: Ledger) -> Judged:
    """Say in what way the last run ended that no repetition repairs."""
    last, why = ledger.last_run, f"the last run ended {ledger.outcome}"
    if last and last.problem:
        return Standing.PERSON, f"{why}: {last.problem}", last.what_to_do or ""
    more = f"account-rotation findings {ledger.connection}"
    if ledger.outcome == REMEDIATION.name:
        return Standing.PERSON, why, f"account-rotation remediate {ledger.connection}; or: {more}"
    return Standing.PERSON, why, more


def _unfinished(service: Service, seen: Look, due: Due, why: str) -> Judged:
    """Say what a reconciling run would do, and how a person does it now."""
    ledger, name = seen.ledger, seen.connection.name
    update = f"account-rotation update {service.name} --connection {name}"
    finish = f"account-rotation rotate {name} --finish"
    by_itself = service.console.driver is Driver.BRIDGE
    if due is Due.LATER:
        return Standing.FAILED, why, f"It is tried again by itself; or now: {finish}"
    if due is Due.FINISH:
        what = "a rotation has not ended" if ledger.rotation else "an account is to be retired"
        return Standing.UNFINISHED, f"{what}: {why}", _or_now(finish, by_itself)
    if due is Due.REPEAT:
        return Standing.UNFINISHED, f"the last run was cut off: {why}", _or_now(update, by_itself)
    behind = "Vault holds another version than the console was given"
    told = behind if ledger.applied else "no version was brought to the console yet"
    return Standing.BEHIND, told, _or_now(update, by_itself)


def _or_now(command: str, by_itself: bool) -> str:
    """Say what happens by itself, and what is typed."""
    if not by_itself:
        return f"reconcile asks a person within 15 minutes; or now, in a terminal: {command}"
    return f"reconcile does it within 15 minutes; or now: {command}"


def _verify(service: Service) -> str:
    return (
        "Look at the runs of verify_connections/verify, and whether a worker is online; or now: prefect deployment "
        f"run verify_connections/verify --param 'services=[\"{service.name}\"]'"
    )
