"""Foreign text made harmless: what another system said may hold more than can be seen."""

from __future__ import annotations

import unicodedata

_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def printable(text: str) -> str:
    """Drop what cannot be seen: terminal escapes, NUL, and marks that turn the direction of writing.

    Line breaks and tabs stay.
    """
    if text.isprintable():  # nearly every text is; Python leaves out all that we do, and more
        return text
    return "".join(
        letter for letter in text if letter in "\n\t" or unicodedata.category(letter) not in _UNSEEN
    )


def one_line(text: str, most: int) -> str:
    """Return at most so many letters of what somebody typed, on one line."""
    return " ".join(printable(text).split())[:most]
