"""V: validate the changes with real operations (article: "Validate the changes").

The product runs each operation with the credential that it now holds; another identity then looks in the
directory whether it really happened. Names carry the run's id, so that nothing is left unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from prefect.runtime import flow_run

from connectors.active_directory.models import DirectoryUser
from connectors.cayosoft.models import Operation, OperationResult
from connectors.entra.models import EntraUser
from connectors.errors import NotPermitted, OutOfStep, RotationError, Unknown
from connectors.models import Finding
from connectors.protocols import Systems
from report.record import current_record
from tasks import _console
from tasks._step import AlreadySo, Answer, Done, step
from tasks._wait import eventually
from tasks.identify import Location

SEEN_WITHIN = 60.0
"""Seconds that a directory may take to show what the product did."""


def test_name() -> str:
    """Return the name of this run's test users: 20 characters at most, told apart by run id."""
    return f"rot-{(flow_run.get_id() or 'norun').replace('-', '')[:12]}"


@step("V1")
def create_ad_user(systems: Systems, location: Location) -> Answer[DirectoryUser]:
    """Let the product create a user in the validation OU, and see it there."""
    name, container = test_name(), location.in_directory.validation_ou
    arguments = {"container": container, "username": name, "description": "created by V1"}
    _run(systems, location, Operation.AD_CREATE_USER, arguments)
    directory = systems.directory(location.in_directory.directory)
    user = eventually(lambda: directory.find_user(name), lambda seen: seen is not None, SEEN_WITHIN)
    if user is None:
        raise _not_seen(location, "create a user", name)
    return Done(user, f"the product created {user.dn}; seen in the directory")


@step("V2")
def reset_ad_password(
    systems: Systems, location: Location, user: DirectoryUser
) -> Answer[DirectoryUser]:
    """Let the product reset the user's password, and see that it was set anew."""
    _run(systems, location, Operation.AD_RESET_PASSWORD, {"dn": user.dn})
    directory = systems.directory(location.in_directory.directory)
    after = eventually(
        lambda: directory.find_user(user.username),
        lambda seen: seen is not None and seen.password_last_set != user.password_last_set,
        SEEN_WITHIN,
    )
    if after is None or after.password_last_set == user.password_last_set:
        raise _not_seen(location, "reset the user's password", user.dn)
    return Done(after, f"password last set moved to {after.password_last_set}")


@step("V3")
def change_ad_attribute(
    systems: Systems, location: Location, user: DirectoryUser
) -> Answer[DirectoryUser]:
    """Let the product change the user's description, and see it."""
    wanted = f"changed by V3 of {test_name()}"
    _run(systems, location, Operation.AD_MODIFY_USER, {"dn": user.dn, "description": wanted})
    directory = systems.directory(location.in_directory.directory)
    after = eventually(
        lambda: directory.find_user(user.username),
        lambda seen: seen is not None and seen.description == wanted,
        SEEN_WITHIN,
    )
    if after is None or after.description != wanted:
        raise _not_seen(location, "change an attribute of the user", user.dn)
    return Done(after, f"description reads {wanted!r}")


@step("V4")
def delete_ad_user(systems: Systems, location: Location, user: DirectoryUser) -> Answer[None]:
    """Let the product delete the user, and see that it is gone."""
    _run(systems, location, Operation.AD_DELETE_USER, {"dn": user.dn})
    directory = systems.directory(location.in_directory.directory)
    left = eventually(
        lambda: directory.find_user(user.username), lambda seen: seen is None, SEEN_WITHIN
    )
    if left is not None:
        raise _not_seen(location, "delete the user", user.dn)
    return Done(None, f"{user.dn} is gone from the directory")


@step("V1", undo=True)
def remove_ad_user(systems: Systems, location: Location) -> Answer[None]:
    """Undo step V1: delete this run's test user as the connection account itself."""
    directory = systems.directory(location.in_directory.directory)
    user = directory.find_user(test_name())
    if user is None:
        return AlreadySo(None, "no test user is left")
    directory.delete_user(location.secret, user.dn)
    return Done(None, f"{user.dn} deleted directly, as the connection account")


