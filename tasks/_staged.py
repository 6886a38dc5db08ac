"""Passwords that wait at a place of their own: whether they are there, and that none is left behind."""

from __future__ import annotations

from connectors.errors import NotFound, RotationError
from connectors.models import Finding, SecretHandle
from connectors.protocols import Systems
from report.record import current_record


def is_there(systems: Systems, staged: SecretHandle) -> bool:
    """Say whether a staged password is still there."""
    try:
        known = systems.vault.metadata(staged)
    except NotFound:
        return False
    return any(version.readable for version in known.versions)


def thrown_away(systems: Systems, staged: SecretHandle, what: str) -> bool:
    """Remove a staged copy that nobody needs; that it stays is a finding, nothing worse."""
    try:
        systems.vault.discard(staged)
    except RotationError as error:
        current_record().here().find(
            Finding(
                "vault.staged-left",
                str(staged),
                f"{what} could not be removed: {error}",
                f"Remove it: vault kv metadata delete -mount={staged.mount} {staged.path}",
            )
        )
        return False
    return True
