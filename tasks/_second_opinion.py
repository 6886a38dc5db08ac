"""The operation that the product was refused, tried without the product, tells the product from the directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from connectors.cayosoft.models import Operation
from connectors.errors import Refused, RotationError
from connectors.models import Extension, Finding
from connectors.protocols import Systems
from report.record import current_record
from tasks._bounds import ours, ours_in_tenant
from tasks._directly import directly
from tasks._names import name_of, upn_of
from tasks.identify import Location

_OPERATIONS = {operation.value: operation for operation in Operation}


def second_opinion(
    systems: Systems, location: Location, failed: RotationError, findings: Sequence[Finding]
) -> str:
    """Try the refused operation once on this run's test user, and return what that tells; never raises.

    In a directory the account itself tries it. In a tenant the validator does, which is another identity, and
    only where nothing explains the refusal: it tells the tenant from the product, not the account from it.
    Whatever it makes is removed with this run's test user.
    """
    operation = _OPERATIONS.get(failed.operation)
    in_directory = location.extension is Extension.ACTIVE_DIRECTORY
    if operation is None or failed.system != "cayosoft" or (findings and not in_directory):
        return ""
    who = "the account itself" if in_directory else "the validator identity"
    try:
        arguments = _arguments(systems, location, operation)
        if arguments is None:
            return ""
        directly(systems, location, operation, arguments)
    except Refused as refused:
        if "identity" not in refused.identifiers:
            return f"; {who} is refused too ({refused})"
        # The inventory has no such identity, so nobody was asked.
        problem: RotationError = refused.sealed()
    except RotationError as error:
        problem = error.sealed()
    else:
        current_record().here().find(_only_the_product(location, operation, who))
        return f"; {who} may do it"
    current_record().here().leave_unchecked(f"{operation.value} by {who}: {problem}")
    return ""


def _arguments(
    systems: Systems, location: Location, operation: Operation
) -> Mapping[str, str] | None:
    """Return what the operation is tried on; None where this run's test user is not there."""
    text = f"second opinion of {name_of(location)}"
    if location.extension is Extension.ACTIVE_DIRECTORY:
        unit, name = location.in_directory.validation_ou, name_of(location)
        if operation is Operation.AD_CREATE_USER:
            return {"container": unit, "username": name}
        found = ours(location, systems.directory(location.in_directory.directory).find_user(name))
        more = {"description": text} if operation is Operation.AD_MODIFY_USER else {}
        return {"dn": found.dn, **more} if found else None
    upn = upn_of(location)
    if operation is Operation.ENTRA_CREATE_USER:
        return {"upn": upn, "displayName": name_of(location)}
    user = ours_in_tenant(location, systems.tenant(location.in_tenant.tenant).find_user(upn))
    more = {"department": text} if operation is Operation.ENTRA_MODIFY_USER else {}
    return {"id": user.id, **more} if user else None


def _only_the_product(location: Location, operation: Operation, who: str) -> Finding:
    return Finding(
        "validation.product-refused",
        operation.value,
        f"The product was refused {operation.value} for {location.row}, and {who} may do the very same.",
        "Look at the product, not at the directory: which account the row really uses, other rows and rules for "
        "the same domain or tenant, its own delegation, and sessions that it still holds with the old password "
        "(restart working sessions). Then start the update again.",
    )
