"""The names in an inventory, whatever else may be wrong with it: quick, for a shell that completes them."""

from __future__ import annotations

import re

from connectors.errors import RotationError
from inventory.document import Document
from inventory.reading import Unreadable, read
from inventory.settings import InventorySettings

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")


def names_of_services() -> list[tuple[str, tuple[str, ...]]]:
    """Return each service's name with those of its connections; nothing where no inventory can be read."""
    document = _document()
    if document is None:
        return []
    found = []
    for service in document.each("services"):
        own = _plain(document.text(*service, "name"))
        named = [document.text(*at, "name") for at in document.each(*service, "connections")]
        found += [(name, tuple(n for c in named for n in _plain(c))) for name in own]
    return found


def tenant_names() -> list[str]:
    """Return the names of tenants; nothing where no inventory can be read."""
    document = _document()
    if document is None:
        return []
    named = [document.text(*at, "name") for at in document.each("tenants")]
    return [name for text in named for name in _plain(text)]


def _plain(name: str | None) -> list[str]:
    return [name] if name and _NAME.fullmatch(name) else []


def _document() -> Document | None:
    try:
        path = InventorySettings().path()
        return read(str(path), path.read_bytes())[0]
    except (RotationError, OSError, Unreadable):
        return None
