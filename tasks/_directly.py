"""Operations of the validation without the product: in a directory as the account, in a tenant as the validator."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.cayosoft.models import Operation
from connectors.models import Extension
from connectors.protocols import Systems
from tasks._bounds import require_within_bounds
from tasks.identify import Location


def directly(
    systems: Systems, location: Location, operation: Operation, arguments: Mapping[str, str]
) -> None:
    """Send one operation without the product: to a directory as the account, to a tenant as the validator.

    NOTE: in a tenant there is no such road as the account itself. It would take a delegated token with the
    right to write, which a password sign-in gives to a public client only: see docs/identities.md.
    """
    require_within_bounds(location, arguments)
    if location.extension is Extension.ACTIVE_DIRECTORY:
        _in_directory(systems, location, operation, arguments)
    else:
        _in_tenant(systems, location, operation, arguments)


def _in_directory(
    systems: Systems, location: Location, operation: Operation, arguments: Mapping[str, str]
) -> None:
    directory = systems.directory(location.in_directory.directory)
    account, dn = location.secret, arguments.get("dn", "")
    attributes = {name: value for name, value in arguments.items() if name != "dn"}
    if operation is Operation.AD_CREATE_USER:
        directory.create_user(account, arguments["container"], arguments["username"])
    elif operation is Operation.AD_RESET_PASSWORD:
        directory.reset_password(account, dn)
    elif operation is Operation.AD_MODIFY_USER:
        directory.modify_user(account, dn, attributes)
    else:
        directory.delete_user(account, dn)


def _in_tenant(
    systems: Systems, location: Location, operation: Operation, arguments: Mapping[str, str]
) -> None:
    tenant = systems.tenant(location.in_tenant.tenant)
    attributes = {name: value for name, value in arguments.items() if name != "id"}
    if operation is Operation.ENTRA_CREATE_USER:
        tenant.create_user(arguments["upn"], arguments["displayName"])
    elif operation is Operation.ENTRA_MODIFY_USER:
        tenant.modify_user(arguments["id"], attributes)
    else:
        tenant.delete_user(arguments["id"])