@step("V5")
def provision_entra_user(systems: Systems, location: Location) -> Answer[EntraUser]:
    """Let the product provision a user, and see it in the tenant."""
    upn = _upn(location)
    arguments = {"upn": upn, "displayName": test_name()}
    _run(systems, location, Operation.ENTRA_CREATE_USER, arguments)
    tenant = systems.tenant(location.in_tenant.tenant)
    user = eventually(lambda: tenant.find_user(upn), lambda seen: seen is not None, SEEN_WITHIN)
    if user is None:
        raise _not_seen(location, "provision a user", upn)
    return Done(user, f"the product created {user.upn}; seen in the tenant")


@step("V6")
def update_entra_attribute(
    systems: Systems, location: Location, user: EntraUser
) -> Answer[EntraUser]:
    """Let the product update the user's department, and see it."""
    wanted = f"V6 {test_name()}"
    _run(systems, location, Operation.ENTRA_MODIFY_USER, {"id": user.id, "department": wanted})
    tenant = systems.tenant(location.in_tenant.tenant)
    after = eventually(
        lambda: tenant.find_user(user.upn),
        lambda seen: seen is not None and seen.department == wanted,
        SEEN_WITHIN,
    )
    if after is None or after.department != wanted:
        raise _not_seen(location, "update an attribute of the user", user.upn)
    return Done(after, f"department reads {wanted!r}")


@step("V7")
def delete_entra_user(systems: Systems, location: Location, user: EntraUser) -> Answer[None]:
    """Let the product delete the user, and see that it is gone (Entra keeps it 30 days in the bin)."""
    _run(systems, location, Operation.ENTRA_DELETE_USER, {"id": user.id})
    tenant = systems.tenant(location.in_tenant.tenant)
    left = eventually(lambda: tenant.find_user(user.upn), lambda seen: seen is None, SEEN_WITHIN)
    if left is not None:
        raise _not_seen(location, "delete the provisioned user", user.upn)
    return Done(None, f"{user.upn} is gone from the tenant (in the recycle bin for 30 days)")


@step("V5", undo=True)
def remove_entra_user(systems: Systems, location: Location) -> Answer[None]:
    """Undo step V5: delete this run's test user with the validator identity."""
    tenant = systems.tenant(location.in_tenant.tenant)
    user = tenant.find_user(_upn(location))
    if user is None:
        return AlreadySo(None, "no test user is left")
    tenant.delete_user(user.id)
    return Done(None, f"{user.upn} deleted directly, by the validator identity")


@contextmanager
def leftovers_named() -> Iterator[None]:
    """Turn a failed clean-up into a finding, so that the first error stays the run's error."""
    try:
        yield
    except RotationError as error:
        current_record().here().find(
            Finding(
                "validation.test-user-left",
                test_name(),
                f"The test user could not be removed: {error}",
                f"Delete the user {test_name()} by hand. {error.what_to_do()}",
            )
        )


def _upn(location: Location) -> str:
    return f"{test_name()}@{location.in_tenant.validation_domain}"


def _run(
    systems: Systems, location: Location, operation: Operation, arguments: Mapping[str, str]
) -> OperationResult:
    """Run one operation through the product; after a lost answer, ask again under the same key.

    The bridge answers a repeated key with what it did the first time, so the repeat observes.
    """
    console = systems.console(location.service.name)
    key = _console.run_key(location, operation.value)
    for last in (False, True):
        try:
            result = console.run_operation(
                location.extension, location.row, operation, arguments, key
            )
        except Unknown as lost:
            problem = lost
            if last:
                break
        else:
            if result.ok:
                return result
            raise _refused(location, operation, result)
    raise problem


def _refused(location: Location, operation: Operation, result: OperationResult) -> NotPermitted:
    return NotPermitted(
        "cayosoft",
        operation.value,
        row=location.row,
        code=result.error_code,
        advice="The product could not do this with the credential it holds. Step V8 names the "
        "permission where it can be told; see the findings.",
    )


def _not_seen(location: Location, what: str, subject: str) -> OutOfStep:
    return OutOfStep(
        "cayosoft",
        what,
        row=location.row,
        subject=subject,
        waited=f"{SEEN_WITHIN:g} s",
        advice="The product reports success, but the directory does not show it. Compare the "
        "domain or tenant that the console manages with the inventory.",
    )
