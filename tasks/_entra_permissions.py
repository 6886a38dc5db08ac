"""What explains a refused operation in Entra ID: a delegated permission of the app, or a role of the account."""

from __future__ import annotations

from connectors.cayosoft.models import Operation
from connectors.entra.models import ConsentReview, GrantedHow, PermissionKind
from connectors.entra.roles import missing_roles
from connectors.models import Finding
from connectors.protocols import Systems
from tasks.identify import Location

_ENOUGH = {
    Operation.ENTRA_CREATE_USER.value: ("User.ReadWrite.All", "Directory.ReadWrite.All"),
    Operation.ENTRA_MODIFY_USER.value: ("User.ReadWrite.All", "Directory.ReadWrite.All"),
    Operation.ENTRA_DELETE_USER.value: (
        "User.ReadWrite.All",
        "User.DeleteRestore.All",
        "Directory.ReadWrite.All",
    ),
}
"""Graph delegated permissions of which one suffices (Microsoft's permission map)."""


def explain(
    systems: Systems, location: Location, operation: str, review: ConsentReview | None
) -> tuple[Finding, ...]:
    """Return the permission, or else the role, that explains why an operation was refused; none if none does."""
    enough = _ENOUGH.get(operation)
    if enough is None or review is None:
        return ()
    for_the_account = {GrantedHow.CONNECTION_ACCOUNT, GrantedHow.ORGANIZATION}
    granted = {
        line.permission.value
        for line in review.lines
        if line.permission.kind is PermissionKind.DELEGATED and for_the_account & {*line.granted}
    }
    if not granted & {*enough}:
        return (
            Finding(
                "consent.permission-missing",
                enough[0],
                f"The product's app lacks the delegated permission {enough[0]}, which "
                f"{operation} needs.",
                f"Grant {enough[0]} for the connection account, then start the update again.",
            ),
        )
    return _missing_role(systems, location)


def _missing_role(systems: Systems, location: Location) -> tuple[Finding, ...]:
    """The permission is there, so the account's own role is the next suspect."""
    tenant = systems.tenant(location.in_tenant.tenant)
    account = tenant.account(systems.vault.credential(location.secret).username)
    holdings = tenant.role_facts(account.id).holdings
    if not missing_roles(["Global Administrator"], holdings, account.upn):
        return ()
    return missing_roles(["User Administrator"], holdings, account.upn)
