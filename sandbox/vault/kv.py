"""KV version 2: secrets in numbered versions under check-and-set."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from sandbox.vault.kv_metadata import Metadata
from sandbox.vault.kv_model import (
    DEFAULT_MAX_VERSIONS,
    Key,
    Settings,
    Version,
    merge_patch,
    without_values,
)
from sandbox.vault.routing import Endpoint, Table
from sandbox.vault.values import Fields
from sandbox.vault.wire import LATE, Answer, Call, Refusal


class KeyValue:
    """One KV v2 mount. The caller holds Vault's lock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.settings = Settings()
        self.keys: dict[str, Key] = {}
        self.table = Table()
        self._register()

    def _register(self) -> None:
        add, path = self.table.add, "(?P<path>.*)"
        metadata = Metadata(self)

        def exists(call: Call) -> bool:
            return call.params["path"] in self.keys

        add("read", f"data/{path}", "kv.read", self._read)
        add("write", f"data/{path}", "kv.write", self._write, exists=exists)
        add("patch", f"data/{path}", "kv.patch", self._patch)
        add("delete", f"data/{path}", "kv.delete", self._delete_latest)
        add("write", f"delete/{path}", "kv.delete_versions", self._delete_versions)
        add("write", f"undelete/{path}", "kv.undelete", self._undelete)
        add("write", f"destroy/{path}", "kv.destroy", self._destroy)
        add("read", f"subkeys/{path}", "kv.subkeys", self._subkeys)
        add("read", f"metadata/{path}", "kv.metadata", metadata.read)
        add("list", f"metadata/{path}", "kv.list", metadata.names)
        add("write", f"metadata/{path}", "kv.metadata_write", metadata.write, exists=exists)
        add("patch", f"metadata/{path}", "kv.metadata_patch", metadata.patch)
        add("delete", f"metadata/{path}", "kv.metadata_delete", metadata.delete)
        add("read", "config", "kv.config", lambda _: Answer(self.settings.show()))
        add("write", "config", "kv.config", metadata.configure)
        self.table.fallback = _WRONG_PATH

    def seen(self, call: Call) -> Key | None:
        """Return the key as this call sees it: an armed ``stale`` fault hides the last version."""
        key = self.keys.get(call.params["path"])
        fault = call.request.fault
        return key.stale() if key and fault and fault.kind in LATE else key

    def _described(self, key: Key, number: int) -> dict[str, Any]:
        shown = key.versions[number].show()
        return {"version": number, **shown, "custom_metadata": key.custom}

    def _found(self, call: Call) -> tuple[Key, int, Version] | None:
        key = self.seen(call)
        if key is None:
            return None
        asked = Fields(call.data).number("version")
        number = asked if asked > 0 else key.current
        version = key.versions.get(number)
        return (key, number, version) if version else None

    def _read(self, call: Call) -> Answer | None:
        found = self._found(call)
        if found is None:
            return None
        key, number, version = found
        gone = version.gone(self.now())
        content = None if gone or version.data is None else json.loads(version.data)
        answer = {"data": content, "metadata": self._described(key, number)}
        return Answer(answer, status=404 if gone else 200)

    def _subkeys(self, call: Call) -> Answer | None:
        found = self._found(call)
        if found is None:
            return None
        key, number, version = found
        gone = version.gone(self.now())
        content = None
        if not gone and version.data is not None:
            content = without_values(json.loads(version.data), Fields(call.data).number("depth"))
        answer = {"subkeys": content, "metadata": self._described(key, number)}
        return Answer(answer, status=404 if gone else 200)

    def _check_and_set(self, call: Call, key: Key | None) -> None:
        options = Fields(call.data).mapping("options")
        if "cas" in options:
            expected = _weak_int(options["cas"])
            if expected != (key.current if key else 0):
                raise Refusal(400, "check-and-set parameter did not match the current version")
        elif self.settings.cas_required or (key is not None and key.settings.cas_required):
            raise Refusal(400, "check-and-set parameter required for this call")

    def _write(self, call: Call) -> Answer | None:
        path = call.params["path"]
        if not path:
            raise Refusal(400, "missing path")
        content = _content(call)
        key = self.keys.get(path)
        self._check_and_set(call, key)
        if key is None:
            key = self.keys[path] = Key(self.now(), self.now())
        return self._append(key, content)

    def _append(self, key: Key, content: dict[str, Any] | None) -> Answer:
        now = self.now()
        version = Version(now, json.dumps(content), self.deletion(key, now))
        key.current += 1
        key.versions[key.current] = version
        key.updated = now
        keep = max(key.settings.max_versions, self.settings.max_versions) or DEFAULT_MAX_VERSIONS
        if key.current - key.oldest >= keep:
            key.oldest = key.current - keep + 1
            key.versions = {n: v for n, v in key.versions.items() if n >= key.oldest}
        return Answer(self._described(key, key.current))

    def deletion(self, key: Key, start: float) -> float | None:
        """Return when a version made at ``start`` will be deleted by itself, or None."""
        mount, own = self.settings.delete_version_after, key.settings.delete_version_after
        if mount < 0 or not (mount or own):
            return None
        return start + min(length for length in (mount, own) if length)

    def _patch(self, call: Call) -> Answer | None:
        changes = _content(call)
        key = self.keys.get(call.params["path"])
        if key is None:
            raise Refusal(404, empty=True)
        self._check_and_set(call, key)
        version = key.versions.get(key.current)
        if version is None:
            raise Refusal(404, empty=True)
        if version.gone(self.now()) or version.data is None:
            return Answer(self._described(key, key.current), status=404)
        existing = json.loads(version.data)
        if existing is None:
            raise Refusal.combined(500, "resource does not exist")
        return self._append(key, merge_patch(existing, changes))

    def _delete_latest(self, call: Call) -> None:
        key = self.keys.get(call.params["path"])
        version = key.versions.get(key.current) if key else None
        if version and not version.gone(self.now()):
            version.deleted = self.now()

    def _chosen(self, call: Call, complaint: str) -> tuple[Key | None, list[Version]]:
        numbers = Fields(call.data).numbers("versions")
        if not numbers:
            raise Refusal(400, complaint)
        key = self.keys.get(call.params["path"])
        if key is None:
            return None, []
        found = [key.versions[n] for n in numbers if n in key.versions]
        return key, [version for version in found if not version.destroyed]

    def _delete_versions(self, call: Call) -> None:
        _, versions = self._chosen(call, "No version number provided")
        for version in versions:
            if not version.gone(self.now()):
                version.deleted = self.now()

    def _undelete(self, call: Call) -> None:
        key, versions = self._chosen(call, "No version number provided")
        for version in versions:
            version.deleted = self.deletion(key, self.now()) if key else None

    def _destroy(self, call: Call) -> None:
        _, versions = self._chosen(call, "no version number provided")
        for version in versions:
            version.destroyed, version.data = True, None

    def show_state(self) -> dict[str, Any]:
        """Return every secret with its versions, and no value."""
        now = self.now()
        return {
            path: {
                "current_version": key.current,
                "oldest_version": key.oldest,
                "custom_metadata": key.custom,
                "versions": {
                    str(number): "destroyed"
                    if v.destroyed
                    else "deleted"
                    if v.gone(now)
                    else "live"
                    for number, v in key.versions.items()
                },
            }
            for path, key in sorted(self.keys.items())
        }


def _content(call: Call) -> dict[str, Any] | None:
    if "data" not in call.data:
        raise Refusal(400, "no data provided")
    content = Fields(call.data).mapping("data")
    return None if call.data["data"] is None else content


def _weak_int(value: Any) -> int:
    try:
        if isinstance(value, float):
            raise TypeError("a number with a point is not read as a whole one")
        return int(value or 0)
    except (TypeError, ValueError):
        raise Refusal(400, "error parsing check-and-set parameter") from None


_CLI = {"read": "get", "create": "put", "update": "put", "patch": "patch", "delete": "delete"}


def _wrong_path(call: Call) -> Answer:
    hint = (
        "Invalid path for a versioned K/V secrets engine. See the API docs for the appropriate API "
        "endpoints to use. If using the OpenBao CLI, use "
        f"'bao kv {_CLI.get(call.operation, call.operation)}' for this operation."
    )
    return Answer(None, warnings=[hint], status=404)


_WRONG_PATH = Endpoint(
    "kv.wrong_path",
    frozenset({"read", "write", "patch", "delete", "list"}),
    re.compile(".*"),
    _wrong_path,
)
