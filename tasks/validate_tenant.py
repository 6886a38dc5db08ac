"""V5-V7: validate the changes in Entra ID with real operations (article: "Validate the changes").

The product runs each operation with the credential that it now holds; the verifier then looks in the tenant
whether it really happened. V5 first removes what an earlier run of the same connection left when it was killed.
"""

from __future__ import annotations

from datetime import datetime

from connectors.cayosoft.models import Operation
from connectors.cayosoft.operator import Tried
from connectors.entra.models import EntraUser
from connectors.errors import NotPermitted, OutOfStep
from connectors.protocols import Systems
from report.record import current_record
from report.text import printable
from tasks import _in_person
from tasks._bounds import ours_in_tenant
from tasks._names import name_of, upn_of
from tasks._operations import SEEN_WITHIN, prove
from tasks._step import AlreadySo, Answer, Done, step
from tasks._test_users import deleted_by_hand, removed_from_tenant
from tasks._wait import eventually
from tasks.identify import Location


def tried_by_hand(systems: Systems, location: Location) -> bool:
    """Say whether V5 to V7 can be looked at: in person, only where somebody has reported to have tried."""
    if not location.in_person:
        return True
    report = _in_person.reported(systems, location)
    if report is not None and report.test_user is not Tried.NOT_TRIED:
        return True
    current_record().here().leave_unchecked(
        "whether the product can work in the tenant: nobody has tried it with a test user"
    )
    return False


@step("V5")
def provision_entra_user(systems: Systems, location: Location) -> Answer[EntraUser]:
    """Remove what an earlier run left, let the product provision a user, and see it in the tenant."""
    upn = upn_of(location)
    location.ledger.require()  # what is removed could be a younger run's
    removed = removed_from_tenant(systems, location)
    if location.in_person:
        made = _made_by_hand(systems, location)
        return Done(made, f"{removed}{made.upn} was created in person at {_shown(made.created)}")
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
    text = department_of(location)
    if location.in_person:
        return _changed_by_hand(location, user, text)
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
    if location.in_person:
        return Done(None, f"{user.upn} was deleted in person at {_shown(user.deleted)}")
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


def department_of(location: Location) -> str:
    """Return what V6 has the test user's department changed to."""
    return f"V6 {name_of(location)}"


def _made_by_hand(systems: Systems, location: Location) -> EntraUser:
    """Return the test user that was created, changed and deleted in person, as the recycle bin shows it.

    Raises NotPermitted where the product is reported to have refused it, OutOfStep where it is not seen.
    """
    report = _in_person.reported(systems, location)
    if report is not None and report.test_user is Tried.REFUSED:
        raise NotPermitted(
            "cayosoft",
            Operation.ENTRA_CREATE_USER.value,
            row=location.row,
            reported=f"{report.by}{f': {report.note}' if report.note else ''}",
            advice="The product refused it. Step V8 names the permission where it can be told; see the findings.",
        )
    seen = eventually(lambda: deleted_by_hand(systems, location), _is_there, SEEN_WITHIN)
    if seen is not None:
        return seen
    raise OutOfStep(
        "cayosoft",
        Operation.ENTRA_CREATE_USER.value,
        row=location.row,
        user=upn_of(location),
        advice="It was reported that this test user was created, changed and deleted in the product, and the "
        "tenant's recycle bin does not show it. Compare the tenant that the console manages with the inventory.",
    )


def _is_there(user: EntraUser | None) -> bool:
    return user is not None


def _changed_by_hand(location: Location, user: EntraUser, text: str) -> Answer[EntraUser]:
    if user.department != text:
        raise OutOfStep(
            "cayosoft",
            Operation.ENTRA_MODIFY_USER.value,
            row=location.row,
            user=user.upn,
            department=printable(user.department or "")[:100] or "empty",
            expected=text,
            advice="The test user was created and deleted, and its department was not changed as the form says. "
            f"To try again: account-rotation update {location.service.name} --connection {location.name} --try-again",
        )
    return Done(user, f"department read {text!r} when it was deleted")


def _shown(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "a time that is not told"


def _tenant_user(systems: Systems, location: Location, upn: str) -> EntraUser | None:
    return ours_in_tenant(location, systems.tenant(location.in_tenant.tenant).find_user(upn))
