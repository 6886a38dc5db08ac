"""P: identify the connection locations (article: "Identify the connection locations")."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from connectors.errors import InvalidInput, NotFound
from connectors.models import Engine, Extension, SecretHandle, SecretVersion
from connectors.protocols import Systems
from inventory.models import (
    ActiveDirectoryConnection,
    Connection,
    Inventory,
    Microsoft365Connection,
    RotatedBy,
    Service,
)
from report.record import current_record
from tasks._ledger import LedgerKeeper
from tasks._step import Done, step


@dataclass(frozen=True, slots=True)
class Location:
    """One place in one console that holds a connection account, and the secret it is to hold."""

    service: Service
    connection: Connection
    version: SecretVersion
    ledger: LedgerKeeper
    named: bool = False
    """Whether a person asked for this very version, which may then be an older one."""
    try_again: bool = False
    """Whether a person asked to try a version once more that the directory had refused."""
    where: str | None = None
    """The domain controller that is known to have this version; None for any."""

    def holding(self, version: SecretVersion, where: str | None = None) -> Location:
        """Return the same place, to hold another version of a credential."""
        return replace(self, version=version, where=where)

    @property
    def name(self) -> str:
        """The connection's name in the inventory."""
        return self.connection.name

    @property
    def extension(self) -> Extension:
        """The connected system extension."""
        return self.connection.extension

    @property
    def row(self) -> str:
        """The row of the extension as the console shows it."""
        return self.connection.row

    @property
    def in_person(self) -> bool:
        """Whether only a person reaches the console."""
        return self.service.in_person

    @property
    def secret(self) -> SecretHandle:
        """The secret, with its version."""
        return self.version.handle

    @property
    def in_directory(self) -> ActiveDirectoryConnection:
        """The connection as one of the Active Directory extension; TypeError if it is not."""
        if not isinstance(self.connection, ActiveDirectoryConnection):
            raise TypeError(self.name)
        return self.connection

    @property
    def in_tenant(self) -> Microsoft365Connection:
        """The connection as one of the Microsoft 365 extension; TypeError if it is not."""
        if not isinstance(self.connection, Microsoft365Connection):
            raise TypeError(self.name)
        return self.connection


def choose(
    inventory: Inventory, service: str, names: Sequence[str] | None
) -> tuple[Service, tuple[Connection, ...]]:
    """Return the service and its chosen connections (all of them for None), in inventory order.

    Raises InvalidInput naming what is not in the inventory and what is, and for an empty choice.
    """
    services = {item.name: item for item in inventory.services}
    if service not in services:
        raise InvalidInput(
            "inventory",
            "find service",
            service=service,
            advice=f"Name one of the inventory's services: {', '.join(sorted(services))}.",
        )
    found = services[service]
    known = {item.name: item for item in found.connections}
    if names is not None and not names:
        raise InvalidInput(
            "inventory",
            "choose connections",
            service=service,
            advice="No connection was named. Leave connections out for all of them, "
            f"or name some of: {', '.join(sorted(known))}.",
        )
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise InvalidInput(
            "inventory",
            "find connection",
            connection=", ".join(unknown),
            advice=f"Name connections of service {service}: {', '.join(sorted(known))}.",
        )
    return found, tuple(item for item in found.connections if names is None or item.name in names)


def choose_rotated(inventory: Inventory, name: str) -> tuple[Service, Connection]:
    """Return the connection that the orchestrator is to rotate, and its service.

    Raises InvalidInput for a name that is not in the inventory, and for a connection that somebody else
    rotates, with the right next command.
    """
    service, connection = _find(inventory, name, lambda _: True)
    if connection.rotated_by is not RotatedBy.ORCHESTRATOR:
        raise InvalidInput(
            "inventory",
            "choose who rotates",
            connection=name,
            rotated_by=connection.rotated_by.value,
            advice=_rotated_elsewhere(service, connection),
        )
    return service, connection


