"""Active Directory: every controller, our reader and setter, and the accounts and units that the inventory names.

No sign-in as a connection account: the daily verification spends those, within the budget of the ledger.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime

from cli.doctor import tls
from cli.doctor.configuration import Configured
from cli.doctor.model import Check, NotLooked, Plan, Wrong, check
from cli.doctor.site import Site
from cli.doctor.tls import NO_DOOR, Door
from cli.doctor.vault_content import Vault
from cli.doctor.words import many
from connectors.active_directory.models import AccountState
from connectors.active_directory.names import same_dn
from connectors.active_directory.settings import endpoint
from connectors.errors import NotFound, NotPermitted
from connectors.models import Presence
from inventory.models import ActiveDirectoryConnection, Directory, RotatedBy, SecretPlace

DOORS = tls.doors("directory", "a domain controller")


@check(
    "directory.domain",
    "each controller answers questions and belongs to the domain that base_dn names",
    fault="A controller does not tell about itself.",
    fix="Look at it with: ldapsearch -x -H ldaps://HOST -s base -b '' currentTime defaultNamingContext",
)
def domain(site: Site, item: Directory, where: str) -> str:
    """Read its rootDSE as a stranger; its clock is compared by clocks.agree."""
    facts = site.directory(item).controller(where)
    site.clock_of(f"the controller {where}", facts.clock)
    if facts.naming_context and not same_dn(facts.naming_context, item.base_dn):
        raise Wrong(
            f"The controller {where} belongs to {facts.naming_context}, and base_dn of {item.name} is {item.base_dn}.",
            f"Correct base_dn or controllers of the directory {item.name} in the inventory.",
        )
    return facts.naming_context or "does not tell its domain"


@check(
    "directory.reader",
    "the reader signs in on each controller",
    fault="The reader does not sign in.",
    fix="Correct its secret in Vault, or its account in the directory.",
)
def reader(site: Site, item: Directory, controllers: Sequence[tuple[str, Check]]) -> str:
    """Sign in once on each controller that can be used; a wrong password is not tried a second time."""
    usable = [where for where, of in controllers if of.passed]
    if not usable:
        raise NotLooked(f"no controller of {item.name} can be used")
    for where in usable:
        refused: NotPermitted | None = None
        try:
            site.directory(item).reader_signs_in(where)
        except NotPermitted as error:
            refused = error
        if refused is not None:
            reason = refused.identifiers.get("reason", "refused")
            raise Wrong(
                f"The reader of {item.name} does not sign in at {where}: {reason}.",
                _correct(item.reader),
            )
    site.controllers[item.name] = usable
    return f"{len(usable)} of {many(len(controllers), 'controller')}"


def _correct(place: SecretPlace | None) -> str:
    where = f"-mount={place.mount} {place.path}" if place else "PATH"
    return (
        f"Correct its secret (vault kv put {where} username=... password=@FILE) or its account. Wrong passwords "
        "count: look before you start doctor again."
    )


@check(
    "directory.account",
    "each connection account is there, enabled, not locked, and not expired",
    fault="A connection account cannot be looked at.",
    fix="Look at it with: Get-ADUser NAME -Properties *",
)
def account(site: Site, item: Directory, connection: str, username: str) -> str:
    """Read it as the reader."""
    state: AccountState | None = None
    with contextlib.suppress(NotFound):
        state = site.directory(item).account_state(username)
    if state is None:
        raise Wrong(
            f"The account {username} of {connection} is not in {item.name}.",
            f"Correct its name under accounts of {connection} in the inventory, or create it.",
        )
    if trouble := _trouble(state):
        what, fix = trouble
        raise Wrong(f"The account {username} of {connection} {what}.", fix)
    set_at = f"{state.password_last_set:%Y-%m-%d}" if state.password_last_set else "never"
    return f"{state.dn}, password set {set_at}"


def _trouble(state: AccountState) -> tuple[str, str] | None:
    name = state.username
    if not state.enabled:
        return "is disabled", f"Enable-ADAccount {name}"
    if state.account_expires and state.account_expires <= datetime.now(UTC):
        return (
            f"expired on {state.account_expires:%Y-%m-%d}",
            f"Clear-ADAccountExpiration {name}",
        )
    if state.locked:
        return (
            "is locked",
            f"Find out what signs in with a wrong password (event 4740 on the PDC), then: Unlock-ADAccount {name}",
        )
    if state.must_change_password:
        return (
            "must change its password first",
            f"Set-ADUser {name} -ChangePasswordAtLogon $false, or give it a new password",
        )
    if state.password_expired:
        return (
            "has an expired password",
            f"Give it a new one, and Set-ADUser {name} -PasswordNeverExpires $true, since it is rotated here",
        )
    return None


@check(
    "directory.validation-ou",
    "the unit in which test users are made is there",
    fault="The validation unit cannot be looked at.",
    fix="New-ADOrganizationalUnit -Name NAME -Path PATH",
)
def validation_ou(site: Site, item: Directory, connection: ActiveDirectoryConnection) -> str:
    """Look for it as the reader."""
    unit = connection.validation_ou
    if not site.directory(item).exists(unit):
        name, _, path = unit.partition(",")
        raise Wrong(
            f"The validation_ou of {connection.name}, {unit}, is not in {item.name}, or the reader may not see it.",
            f'New-ADOrganizationalUnit -Name "{name.partition("=")[2]}" -Path "{path}", or correct validation_ou in the '
            "inventory.",
        )
    return unit


@check(
    "directory.setter-sign-in",
    "the setter signs in",
    fault="The setter does not sign in.",
    fix="Correct its secret in Vault, or its account in the directory.",
)
def setter_sign_in(site: Site, item: Directory) -> str:
    """Sign in once, when there is budget for it, before anything is asked about single accounts."""
    refused: NotPermitted | None = None
    try:
        signed_in = site.directory(item).setter_signs_in()
    except NotPermitted as error:
        refused = error
    else:
        return f"{signed_in.account} at {signed_in.where}"
    reason = refused.identifiers.get("reason", "refused")
    raise Wrong(f"The setter of {item.name} does not sign in: {reason}.", _correct(item.setter))


@check(
    "directory.setter",
    "the setter may reset the password of each account that the orchestrator rotates",
    fault="What the setter may do cannot be told.",
    fix='dsacls "OU" /I:S /G "DOMAIN\\SETTER:CA;Reset Password;user"',
)
def setter(site: Site, item: Directory, connection: str, username: str) -> str:
    """Sign in as the setter, when there is budget for it, and read the account's descriptor."""
    directory = site.directory(item)
    dn = directory.account_state(username).dn
    found = directory.may_set_password(dn)
    if found.presence is Presence.MISSING:
        unit = dn.partition(",")[2]
        raise Wrong(
            f"The setter of {item.name} may not reset the password of {username} ({connection}).",
            f'dsacls "{unit}" /I:S /G "{found.account}:CA;Reset Password;user"',
        )
    return f"{username}: {found.presence.value}, told by {found.how}"


