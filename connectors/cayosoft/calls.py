"""One request to a bridge as a value, and the two headers that make a change safe."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from connectors.cayosoft.models import Draft
from connectors.cayosoft.problems import SYSTEM
from connectors.errors import InvalidInput
from connectors.http import Effect
from connectors.models import Extension

_KEY = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class Call:
    """One request under /bridge/v1. ``about`` names what it is about in errors; ``body`` may hold a password."""

    operation: str
    effect: Effect
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] | None = field(default=None, repr=False)
    about: Mapping[str, str] = field(default_factory=dict)


def on_row(
    operation: str,
    effect: Effect,
    method: str,
    extension: Extension,
    row: str,
    *,
    tail: str = "",
    headers: Mapping[str, str] | None = None,
    body: Mapping[str, object] | None = None,
) -> Call:
    """Make a call about one connection row."""
    path = f"extensions/{extension.value}/rows/{quote(row, safe='')}{tail}"
    about = {"extension": extension.value, "row": row}
    return Call(operation, effect, method, path, headers or {}, body, about)


def on_draft(
    operation: str,
    effect: Effect,
    method: str,
    draft: Draft,
    *,
    tail: str = "",
    headers: Mapping[str, str] | None = None,
) -> Call:
    """Make a call about one edit draft."""
    path = f"drafts/{quote(draft.id, safe='')}{tail}"
    about = {"extension": draft.extension.value, "row": draft.row, "draft": draft.id}
    return Call(operation, effect, method, path, headers or {}, None, about)


def if_match(revision: str) -> dict[str, str]:
    """Return the header that names the revision a change was made from."""
    return {"If-Match": f'"{revision}"'}


def once(operation: str, key: str) -> dict[str, str]:
    """Return the idempotency header; raise InvalidInput for a key that no header can carry."""
    if not _KEY.fullmatch(key):
        raise InvalidInput(
            SYSTEM,
            operation,
            field="Idempotency-Key",
            advice="Give a key of 1 to 128 visible ASCII characters.",
        )
    return {"Idempotency-Key": key}
