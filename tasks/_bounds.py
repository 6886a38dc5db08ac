"""What validation may touch: test users directly in the validation OU, or in the validation domain. Nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.active_directory.models import DirectoryUser
from connectors.active_directory.names import parent_of, same_dn
from connectors.entra.models import EntraUser
from connectors.errors import InvalidInput, OutOfStep
from connectors.models import Extension
from tasks._names import prefix_of
from tasks.identify import Location


def is_ours(location: Location, user: DirectoryUser) -> bool:
    """Say whether a user is a test user of this connection, directly in the validation OU."""
    named = user.username.casefold().startswith(prefix_of(location))
    return named and same_dn(parent_of(user.dn), location.in_directory.validation_ou)


def ours(location: Location, user: DirectoryUser | None) -> DirectoryUser | None:
    """Return a user that was looked for by its name; raise OutOfStep when it is not where test users are.

    The search for a name goes over the whole domain, and what it finds is changed and deleted.
    """
    if user is None or is_ours(location, user):
        return user
    raise OutOfStep(
        "active directory",
        "look for the test user",
        user=user.username,
        found=user.dn,
        validation_ou=location.in_directory.validation_ou,
        advice="A user with a test user's name is outside the validation OU. It was not touched: find out who "
        "made or moved it, delete it by hand if it is a test user, then start the update again.",
    )


def is_ours_in_tenant(location: Location, user: EntraUser) -> bool:
    """Say whether a user is a test user of this connection in the validation domain."""
    return _is_test_upn(location, user.upn)


def ours_in_tenant(location: Location, user: EntraUser | None) -> EntraUser | None:
    """Return a user that was looked for by its name; raise OutOfStep when it has another name or domain."""
    if user is None or is_ours_in_tenant(location, user):
        return user
    raise OutOfStep(
        "entra",
        "look for the test user",
        found=user.upn,
        validation_domain=location.in_tenant.validation_domain,
        advice="The tenant shows another user under a test user's name. It was not touched: look at it in "
        "Entra admin centre > Users, then start the update again.",
    )


def require_within_bounds(location: Location, arguments: Mapping[str, str]) -> None:
    """Raise InvalidInput before anything is sent when an operation names anything but a test user's place.

    A user that is named by its object id was looked for by its UPN before (``ours_in_tenant``).
    """
    if location.extension is Extension.ACTIVE_DIRECTORY:
        unit = location.in_directory.validation_ou
        place = arguments.get("container") or parent_of(arguments.get("dn", ""))
        name = arguments.get("username", prefix_of(location))
        inside = same_dn(place, unit) and name.casefold().startswith(prefix_of(location))
        limit = unit
    else:
        upn = arguments.get("upn")
        inside = bool(arguments.get("id")) if upn is None else _is_test_upn(location, upn)
        limit = location.in_tenant.validation_domain
    if not inside:
        raise InvalidInput(
            "orchestrator",
            "validate",
            limit=limit,
            asked=" ".join(sorted(arguments.values()))[:200],
            advice="Only test users of this connection are created, changed and deleted, and only there. "
            "Nothing was sent. Correct validation_ou or validation_domain in the inventory.",
        )


def _is_test_upn(location: Location, upn: str) -> bool:
    local, _, domain = upn.casefold().partition("@")
    wanted = location.in_tenant.validation_domain.casefold()
    return domain == wanted and local.startswith(prefix_of(location))
