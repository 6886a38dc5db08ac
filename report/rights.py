"""The rights of an Active Directory account as a table: one row per right, one column per place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.active_directory.models import Right, RightCheck
from connectors.models import Presence

NOT_KNOWN = (
    "Looked at without changing anything: what validation needs in its organizational unit, and the rights of the "
    "vendor's two delegations in what the product manages and below it. Not looked at: an organizational unit "
    "that inherits nothing from above. Not known here: what the second delegation ticks for computers, contacts "
    "and groups beyond creating and deleting, and what Exchange and other extensions need; compare with the "
    "vendor's article 'Required permissions for connection accounts in Cayosoft Administrator'."
)
"""What a reader must not take the table for."""


@dataclass(frozen=True, slots=True)
class Column:
    """One place, and what was told there."""

    title: str
    presence: dict[Right, Presence]


def columns(checks: Sequence[RightCheck]) -> list[Column]:
    """Return the places in the order in which they were looked at."""
    found: dict[tuple[bool, str], Column] = {}
    for check in checks:
        role = "managed" if check.managed else "validation"
        title = f"{role}: {check.container}"
        column = found.setdefault((check.managed, check.container), Column(title, {}))
        column.presence[check.right] = check.presence
    return list(found.values())


def rows(checks: Sequence[RightCheck]) -> list[tuple[Right, list[Presence | None]]]:
    """Return what was told of each right, place by place; None where it was not asked."""
    places = columns(checks)
    asked = [right for right in Right if any(right in place.presence for place in places)]
    return [(right, [place.presence.get(right) for place in places]) for right in asked]
