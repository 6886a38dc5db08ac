"""A YAML file as plain values that still know their lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from inventory.problems import Problem

Loc: TypeAlias = "tuple[str | int, ...]"
"""The way to a value from the top: field names and list positions."""

_SAFE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class Document:
    """The values of one file. ``lines`` has the line, from 1, of every field and list entry."""

    file: str
    data: object
    lines: Mapping[Loc, int]

    def value(self, loc: Loc) -> object:
        """Return what is at a place, or None."""
        found = self.data
        for part in loc:
            if isinstance(found, dict) and isinstance(part, str):
                found = found.get(part)
            elif isinstance(found, list) and isinstance(part, int) and part < len(found):
                found = found[part]
            else:
                return None
        return found

    def has(self, loc: Loc) -> bool:
        """Say whether the file has this field or entry, even without a value."""
        return loc in self.lines

    def text(self, *loc: str | int) -> str | None:
        """Return the text at a place without outer blanks; None for anything else, and for no text."""
        found = self.value(loc)
        return found.strip() or None if isinstance(found, str) else None

    def each(self, *loc: str | int) -> Iterator[Loc]:
        """Yield the places of a list's entries; nothing when there is no list."""
        found = self.value(loc)
        for position in range(len(found) if isinstance(found, list) else 0):
            yield (*loc, position)

    def connections(self) -> Iterator[Loc]:
        """Yield the places of every service's connections."""
        for service in self.each("services"):
            yield from self.each(*service, "connections")

    def line(self, loc: Loc) -> int:
        """Return the line of a place, or of the nearest one around it that the file has."""
        while loc and loc not in self.lines:
            loc = loc[:-1]
        return self.lines.get(loc, 1)

    def field(self, loc: Loc) -> str:
        """Return a place as people read it, with names instead of positions where there are names."""
        text = ""
        for depth, part in enumerate(loc):
            if isinstance(part, str):
                text += f".{part}" if text else part
                continue
            name = self.text(*loc[: depth + 1], "name")
            text += f"[{name if name and _SAFE_NAME.fullmatch(name) else part}]"
        return text

    def problem(self, loc: Loc, message: str, fix: str) -> Problem:
        """Return a mistake at a place."""
        return Problem(self.file, self.line(loc), self.field(loc), message, fix)


def is_plain_name(text: str) -> bool:
    """Say whether a name may be repeated in a message: short, and nothing but letters, digits, _ and -."""
    return bool(_SAFE_NAME.fullmatch(text))
