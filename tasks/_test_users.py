"""What becomes of the test users of V that a killed run left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from connectors.entra.models import EntraUser
from connectors.errors import NotPermitted, RotationError, Unknown
from connectors.models import Finding
from connectors.protocols import Systems
from report.record import current_record
from tasks._ledger import TEST_USER_LEFT
from tasks._names import name_of, prefix_of, upn_of
from tasks.identify import Location


def removed_from_directory(systems: Systems, location: Location) -> str:
    """Remove, as the connection account, what earlier runs left in the validation OU; say so in evidence.

    This run's own user stays: a step that is tried again has made it already.
    """
    where = location.in_directory
    directory = systems.directory(where.directory)
    prefix, own = prefix_of(location), name_of(location)
    return _removed(
        location,
        lambda: directory.delete_test_users(location.secret, where.validation_ou, prefix, keep=own),
    )


def removed_from_tenant(systems: Systems, location: Location) -> str:
    """Remove, as the validator, what earlier runs left in the validation domain; say so in evidence."""
    where = location.in_tenant
    tenant = systems.tenant(where.tenant)
    prefix, own = prefix_of(location), upn_of(location)
    return _removed(
        location, lambda: tenant.delete_test_users(where.validation_domain, prefix, keep=own)
    )


def _removed(location: Location, sweep: Callable[[], tuple[str, ...]]) -> str:
    """Remove what an earlier run left; return it as the beginning of a sentence, or an empty text.

    What may not be removed becomes a finding. After a lost answer it is looked for again.
    """
    try:
        try:
            gone = sweep()
        except Unknown:
            gone = sweep()
        location.ledger.swept = True
        return f"removed what an earlier run left: {', '.join(gone)}; " if gone else ""
    except NotPermitted as refused:
        problem = refused.sealed()
    current_record().here().find(
        Finding(
            TEST_USER_LEFT,
            problem.identifiers.get("users") or "test users of an earlier run",
            f"An earlier run left test users that could not be removed: {problem}",
            problem.what_to_do(),
        )
    )
    return ""


def deleted_by_hand(systems: Systems, location: Location) -> EntraUser | None:
    """Return this run's test user as the tenant's recycle bin shows it; None where it does not, or may not."""
    tenant = systems.tenant(location.in_tenant.tenant)
    return tenant.deleted_user(upn_of(location), name_of(location))


@contextmanager
def leftovers_named(location: Location) -> Iterator[None]:
    """Turn a failed clean-up into a finding, so that the first error stays the run's error."""
    try:
        yield
    except RotationError as error:
        current_record().here().find(
            Finding(
                TEST_USER_LEFT,
                name_of(location),
                f"The test user could not be removed: {error}",
                f"Delete the user {name_of(location)} by hand. {error.what_to_do()}",
            )
        )
