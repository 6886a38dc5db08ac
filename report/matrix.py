"""The consent as a matrix: a row per permission, a column per way in which it is required or granted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from connectors.entra.consent import needed_how
from connectors.entra.models import ConsentLine, ConsentReview, GrantedHow, PermissionKind


class Upshot(StrEnum):
    """What a permission comes to."""

    AS_IT_MUST_BE = "as it must be"
    MISSING = "missing"
    FOR_EVERYBODY = "granted for everybody"
    MISSING_AND_FOR_EVERYBODY = "missing for this account, granted for everybody"
    EXTRA = "extra"
    EXTRA_FOR_EVERYBODY = "extra, granted for everybody"


SIGNS = {
    Upshot.AS_IT_MUST_BE: "✔",
    Upshot.MISSING: "✘",
    Upshot.FOR_EVERYBODY: "▲",
    Upshot.MISSING_AND_FOR_EVERYBODY: "✘▲",
    Upshot.EXTRA: "+",
    Upshot.EXTRA_FOR_EVERYBODY: "+▲",
}
"""The sign of each, so that no meaning hangs on a colour."""

COLUMNS = ("required", "account or app", "everybody", "another user")
"""The columns of yes and no between a permission's name and what it comes to."""


@dataclass(frozen=True, slots=True)
class Row:
    """One permission. ``held``: granted the only way that counts for its type."""

    resource: str
    kind: str
    permission: str
    required: bool
    held: bool
    everybody: bool
    others: bool
    upshot: Upshot

    @property
    def cells(self) -> tuple[bool, ...]:
        """The answers to COLUMNS."""
        return (self.required, self.held, self.everybody, self.others)


def rows(review: ConsentReview) -> tuple[Row, ...]:
    """Return the matrix, ordered by resource and type, in them the required ones first."""
    order = {PermissionKind.DELEGATED: 0, PermissionKind.APPLICATION: 1}
    lines = sorted(
        review.lines,
        key=lambda line: (
            line.permission.resource,
            order[line.permission.kind],
            not line.required,
            line.permission.value,
        ),
    )
    return tuple(map(_row, lines))


def summary(matrix: Sequence[Row]) -> str:
    """Say in a sentence what the matrix shows, for those who do not see it."""
    required = sum(row.required for row in matrix)
    held = sum(row.required and row.held for row in matrix)
    everybody = sum(row.everybody for row in matrix)
    extra = sum(not row.required for row in matrix)
    return (
        f"Of {required} required permissions {held} are granted as they must be, {required - held} are missing. "
        f"{everybody} are granted for everybody, {extra} are extra."
    )


def _row(line: ConsentLine) -> Row:
    held = needed_how(line.permission) in line.granted
    everybody = GrantedHow.ORGANIZATION in line.granted
    return Row(
        line.permission.resource,
        line.permission.kind.value,
        line.permission.value,
        line.required,
        held,
        everybody,
        GrantedHow.ANOTHER_USER in line.granted,
        _upshot(line.required, held=held, everybody=everybody),
    )


def _upshot(required: bool, *, held: bool, everybody: bool) -> Upshot:
    if not required:
        return Upshot.EXTRA_FOR_EVERYBODY if everybody else Upshot.EXTRA
    if not held:
        return Upshot.MISSING_AND_FOR_EVERYBODY if everybody else Upshot.MISSING
    return Upshot.FOR_EVERYBODY if everybody else Upshot.AS_IT_MUST_BE
