"""V: validate the changes with real operations (article: "Validate the changes").

The product runs each operation with the credential that it now holds; another identity then looks in the
directory whether it really happened. Names tell connection and run apart, so that nothing is left unnoticed:
V1 and V5 first remove what an earlier run of the same connection left when it was killed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

from connectors.active_directory.models import DirectoryUser
from connectors.cayosoft.models import Operation
from connectors.entra.models import EntraUser
from connectors.errors import NotPermitted, OutOfStep, RotationError, Superseded, Unknown
from connectors.models import Finding
from connectors.protocols import Systems
from report.record import current_record
from tasks import _console
from tasks._step import AlreadySo, Answer, Done, step
from tasks._test_users import removed_from_directory, removed_from_tenant, test_name, test_upn
from tasks._wait import eventually, observe
from tasks.identify import Location

T = TypeVar("T")

SEEN_WITHIN = 60.0
"""Seconds that a directory may take to show what the product did."""

LOST_WITHIN = 5.0
"""Seconds to look whether an operation happened whose answer was lost."""


@step("V1")
def create_ad_user(systems: Systems, location: Location) -> Answer[DirectoryUser]:
    """Remove what an earlier run left, let the product create a user in the validation OU, and see it."""
    name = test_name(location)
    location.ledger.require()  # what is removed could be a younger run's
    removed = removed_from_directory(systems, location)
    user = _prove(
        systems,
        location,
        Operation.AD_CREATE_USER,
        {"container": location.in_directory.validation_ou, "username": name},
        look=lambda: _directory_user(systems, location, name),
        wanted=lambda seen: seen is not None,
    )
    assert user is not None  # noqa: S101  what was wanted, told to the type checker
    return Done(user, f"{removed}the product created {user.dn}; seen in the directory")


@step("V2")
def reset_ad_password(
    systems: Systems, location: Location, user: DirectoryUser
) -> Answer[DirectoryUser]:
    """Let the product reset the user's password, and see that it was set anew."""
    before = user.password_last_set
    after = _prove(
        systems,
        location,
        Operation.AD_RESET_PASSWORD,
        {"dn": user.dn},
        look=lambda: _directory_user(systems, location, user.username) or user,
        wanted=lambda seen: seen.password_last_set != before,
        exists=lambda: _directory_user(systems, location, user.username) is not None,
    )
    return Done(after, f"password last set moved from {before} to {after.password_last_set}")


@step("V3")
def change_ad_attribute(
    systems: Systems, location: Location, user: DirectoryUser
) -> Answer[DirectoryUser]:
    """Let the product change the user's description, and see it."""
    text = f"changed by V3 of {test_name(location)}"
    after = _prove(
        systems,
        location,
        Operation.AD_MODIFY_USER,
        {"dn": user.dn, "description": text},
        look=lambda: _directory_user(systems, location, user.username) or user,
        wanted=lambda seen: seen.description == text,
        exists=lambda: _directory_user(systems, location, user.username) is not None,
    )
    return Done(after, f"description reads {text!r}")


@step("V4")
def delete_ad_user(systems: Systems, location: Location, user: DirectoryUser) -> Answer[None]:
    """Let the product delete the user, and see that it is gone."""
    _prove(
        systems,
        location,
        Operation.AD_DELETE_USER,
        {"dn": user.dn},
        look=lambda: _directory_user(systems, location, user.username),
        wanted=lambda seen: seen is None,
    )
    return Done(None, f"{user.dn} is gone from the directory")


@step("V1", undo=True)
def remove_ad_user(systems: Systems, location: Location) -> Answer[None]:
    """Undo step V1: delete this run's test user as the connection account itself."""
    user = _directory_user(systems, location, test_name(location))
    if user is None:
        return AlreadySo(None, "no test user is left")
    systems.directory(location.in_directory.directory).delete_user(location.secret, user.dn)
    return Done(None, f"{user.dn} deleted directly, as the connection account")