def choose_consented(inventory: Inventory, name: str) -> tuple[Service, Microsoft365Connection]:
    """Return the Microsoft 365 connection of this name, and its service.

    Raises InvalidInput for another name.
    """
    service, connection = _find(
        inventory, name, lambda item: isinstance(item, Microsoft365Connection)
    )
    return service, cast("Microsoft365Connection", connection)


def _find(
    inventory: Inventory, name: str, wanted: Callable[[Connection], bool]
) -> tuple[Service, Connection]:
    known = sorted(
        item.name for service in inventory.services for item in service.connections if wanted(item)
    )
    if name in known:
        return inventory.connection(name)
    raise InvalidInput(
        "inventory",
        "find connection",
        connection=name,
        advice=f"Name one of the inventory's connections: {', '.join(known)}.",
    )


def _rotated_elsewhere(service: Service, connection: Connection) -> str:
    update = f"account-rotation update {service.name} --connection {connection.name}"
    if connection.secret.engine is Engine.LDAP:
        return f"Vault rotates this account. Let it, and bring it to the console: {update} --rotate-role"
    return (
        "Somebody else changes this account's password and writes it to Vault "
        f"({connection.secret.handle}). Let that party rotate, then: {update}"
    )


@step("P1")
def connection_locations(
    systems: Systems,
    service: Service,
    chosen: Sequence[Connection],
    secret_version: int | None,
    *,
    try_again: bool = False,
    rotating: bool = False,
    scheduled: bool = False,
) -> Done[tuple[Location, ...]]:
    """Pin the secret version that each chosen connection holds or is to hold, and take its ledger.

    From here on an older run on the same connection is fenced off; a dry run takes nothing. Raises
    InvalidInput for one version number over several connections, NotFound for a version that is not
    there or was deleted, OutOfStep for a ledger that this version does not understand, Superseded where
    a rotation has not ended (unless ``rotating``), NeedsPerson or NotYet where a ``scheduled`` run is to
    leave the connection alone.
    """
    if secret_version is not None and len(chosen) != 1:
        raise InvalidInput(
            "inventory",
            "pin secret version",
            secret_version=secret_version,
            connections=len(chosen),
            advice="Versions are counted per secret: name exactly one connection "
            "when you name a version.",
        )
    # The ledger first: a run that ends between the two readings is noticed when the ledger is taken.
    ledgers = [LedgerKeeper.open(systems.ledgers, item.name) for item in chosen]
    locations = tuple(
        Location(
            service,
            item,
            _version(systems, item, secret_version),
            ledger,
            named=secret_version is not None,
            try_again=try_again,
        )
        for item, ledger in zip(chosen, ledgers, strict=True)
    )
    record = current_record()
    for item in locations:
        if not rotating:
            item.ledger.leave_rotation_alone()
        elif scheduled:
            item.ledger.leave_to_a_person()
    for item in locations:
        if record.dry_run:
            item.ledger.leave_alone()
        else:
            item.ledger.take(record.run_id)
    pinned = "; ".join(
        f"{item.name}: {item.extension.value} row {item.row!r}, secret {item.secret}"
        for item in locations
    )
    return Done(locations, pinned)


def _version(systems: Systems, connection: Connection, wanted: int | None) -> SecretVersion:
    metadata = systems.vault.metadata(connection.secret.handle)
    if wanted is None:
        chosen: SecretVersion | None = metadata.current
    else:
        versions = (v for v in metadata.versions if v.handle.version == wanted)
        chosen = next(versions, None)
    if chosen is None or not chosen.readable:
        shown = metadata.current.handle.version if wanted is None else wanted
        raise NotFound(
            "vault",
            "pin secret version",
            secret=connection.secret.handle.at(shown or 0),
            advice="That version does not exist, or was deleted. Write the credential to Vault, "
            "or name a version that is readable.",
        )
    return chosen