def add(plan: Plan, site: Site, configured: Configured, vault: Vault) -> None:
    """Add every directory of the inventory."""
    if site.inventory is None:
        plan.add(DOORS.reachable.on("", [configured.inventory])(NO_DOOR))
        return
    for item in site.inventory.directories:
        mine = [
            connection
            for service in site.inventory.services
            for connection in service.connections
            if isinstance(connection, ActiveDirectoryConnection)
            and connection.directory == item.name
        ]
        read = _add_directory(plan, item, configured, vault)
        sets: Check | None = None
        if item.setter and any(one.rotated_by is RotatedBy.ORCHESTRATOR for one in mine):
            needs = [read, vault.of(item.setter.handle)]
            sets = plan.add(setter_sign_in.on(item.name, needs)(item))
        for connection in mine:
            _add_connection(plan, item, connection, read, sets)


def _add_directory(plan: Plan, item: Directory, configured: Configured, vault: Vault) -> Check:
    controllers = []
    for number, where in enumerate(item.controllers):
        host, port = endpoint(where)
        field = f"directories[{item.name}].controllers[{number}]"
        door = Door(host, port, item.ca_file, f"directories[{item.name}].ca_file", field)
        subject = f"{item.name} {where.removeprefix('ldaps://')}"
        trusted = DOORS.add(plan, subject, door, configured.trust(item.ca_file))
        controllers.append((where, plan.add(domain.on(subject, [trusted])(item, where))))
    needs = [vault.of(item.reader.handle)]
    after = [of for _, of in controllers]
    return plan.add(reader.on(item.name, needs, after)(item, controllers))


def _add_connection(
    plan: Plan,
    item: Directory,
    connection: ActiveDirectoryConnection,
    read: Check,
    sets: Check | None,
) -> None:
    plan.add(validation_ou.on(connection.name, [read])(item, connection))
    several = len(connection.accounts) > 1
    for known in connection.accounts:
        subject = f"{connection.name} {known.username}" if several else connection.name
        there = plan.add(account.on(subject, [read])(item, connection.name, known.username))
        if connection.rotated_by is RotatedBy.ORCHESTRATOR and sets:
            plan.add(setter.on(subject, [there, sets])(item, connection.name, known.username))
