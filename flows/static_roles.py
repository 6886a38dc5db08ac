"""Step N3 where Vault sets the password: static roles of its LDAP secrets engine."""

from __future__ import annotations

from collections.abc import Sequence

from flows._run import Run
from tasks import new_password
from tasks.identify import Location


def rotated_by_vault(run: Run, locations: Sequence[Location]) -> tuple[Location, ...]:
    """Let Vault rotate each role; return the locations with their new versions, without those that failed."""
    rotated = []
    for location in run.of(locations):
        with run.on(location):
            rotated.append(new_password.let_vault_rotate(run.systems, location))  # N3
    return tuple(rotated)