@step("V5")
def provision_entra_user(systems: Systems, location: Location) -> Answer[EntraUser]:
    """Remove what an earlier run left, let the product provision a user, and see it in the tenant."""
    upn = test_upn(location)
    location.ledger.require()  # what is removed could be a younger run's
    removed = removed_from_tenant(systems, location)
    user = _prove(
        systems,
        location,
        Operation.ENTRA_CREATE_USER,
        {"upn": upn, "displayName": test_name(location)},
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
    text = f"V6 {test_name(location)}"
    after = _prove(
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
    _prove(
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
    user = _tenant_user(systems, location, test_upn(location))
    if user is None:
        return AlreadySo(None, "no test user is left")
    systems.tenant(location.in_tenant.tenant).delete_user(user.id)
    return Done(None, f"{user.upn} deleted directly, by the validator identity")


@contextmanager
def leftovers_named(location: Location) -> Iterator[None]:
    """Turn a failed clean-up into a finding, so that the first error stays the run's error."""
    try:
        yield
    except RotationError as error:
        current_record().here().find(
            Finding(
                "validation.test-user-left",
                test_name(location),
                f"The test user could not be removed: {error}",
                f"Delete the user {test_name(location)} by hand. {error.what_to_do()}",
            )
        )


def _directory_user(systems: Systems, location: Location, name: str) -> DirectoryUser | None:
    return systems.directory(location.in_directory.directory).find_user(name)


def _tenant_user(systems: Systems, location: Location, upn: str) -> EntraUser | None:
    return systems.tenant(location.in_tenant.tenant).find_user(upn)


def _prove(
    systems: Systems,
    location: Location,
    operation: Operation,
    arguments: Mapping[str, str],
    *,
    look: Callable[[], T],
    wanted: Callable[[T], bool],
    exists: Callable[[], bool] = lambda: True,
) -> T:
    """Let the product do it, and look with another identity until it is seen; return what was seen.

    ``exists`` says whether the test user is still there at all: another run of the same connection removes it.

    Raises NotPermitted when the product was refused, OutOfStep when it is not seen in the directory,
    Superseded when the test user is gone.
    """
    refused: NotPermitted | None = None
    try:
        _run(systems, location, operation, arguments, lambda: wanted(look()))
    except NotPermitted as error:
        refused = error.sealed()
    else:
        seen = eventually(look, wanted, SEEN_WITHIN)
        if wanted(seen):
            return seen
    if not eventually(exists, bool, LOST_WITHIN):
        raise Superseded(
            "cayosoft",
            operation.value,
            row=location.row,
            test_user=test_name(location),
            advice="This run's test user is gone: another run of the same connection began and "
            "removed it. Look at that run.",
        )
    if refused:
        raise refused
    raise OutOfStep(
        "cayosoft",
        operation.value,
        row=location.row,
        waited=f"{SEEN_WITHIN:g} s",
        advice="The product reports success, but the directory does not show it. Compare the "
        "domain or tenant that the console manages with the inventory.",
    )


def _run(
    systems: Systems,
    location: Location,
    operation: Operation,
    arguments: Mapping[str, str],
    happened: Callable[[], bool],
) -> None:
    """Run one operation through the product; after a lost answer, look before asking again.

    The second request carries the same key, so a bridge that has done it does not do it twice.
    """
    location.ledger.require()
    console = systems.console(location.service.name)
    key = _console.run_key(location, operation.value)
    lost: list[Unknown] = []
    while len(lost) < 2:
        try:
            result = console.run_operation(
                location.extension, location.row, operation, arguments, key
            )
        except Unknown as unknown:
            lost.append(unknown.sealed())
        else:
            if result.ok:
                return
            raise NotPermitted(
                "cayosoft",
                operation.value,
                row=location.row,
                code=result.error_code,
                advice="The product could not do this with the credential it holds. Step V8 names "
                "the permission where it can be told; see the findings.",
            )
        if observe(lambda: eventually(happened, bool, LOST_WITHIN), lost[-1]):
            return
    raise lost[-1]
