"""The consoles: each bridge, who it signs us in as, and the rows that the inventory names."""

from __future__ import annotations

import contextlib

from cli.doctor import tls
from cli.doctor.configuration import Configured
from cli.doctor.model import Check, Plan, Wrong, check
from cli.doctor.site import Site
from cli.doctor.tls import NO_DOOR, door_of
from cli.doctor.vault_content import Vault
from connectors.cayosoft.models import ConnectionRow
from connectors.errors import NotFound
from inventory.models import Connection, Driver, Service

DOORS = tls.doors("console", "a console bridge")


@check(
    "console.sign-in",
    "each bridge signs our client in",
    fault="A bridge does not sign our client in.",
    fix="Compare client_id and client_secret in Vault with the bridge's own configuration.",
)
def sign_in(site: Site, item: Service) -> str:
    """Fetch a token and open a session."""
    session = site.console(item).sign_in()
    return f"{session.signed_in_as}, product version {session.product_version}"


@check(
    "console.service",
    "each bridge is the one of the service that the inventory says",
    fault="The service of a bridge cannot be told.",
    fix="Correct url of the console in the inventory.",
)
def service(site: Site, item: Service) -> str:
    """Compare names: a credential in another service's console is shared between services."""
    session = site.console(item).sign_in()
    if session.service.casefold() != item.name.casefold():
        raise Wrong(
            f"The bridge at {item.console.url} is the one of the service {session.service}, and the inventory calls it "
            f"{item.name}.",
            f"Correct services[{item.name}].console.url in the inventory, or the service's name in the bridge's "
            "configuration.",
        )
    return session.service


@check(
    "console.role",
    "our client has the product role that may configure extensions",
    fault="The product role of our client cannot be told.",
    fix="Give it the role Global Administrators in Cayosoft Administrator.",
)
def role(site: Site, item: Service) -> str:
    """A1 and E1 need it."""
    session = site.console(item).sign_in()
    if not session.may_configure:
        raise Wrong(
            f"{session.signed_in_as} has the product role {session.product_role} in the console of {item.name}, to which "
            "Configuration is not shown.",
            f"Give it Global Administrators: Cayosoft Administrator > Configuration > Delegation, account "
            f"{session.signed_in_as}.",
        )
    return session.product_role


@check(
    "console.extension",
    "the extension of each connection is enabled",
    fault="An extension cannot be looked at.",
    fix="Enable it: Configuration > Connected System Extensions.",
)
def extension(site: Site, item: Service, connection: Connection) -> str:
    """Open its page."""
    if not site.console(item).extension_enabled(connection.extension):
        raise Wrong(
            f"The extension {connection.extension.value} of {connection.name} is switched off in the console of {item.name}.",
            "Enable it: Configuration > Connected System Extensions, or take the connection out of the inventory.",
        )
    return connection.extension.value


@check(
    "console.row",
    "the row of each connection is there, and signs in with an account of the inventory",
    fault="A row cannot be looked at.",
    fix="Correct row of the connection in the inventory, as the console shows it.",
)
def row(site: Site, item: Service, connection: Connection) -> str:
    """Read the row; its password is never shown."""
    found: ConnectionRow | None = None
    with contextlib.suppress(NotFound):
        found = site.console(item).connection_row(connection.extension, connection.row)
    if found is None:
        raise Wrong(
            f"The console of {item.name} has no row {connection.row} in {connection.extension.value}, which {connection.name} names.",
            f"Correct row of {connection.name} in the inventory, as the console shows it.",
        )
    known_as = [account.username.casefold() for account in connection.accounts]
    if found.account.casefold() not in known_as:
        raise Wrong(
            f"The row {found.row} of {connection.name} signs in as {found.account}, which the inventory does not name.",
            f"account-rotation update {item.name} --connection {connection.name}, or correct its accounts in the inventory.",
        )
    saved = f", saved {found.saved_at:%Y-%m-%d %H:%M} UTC" if found.saved_at else ""
    return f"{found.row}, {found.account}{saved}"


@check(
    "console.operator",
    "a console without a bridge is worked on by a person",
    fault="A console cannot be looked at.",
    fix="-",
)
def operator(_site: Site, item: Service) -> str:
    """There is nothing to reach."""
    return (
        f"driver {item.console.driver.value}: nothing to reach, a person does the console's steps"
    )


def add(plan: Plan, site: Site, configured: Configured, vault: Vault) -> None:
    """Add the console of every service."""
    if site.inventory is None:
        plan.add(DOORS.reachable.on("", [configured.inventory])(NO_DOOR))
        return
    for item in site.inventory.services:
        console = item.console
        if console.driver is not Driver.BRIDGE or console.url is None or console.client is None:
            plan.add(operator.on(item.name)(item))
            continue
        place = f"services[{item.name}].console"
        door = door_of(console.url, console.ca_file, f"{place}.ca_file", f"{place}.url")
        trusted = DOORS.add(plan, item.name, door, configured.trust(console.ca_file))
        mine = vault.of(console.client.handle)
        signed_in = plan.add(sign_in.on(item.name, [trusted, mine])(item))
        right = plan.add(service.on(item.name, [signed_in])(item))
        may = plan.add(role.on(item.name, [right])(item))
        _add_rows(plan, item, may)


def _add_rows(plan: Plan, item: Service, may: Check) -> None:
    for connection in item.connections:
        enabled = plan.add(extension.on(connection.name, [may])(item, connection))
        plan.add(row.on(connection.name, [enabled])(item, connection))
