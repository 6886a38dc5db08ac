"""What each of our own applications must be permitted in Microsoft Graph (docs/identities.md), and what it must not."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.entra.endpoints import SET_PASSWORD

NEEDED: dict[str, tuple[str, ...]] = {
    "verifier": (
        "User.Read.All",
        "Application.Read.All",
        "Directory.Read.All",
        "RoleManagement.Read.Directory",
    ),
    "validator": ("User.ReadWrite.All",),
    "setter": (SET_PASSWORD.permission,),
    "remediator": (
        "Application.Read.All",
        "AppRoleAssignment.ReadWrite.All",
        "DelegatedPermissionGrant.ReadWrite.All",
    ),
}
"""Application permissions by identity."""


def lacking(role: str, held: Iterable[str]) -> tuple[str, ...]:
    """Return what an identity needs and does not hold; who may write what, may read it."""
    has = set(held)
    return tuple(
        name for name in NEEDED[role] if not {name, name.replace(".Read.", ".ReadWrite.")} & has
    )


def beyond_reading(held: Iterable[str]) -> tuple[str, ...]:
    """Return the permissions by which an identity that only looks could change something."""
    return tuple(sorted(name for name in held if ".Read." not in f"{name}."))
