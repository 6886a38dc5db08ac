"""V5-V7: validate the changes in Entra ID with real operations (article: "Validate the changes").

The product runs each operation with the credential that it now holds; the verifier then looks in the tenant
whether it really happened. V5 first removes what an earlier run of the same connection left when it was killed.
"""

from __future__ import annotations

from connectors.cayosoft.models import Operation
from connectors.entra.models import EntraUser
from connectors.protocols import Systems
from tasks._bounds import ours_in_tenant
from tasks._names import name_of, upn_of
from tasks._operations import prove
from tasks._step import AlreadySo, Answer, Done, step
from tasks._test_users import removed_from_tenant
from tasks.identify import Location


@step("V5")
def provision_entra_user(systems: Systems, location: Location) -> Answer[EntraUser]:
    """Remove what an earlier run left, let the product provision a user, and see it in the tenant."""
    upn = upn_of(location)
    location.ledger.require()  # what is removed could be a younger run's
    removed = removed_from_tenant(systems, location)
    user = prove(
        systems,
        location,
        Operation.ENTRA_CREATE_USER,
        {"upn": upn, "displayName": name_of(location)},
        look=lambda: _tenant_user(systems, location, upn),
        wanted=lambda seen: seen is not None,
    )
    assert user is not None  # noqa: S101  what was wanted, told to the type checker
    return Done(user, f"{removed}the product created {user.upn}; seen in the tenant")


@step("V6")
def update_entra_attribute(
    systems: Systems, location: Location, user: EntraUser
) -> Answer[EntraUser]:
    """Let the product update the user's department, and see it."""
    text = f"V6 {name_of(location)}"
    after = prove(
        systems,
        location,
        Operation.ENTRA_MODIFY_USER,
        {"id": user.id, "department": text},
        look=lambda: _tenant_user(systems, location, user.upn) or user,
        wanted=lambda seen: seen.department == text,
        exists=lambda: _tenant_user(systems, location, user.upn) is not None,
    )
    return Done(after, f"department reads {text!r}")


@step("V7")
def delete_entra_user(systems: Systems, location: Location, user: EntraUser) -> Answer[None]:
    """Let the product delete the user, and see that it is gone (Entra keeps it 30 days in the bin)."""
    prove(
        systems,
        location,
        Operation.ENTRA_DELETE_USER,
        {"id": user.id},
        look=lambda: _tenant_user(systems, location, user.upn),
        wanted=lambda seen: seen is None,
    )
    return Done(None, f"{user.upn} is gone from the tenant (in the recycle bin for 30 days)")


@step("V5", undo=True)
def remove_entra_user(systems: Systems, location: Location) -> Answer[None]:
    """Undo step V5: delete this run's test user with the validator identity."""
    user = _tenant_user(systems, location, upn_of(location))
    if user is None:
        return AlreadySo(None, "no test user is left")
    systems.tenant(location.in_tenant.tenant).delete_user(user.id)
    return Done(None, f"{user.upn} deleted directly, by the validator identity")


def _tenant_user(systems: Systems, location: Location, upn: str) -> EntraUser | None:
    return ours_in_tenant(location, systems.tenant(location.in_tenant.tenant).find_user(upn))
