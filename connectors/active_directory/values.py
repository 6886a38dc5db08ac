"""Attribute values of Active Directory, from the bytes that travel to values of Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_NEVER = (1 << 63) - 1
_UNTIL_UNLOCKED = -(1 << 63)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry that a search found. Attribute names are lower case; values are as they travelled."""

    dn: str
    attributes: Mapping[str, tuple[bytes, ...]]

    def values(self, name: str) -> tuple[bytes, ...]:
        """Return every value, or nothing when there is none or this identity may not see it."""
        return self.attributes.get(name.lower(), ())

    def text(self, name: str) -> str | None:
        """Return the first value as text, or None."""
        values = self.values(name)
        return values[0].decode(errors="replace") if values else None

    def number(self, name: str) -> int | None:
        """Return the first value as an integer, or None when there is none or it is not one."""
        try:
            return int(self.values(name)[0])
        except (IndexError, ValueError):
            return None

    def time(self, name: str) -> datetime | None:
        """Return the first value, a file time, in UTC; None for none, 0 and never."""
        return file_time(self.number(name))


def file_time(ticks: int | None) -> datetime | None:
    """Return a file time (100 ns since 1601, UTC) as datetime; None for none, 0, never and beyond."""
    if ticks is None or ticks <= 0 or ticks >= _NEVER:
        return None
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None


def interval(ticks: int | None) -> timedelta | None:
    """Return a stored interval, a negative count of 100 ns; None for none, 0 and 'for ever'."""
    if not ticks or ticks == _UNTIL_UNLOCKED:
        return None
    return timedelta(microseconds=abs(ticks) // 10)


def generalized_time(text: str | None) -> datetime | None:
    """Return a generalized time such as ``20260131120000.0Z`` in UTC, or None."""
    try:
        return datetime.strptime((text or "")[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
