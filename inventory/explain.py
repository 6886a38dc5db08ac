"""What the models' refusals mean, in words for the person who writes the file.

The texts of pydantic are not used: some of them quote the value.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic_core import ErrorDetails

from inventory.document import Document, Loc
from inventory.problems import Problem
from inventory.shape import field_at, fields_at, wants_secret_place, without_tags

_LOOKS_SECRET = re.compile(
    r"pas+w|pas+phrase|pwd|secret|token|credential|api_?key|private_?key|^(pass|pin|pw)$",
    re.IGNORECASE,
)
_LIST_FIX = "Write each entry on a line of its own, beginning with a dash and a blank."
_NAME_FIX = "Use lower-case letters, digits and dashes, at most 50, a letter or digit at each end."
_UNQUOTED = "Put the value in quotes."
# Type of pydantic's error: what is wrong, and how it is corrected. Braces are filled from its context.
_TEXTS: Mapping[str, tuple[str, str]] = {
    "string_type": ("must be a text", _UNQUOTED),
    "string_unicode": ("holds characters that do not exist", "Write the text anew."),
    "string_too_short": ("is empty", "Give it a value."),
    "string_too_long": ("is longer than {max_length} characters", "Shorten it."),
    "string_pattern_mismatch": ("is no name that can be used here", _NAME_FIX),
    "int_type": ("must be a whole number", "Write it in digits, without quotes."),
    "int_parsing": ("must be a whole number", "Write it in digits, without quotes."),
    "int_from_float": ("must be a whole number", "Write it without a decimal point."),
    "greater_than_equal": ("must be at least {ge}", "Raise it."),
    "less_than_equal": ("must be at most {le}", "Lower it."),
    "bool_type": ("must be true or false", "Write true or false."),
    "bool_parsing": ("must be true or false", "Write true or false."),
    "tuple_type": ("must be a list", _LIST_FIX),
    "too_short": ("has too few entries", "Give it at least {min_length}."),
    "too_long": ("has more than {max_length} entries", "Remove what is too much."),
    "enum": ("must be {expected}", "Write one of these."),
    "literal_error": ("must be {expected}", "Write exactly that."),
    "uuid_type": ("must be a GUID", "Copy it from the Entra admin centre, in quotes."),
    "uuid_parsing": ("is no GUID", "Copy it from the Entra admin centre."),
    "path_type": ("must be the path of a file", _UNQUOTED),
}
_PLACE_FIX = (
    "Write path and mount below it; when the value was a secret itself, change that secret, "
    "because it has been in a file."
)
_BLOCKS = ("model_type", "model_attributes_type", "dict_type")


def explain(document: Document, errors: Iterable[ErrorDetails]) -> Iterator[Problem]:
    """Yield one mistake for each error, leaving out what another one explains better."""
    refused = [(without_tags(error["loc"]), error) for error in errors]
    misspelt = dict(
        _misspelt(document, [loc for loc, e in refused if e["type"] == "extra_forbidden"])
    )
    meant = {(*loc[:-1], name) for loc, name in misspelt.items()}
    for loc, error in refused:
        if error["type"] == "extra_forbidden":
            yield _unknown(document, loc, misspelt.get(loc))
        elif error["type"] == "missing":
            if loc not in meant:
                yield _missing(document, loc)
        elif not _said_elsewhere(document, loc, error):
            yield document.problem(loc, *_wrong(document, loc, error))


def _said_elsewhere(document: Document, loc: Loc, error: ErrorDetails) -> bool:
    """Say whether an error only follows from others, or is told better by ``inventory.rules``."""
    if error["type"] == "too_short":
        # Entries with mistakes are not counted by pydantic.
        least: int = error.get("ctx", {}).get("min_length", 1)
        return sum(1 for _ in document.each(*loc)) >= least
    return error["type"] == "value_error" and loc[-1:] == ("console",)


def _misspelt(document: Document, unknown: list[Loc]) -> Iterator[tuple[Loc, str]]:
    for loc in unknown:
        free = [
            name for name in fields_at(document, loc[:-1]) if not document.has((*loc[:-1], name))
        ]
        near = difflib.get_close_matches(_folded(loc[-1]), free, 1, cutoff=0.75)
        if near:
            yield loc, near[0]


def _folded(name: object) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name)).replace("-", "_").lower()


def _unknown(document: Document, loc: Loc, meant: str | None) -> Problem:
    name, known = str(loc[-1]), fields_at(document, loc[:-1])
    if _holds_secret(name, document.value(loc)):
        return document.problem(
            loc,
            "a secret's value does not belong into the inventory",
            "Remove it and change that secret, because it has been in a file; keep the new one in "
            "Vault and name its mount and path.",
        )
    if meant:
        return document.problem(loc, "is not a known field", f"Did you mean {meant}?")
    extension = document.text(*loc[:-1], "extension")
    if extension and name in _OTHERS:
        owner = _OTHERS[name]
        return document.problem(
            loc,
            f"belongs to {owner} connections, and this one is {extension}",
            "Remove it, or correct the extension.",
        )
    return document.problem(
        loc, "is not a known field", f"Remove it; known are {', '.join(known) or 'none'}."
    )


def _holds_secret(name: str, value: object) -> bool:
    """Say whether an unknown field, or one below it, looks as if it held a secret's value."""
    if isinstance(value, dict):
        return any(_holds_secret(str(inner), below) for inner, below in value.items())
    return value is not None and bool(_LOOKS_SECRET.search(name))


_OTHERS = {
    "tenant": "microsoft_365",
    "validation_domain": "microsoft_365",
    "required_roles": "microsoft_365",
    "consent": "microsoft_365",
    "directory": "active_directory",
    "validation_ou": "active_directory",
    "validation": "active_directory",
}


def _missing(document: Document, loc: Loc) -> Problem:
    field = field_at(document, loc)
    purpose = f": {field.description}" if field and field.description else "."
    if wants_secret_place(field):
        purpose = " with the path of the secret in Vault, and the mount unless it is kv."
    return document.problem(loc, "is missing", f"Add {loc[-1]}{purpose}")


def _wrong(document: Document, loc: Loc, error: ErrorDetails) -> tuple[str, str]:
    value = document.value(loc)
    if loc[-1:] == ("rotated_by",):
        return "must be vault or orchestrator, never both", "Name the one party that changes it."
    if value is None:
        return "has no value", "Give it one, or remove the field where it may be left out."
    if error["type"] in _BLOCKS:
        return _no_block(document, loc)
    if error["type"] == "too_long" and loc[-1:] == ("accounts",):
        return "has more than two accounts", "Keep one, or the two that take turns."
    message, fix = _TEXTS.get(error["type"], ("is not valid", _purpose(document, loc)))
    context: dict[str, Any] = error.get("ctx", {})
    return message.format_map(context), fix.format_map(context)


def _no_block(document: Document, loc: Loc) -> tuple[str, str]:
    if wants_secret_place(field_at(document, loc)):
        return "must name the place of a secret, not be a value", _PLACE_FIX
    known = ", ".join(fields_at(document, loc)) or "of this place"
    return "must be a block of fields", f"Write the fields below it, indented: {known}."


def _purpose(document: Document, loc: Loc) -> str:
    field = field_at(document, loc)
    return field.description if field and field.description else "Compare it with the example."
