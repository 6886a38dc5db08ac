"""What is due for each connection, told from its ledger and from Vault's metadata: no secret is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.errors import InvalidInput, NotFound, RotationError
from connectors.protocols import Systems
from inventory.models import Connection, Inventory, Service
from report.due import Due, Judge, Look, shown
from tasks._wait import CLOCK


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
    in_person: bool = False
    """Whether only a person reaches its console."""
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
            "last verified": shown(self.verified_at),
            "last rotated": shown(self.rotated_at),
            "last run": self.outcome,
            "why": self.why,
        }


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
        service.in_person,
        due is not Due.BUSY and (ledger.test_users or ledger.holder) is not None,
    )
