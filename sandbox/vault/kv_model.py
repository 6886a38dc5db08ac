"""The nouns of KV version 2: a key, its versions and settings, and the JSON it holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sandbox.vault.values import go_duration, timestamp

DEFAULT_MAX_VERSIONS = 10


@dataclass
class Version:
    """One version. ``deleted`` may lie ahead: then the version is still alive."""

    created: float
    data: str | None  # JSON text; None once destroyed
    deleted: float | None = None
    destroyed: bool = False

    def gone(self, now: float) -> bool:
        """Tell whether a read finds nothing."""
        return self.destroyed or (self.deleted is not None and self.deleted <= now)

    def show(self) -> dict[str, Any]:
        """Return the dates and state."""
        return {
            "created_time": timestamp(self.created),
            "deletion_time": timestamp(self.deleted) if self.deleted is not None else "",
            "destroyed": self.destroyed,
        }


@dataclass
class Settings:
    """Settings of a mount or of one key; lengths are seconds, -1 switches deletion off (mount only)."""

    max_versions: int = 0
    cas_required: bool = False
    metadata_cas_required: bool = False
    delete_version_after: int = 0

    def show(self) -> dict[str, Any]:
        """Return the settings as the API words them."""
        return {
            "max_versions": self.max_versions,
            "cas_required": self.cas_required,
            "metadata_cas_required": self.metadata_cas_required,
            "delete_version_after": go_duration(self.delete_version_after),
        }


@dataclass
class Key:
    """One secret: its settings and versions."""

    created: float
    updated: float
    settings: Settings = field(default_factory=Settings)
    current: int = 0
    oldest: int = 0
    metadata_version: int = 0
    custom: dict[str, str] | None = None
    versions: dict[int, Version] = field(default_factory=dict)

    def stale(self) -> Key | None:
        """Return this key as a standby that lags one write behind would see it."""
        if self.current <= 1:
            return None
        older = {n: v for n, v in self.versions.items() if n < self.current}
        return Key(
            self.created, self.updated, self.settings, self.current - 1, self.oldest,
            self.metadata_version, self.custom, older,
        )  # fmt: skip


def merge_patch(target: Any, changes: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396): null removes."""
    if not isinstance(changes, dict):
        return changes
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in changes.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def without_values(content: dict[str, Any], deepest: int, depth: int = 1) -> dict[str, Any]:
    """Keep the names and drop the values, down to a depth (0: all the way)."""
    deeper = not deepest or depth < deepest
    return {
        name: without_values(value, deepest, depth + 1)
        if isinstance(value, dict) and value and deeper
        else None
        for name, value in content.items()
    }
