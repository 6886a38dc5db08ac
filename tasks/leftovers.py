"""Test users that no run will come back for: found from the ledger, removed where they are certainly nobody's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from connectors.active_directory.models import DirectoryUser
from connectors.entra.models import EntraUser
from connectors.errors import NotYet, RotationError
from connectors.models import Extension
from connectors.protocols import Systems
from inventory.models import Inventory
from tasks._bounds import is_ours, is_ours_in_tenant
from tasks._ledger import LedgerKeeper
from tasks._names import prefix_of
from tasks._wait import CLOCK
from tasks.identify import Location

YOUNG_FOR = timedelta(hours=1)
"""So long a test user may belong to a run that is going on."""


def remove_left_behind(systems: Systems, inventory: Inventory, connection: str) -> str:
    """Remove a connection's test users that are older than an hour; say what became of them. Never raises.

    Younger ones may belong to a run that is going on, and wait. A password sign-in is spent only when there is
    something to remove, and within its budget.
    """
    try:
        service, found = inventory.connection(connection)
        keeper = LedgerKeeper.open(systems.ledgers, connection)
        newest = systems.vault.metadata(found.secret.handle).current
        return _sweep(systems, Location(service, found, newest, keeper))
    except RotationError as error:
        return f"test users may be left: {error}"


def _sweep(systems: Systems, location: Location) -> str:
    in_directory = location.extension is Extension.ACTIVE_DIRECTORY
    found = _in_directory(systems, location) if in_directory else _in_tenant(systems, location)
    old, young = _by_age(found)
    if old and in_directory:
        _remove_as_account(
            systems, location, [it.dn for it in old if isinstance(it, DirectoryUser)]
        )
    elif old:
        tenant = systems.tenant(location.in_tenant.tenant)
        for user in old:
            if isinstance(user, EntraUser):
                tenant.delete_user(user.id)
    if not young and location.ledger.ledger.test_users:
        location.ledger.change(test_users=None)
    removed = f"removed {_named(old)}" if old else "none was left"
    return f"{removed}; not an hour old: {_named(young)}" if young else removed


def _in_directory(systems: Systems, location: Location) -> Sequence[DirectoryUser]:
    where = location.in_directory
    directory = systems.directory(where.directory)
    found = directory.test_users(where.validation_ou, prefix_of(location))
    return [user for user in found if is_ours(location, user)]


def _in_tenant(systems: Systems, location: Location) -> Sequence[EntraUser]:
    where = location.in_tenant
    found = systems.tenant(where.tenant).test_users(where.validation_domain, prefix_of(location))
    return [user for user in found if is_ours_in_tenant(location, user)]


def _by_age(
    found: Iterable[DirectoryUser | EntraUser],
) -> tuple[list[DirectoryUser | EntraUser], list[DirectoryUser | EntraUser]]:
    """Tell old from young; whose age cannot be read counts as young."""
    before = CLOCK.get().utc() - YOUNG_FOR
    old: list[DirectoryUser | EntraUser] = []
    young: list[DirectoryUser | EntraUser] = []
    for user in found:
        (old if _older(user.created, before) else young).append(user)
    return old, young


def _older(created: datetime | None, before: datetime) -> bool:
    return created is not None and created < before


def _remove_as_account(systems: Systems, location: Location, dns: Sequence[str]) -> None:
    """Delete as the connection account, with the credential that the console was given and proven to hold."""
    applied, newest = location.ledger.ledger.applied, location.version.label
    if applied is None or applied.label != newest:
        raise NotYet(
            "ledger",
            "remove test users",
            connection=location.name,
            left=len(dns),
            advice="The console was not given Vault's newest version yet; the run that brings it removes them.",
        )
    directory = systems.directory(location.in_directory.directory)
    with location.ledger.sign_in(applied.account, newest, tries=1, most=None, try_again=False):
        for dn in dns:
            directory.delete_user(location.secret, dn)


def _named(users: Iterable[DirectoryUser | EntraUser]) -> str:
    return ", ".join(it.dn if isinstance(it, DirectoryUser) else it.upn for it in users)
