"""Section V of the procedure: real operations, run by the product with the credential it now holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors.entra.models import ConsentReview
from connectors.errors import NotPermitted
from connectors.models import Extension
from connectors.protocols import Systems
from tasks import permissions, validate, validate_tenant
from tasks._test_users import leftovers_named
from tasks.identify import Location


def validate_changes(
    systems: Systems, location: Location, review: ConsentReview | None, *, dry_run: bool
) -> None:
    """Run the operations of this extension; where one is refused, name the permission that explains it.

    A connection whose consent waits for remediation is not validated: it cannot work yet.
    """
    if dry_run or (review is not None and not review.ready):
        return
    if location.extension is Extension.MICROSOFT_365 and not validate_tenant.tried_by_hand(
        systems, location
    ):
        return
    operations = {
        Extension.ACTIVE_DIRECTORY: _in_active_directory,
        Extension.MICROSOFT_365: _in_entra_id,
    }
    operations[location.extension](systems, location, review)


def _in_active_directory(
    systems: Systems, location: Location, review: ConsentReview | None
) -> None:
    # Whatever ends this, a signal included, no test user stays behind.
    removed = False
    try:
        with _explained(systems, location, review):
            users = validate.create_ad_user(systems, location)  # V1
            users = validate.reset_ad_password(systems, location, users)  # V2
            users = validate.change_ad_attribute(systems, location, users)  # V3
            validate.delete_ad_user(systems, location, users)  # V4
        removed = True
    finally:
        if not removed:
            with leftovers_named(location):
                validate.remove_ad_user(systems, location)  # V1u


def _in_entra_id(systems: Systems, location: Location, review: ConsentReview | None) -> None:
    # Whatever ends this, a signal included, no test user stays behind.
    removed = False
    try:
        with _explained(systems, location, review):
            user = validate_tenant.provision_entra_user(systems, location)  # V5
            user = validate_tenant.update_entra_attribute(systems, location, user)  # V6
            validate_tenant.delete_entra_user(systems, location, user)  # V7
        removed = True
    finally:
        if not removed:
            with leftovers_named(location):
                validate_tenant.remove_entra_user(systems, location)  # V5u


@contextmanager
def _explained(
    systems: Systems, location: Location, review: ConsentReview | None
) -> Iterator[None]:
    """Explain a refusal while the test user is still there; the refusal stays the error."""
    try:
        yield
    except NotPermitted as refused:
        with permissions.first_error_kept():
            permissions.double_check_permissions(systems, location, refused.sealed(), review)  # V8
        raise
