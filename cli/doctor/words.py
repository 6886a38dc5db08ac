"""Numbers with their nouns."""

from __future__ import annotations


def many(number: int, noun: str) -> str:
    """Return a number with its noun, which gets an s unless it is one."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
