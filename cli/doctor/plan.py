"""Which checks there are for this installation, and which of them are asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cli.doctor import (
    clocks,
    configuration,
    consoles,
    directories,
    intake,
    ledgers,
    prefect,
    tenants,
    vault,
    vault_content,
)
from cli.doctor.configuration import Configured
from cli.doctor.model import CATALOGUE, Area, Check, Kind, Plan
from cli.doctor.prefect_api import Address
from cli.doctor.site import Site

_NEED_PREFECT = {Area.PREFECT, Area.INTAKE, Area.LEDGERS, Area.CLOCKS}
"""Areas for which Prefect is worth the second that it takes to import."""


def first(plan: Plan) -> Configured:
    """Add what everything else follows from: inventory and settings."""
    return configuration.add(plan)


def then(plan: Plan, site: Site, configured: Configured, areas: Collection[Area]) -> None:
    """Add everything else, once inventory and settings were read."""
    configuration.add_ca_files(plan, site, configured)
    signed_in = vault.add(plan, site, configured)
    of_vault = vault_content.add(plan, site, configured, signed_in)
    directories.add(plan, site, configured, of_vault)
    tenants.add(plan, site, configured, of_vault)
    consoles.add(plan, site, configured, of_vault)
    if not areas or _NEED_PREFECT & set(areas):
        site.prefect_address = Address.told()
    of_prefect = prefect.add(plan, site)
    intake.add(plan, site, (of_prefect, signed_in))
    ledgers.add(plan, site, configured, of_vault, of_prefect)
    clocks.add(plan)


def chosen(checks: Sequence[Check], areas: Collection[Area]) -> list[Check]:
    """Return the checks of some areas, and those they come after, in their order; all without an area."""
    if not areas:
        return list(checks)
    wanted: set[Check] = set()
    waiting = [item for item in checks if item.kind.area in areas]
    while waiting:
        item = waiting.pop()
        if item not in wanted:
            wanted.add(item)
            waiting += [*item.needs, *item.after]
    return [item for item in checks if item in wanted]


def catalogue() -> tuple[Kind[...], ...]:
    """Return every kind of check, which importing this module has brought together."""
    return tuple(CATALOGUE.values())
