"""Times and lengths as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

_MILLISECONDS = 12
"""Digits from which on a version is a moment in milliseconds since 1970."""
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def moment(at: datetime) -> str:
    """Return a moment to the second, with its zone."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def length(seconds: float) -> str:
    """Return a length of time: 0.42 s, 12.3 s, 4 min 2 s, 4 h 12 min, 3 d 4 h."""
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    for position, (unit, name) in enumerate(_UNITS):
        if seconds >= unit:
            smaller, of = _UNITS[position + 1] if position + 1 < len(_UNITS) else (1, "s")
            rest = int(seconds % unit // smaller)
            return f"{int(seconds // unit)} {name}" + (f" {rest} {of}" if rest else "")
    return f"{seconds:.0f} s"


def age(then: datetime, now: datetime) -> str:
    """Say how long ago something was, in its largest unit."""
    seconds = max(0.0, (now - then).total_seconds())
    for unit, name in _UNITS:
        if seconds >= unit:
            return f"{int(seconds // unit)} {name} ago"
    return "just now"


def version(label: str | None) -> str:
    """Return a version by its number; a static role has the moment of its last rotation instead."""
    number = (label or "").partition("@")[0].rpartition("#")[2]
    if not number.isdecimal():
        return "-"
    if len(number) < _MILLISECONDS:
        return number
    return f"{datetime.fromtimestamp(int(number) / 1000, UTC):%Y-%m-%d %H:%M}"
