"""Paths: which engine a path belongs to, and which of its endpoints answers."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.vault.tokens import random_id
from sandbox.vault.wire import Answer, Call, Refusal

Handler = Callable[[Call], Answer | None]
Exists = Callable[[Call], bool]


@dataclass(frozen=True)
class Endpoint:
    """One operation on one path. ``name`` is what faults and the journal call it."""

    name: str
    operations: frozenset[str]
    pattern: re.Pattern[str]
    handler: Handler
    exists: Exists | None = None  # tells create from update; without it every write is an update
    open: bool = False  # no token needed
    sudo: bool = False  # the policy must grant sudo too


class Table:
    """The endpoints of one engine, tried in order."""

    def __init__(self) -> None:
        self._endpoints: list[Endpoint] = []
        self.fallback: Endpoint | None = None  # for paths that no endpoint knows

    def add(self, operations: str, pattern: str, name: str, handler: Handler, **more: Any) -> None:
        """Register an endpoint. Operations: read list write patch delete."""
        self._endpoints.append(
            Endpoint(name, frozenset(operations.split()), re.compile(pattern), handler, **more)
        )

    def find(self, operation: str, path: str) -> tuple[Endpoint, dict[str, str]]:
        """Return the endpoint and its path parameters; refuse as the framework does."""
        known = False
        for endpoint in self._endpoints:
            found = endpoint.pattern.fullmatch(path)
            if found and operation in endpoint.operations:
                return endpoint, {k: v or "" for k, v in found.groupdict().items()}
            known = known or bool(found)
        if known:
            raise Refusal.combined(405, "unsupported operation")
        if self.fallback and operation in self.fallback.operations:
            return self.fallback, {}
        raise Refusal.combined(404, "unsupported path")


@dataclass
class Mount:
    """One mounted engine. ``path`` ends with a slash; auth methods begin with ``auth/``."""

    path: str
    type: str
    table: Table
    engine: Any = None
    description: str = ""
    options: dict[str, str] | None = None
    accessor: str = ""
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))

    def __post_init__(self) -> None:
        kind = "auth_" if self.path.startswith("auth/") else ""
        self.accessor = self.accessor or f"{kind}{self.type}_{random_id(8).lower()}"

    def show(self) -> dict[str, Any]:
        """Return what the mount tables say about it."""
        config: dict[str, Any] = {
            "default_lease_ttl": 0,
            "force_no_cache": False,
            "max_lease_ttl": 0,
        }
        if self.path.startswith("auth/"):
            config["token_type"] = "default-service"
        plugin = {"deprecation_status": "supported"} if self.engine is not None else {}
        return {
            "accessor": self.accessor,
            "config": config,
            **plugin,
            "description": self.description,
            "external_entropy_access": False,
            "local": False,
            "options": self.options,
            "plugin_version": "",
            "running_plugin_version": "v2.6.2+builtin.bao",
            "running_sha256": "",
            "seal_wrap": False,
            "type": self.type,
            "uuid": self.uuid,
        }


class Mounts:
    """Every mounted engine."""

    def __init__(self) -> None:
        self._mounts: dict[str, Mount] = {}

    def add(self, mount: Mount) -> None:
        """Mount an engine."""
        self._mounts[mount.path] = mount

    def remove(self, path: str) -> None:
        """Unmount; a path where nothing is mounted is success."""
        self._mounts.pop(path, None)

    def get(self, path: str) -> Mount | None:
        """Return what is mounted exactly here."""
        return self._mounts.get(path)

    def conflict(self, path: str) -> str | None:
        """Return the mount whose path is above or below this one."""
        for other in self._mounts:
            if other.startswith(path) or path.startswith(other):
                return other
        return None

    def of(self, path: str) -> Mount | None:
        """Return the mount that a request path belongs to: the longest."""
        fitting = [m for m in self._mounts.values() if path.startswith(m.path)]
        fitting += [m for m in self._mounts.values() if path + "/" == m.path]
        return max(fitting, key=lambda m: len(m.path), default=None)

    def listed(self, *, auth: bool) -> dict[str, Mount]:
        """Return the auth methods, or the secret engines, by their public path."""
        mounts = {p: m for p, m in self._mounts.items() if p.startswith("auth/") == auth}
        return {p.removeprefix("auth/"): m for p, m in sorted(mounts.items())}
