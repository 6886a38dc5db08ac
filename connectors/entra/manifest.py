"""The pinned list of what the product needs, loaded from a JSON file and checked whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.entra.models import ConsentManifest, Permission, PermissionKind
from connectors.entra.settings import SYSTEM
from connectors.errors import InvalidInput

BUILT_IN = Path(__file__).parent / "manifests"
_OPERATION = "load manifest"
_Text = Annotated[str, Field(min_length=1, max_length=200)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    resource_app_id: UUID
    resource: _Text
    kind: PermissionKind
    value: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=200)]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: _Text
    note: str = ""
    complete: bool = True
    former_app_display_names: tuple[_Text, ...] = ()
    app_display_name: _Text
    permissions: Annotated[list[_Entry], Field(min_length=1)]


def load_manifest(source: str | Path) -> ConsentManifest:
    """Load a built-in manifest by name, or any by the path of its JSON file.

    Raises InvalidInput whose advice names every mistake with its field, not the first only.
    """
    path = _path(source)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        names = ", ".join(sorted(file.stem for file in BUILT_IN.glob("*.json")))
        problem = _invalid(path, f"Give a readable JSON file, or one of: {names}.")
    except ValueError as error:
        line = getattr(error, "lineno", None)
        where = f" at line {line}" if line else ""
        problem = _invalid(path, f"{path} is not valid JSON{where}.")
    else:
        return _checked(path, content)
    raise problem


def _path(source: str | Path) -> Path:
    if isinstance(source, Path):
        return source
    if source.endswith(".json") or "/" in source or "\\" in source:
        return Path(source)
    return BUILT_IN / f"{source}.json"


def _checked(path: Path, content: object) -> ConsentManifest:
    mistakes: list[str] = []
    permissions: list[Permission] = []
    try:
        file = _File.model_validate(content)
    except ValidationError as error:
        mistakes = [f"{_where(item['loc'])}: {item['msg']}" for item in error.errors()]
    else:
        permissions = [_permission(entry) for entry in file.permissions]
        mistakes = _twice(permissions)
        if not mistakes:
            return ConsentManifest(
                file.name,
                file.app_display_name,
                frozenset(permissions),
                file.complete,
                file.former_app_display_names,
            )
    raise _invalid(path, f"Correct {path}: {'; '.join(mistakes)}.")


def _twice(permissions: list[Permission]) -> list[str]:
    seen: set[tuple[str, PermissionKind, str]] = set()
    mistakes = []
    for number, item in enumerate(permissions):
        key = (item.resource_app_id, item.kind, item.value.casefold())
        if key in seen:
            mistakes.append(f"permissions[{number}]: {item.kind} {item.value} is listed twice")
        seen.add(key)
    return mistakes


def _permission(entry: _Entry) -> Permission:
    return Permission(str(entry.resource_app_id), entry.resource, entry.kind, entry.value)


def _where(location: tuple[int | str, ...]) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).lstrip(".") or "the file"


def _invalid(path: Path, advice: str) -> InvalidInput:
    return InvalidInput(SYSTEM, _OPERATION, file=path, advice=advice)
