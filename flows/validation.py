"""Section V of the procedure: real operations, run by the product with the credential it now holds."""

from __future__ import annotations

from connectors.entra.models import ConsentReview
from connectors.errors import NotPermitted
from connectors.models import Extension
from connectors.protocols import Systems
from tasks import permissions, validate
from tasks.identify import Location


def validate_changes(
    systems: Systems, location: Location, review: ConsentReview | None, *, dry_run: bool
) -> None:
    """Run the operations of this extension; where one is refused, name the permission that explains it.

    A connection whose consent waits for remediation is not validated: it cannot work yet.
    """
    if dry_run or (review is not None and not review.ready):
        return
    operations = {
        Extension.ACTIVE_DIRECTORY: _in_active_directory,
        Extension.MICROSOFT_365: _in_entra_id,
    }
    try:
        operations[location.extension](systems, location)
    except NotPermitted as refused:
        with permissions.first_error_kept():
            permissions.double_check_permissions(systems, location, refused.sealed(), review)  # V8
        raise


def _in_active_directory(systems: Systems, location: Location) -> None:
    # Whatever ends this, a signal included, no test user stays behind.
    removed = False
    try:
        user = validate.create_ad_user(systems, location)  # V1
        user = validate.reset_ad_password(systems, location, user)  # V2
        user = validate.change_ad_attribute(systems, location, user)  # V3
        validate.delete_ad_user(systems, location, user)  # V4
        removed = True
    finally:
        if not removed:
            with validate.leftovers_named(location):
                validate.remove_ad_user(systems, location)  # V1u


def _in_entra_id(systems: Systems, location: Location) -> None:
    # Whatever ends this, a signal included, no test user stays behind.
    removed = False
    try:
        user = validate.provision_entra_user(systems, location)  # V5
        user = validate.update_entra_attribute(systems, location, user)  # V6
        validate.delete_entra_user(systems, location, user)  # V7
        removed = True
    finally:
        if not removed:
            with validate.leftovers_named(location):
                validate.remove_entra_user(systems, location)  # V5u
