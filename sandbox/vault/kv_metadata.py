"""KV version 2: what is known about a secret without its values, and the settings of key and mount."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.vault.kv_model import Key, Settings
from sandbox.vault.values import Fields, timestamp
from sandbox.vault.wire import Answer, Call, Refusal

if TYPE_CHECKING:
    from sandbox.vault.kv import KeyValue

_FIELDS = ("max_versions", "cas_required", "metadata_cas_required", "delete_version_after")
_INVALID = "custom_metadata validation failed"


class Metadata:
    """The metadata endpoints of one KV v2 mount."""

    def __init__(self, mount: KeyValue) -> None:
        self._mount = mount

    def read(self, call: Call) -> Answer | None:
        """Answer with the versions and settings of a key."""
        key = self._mount.seen(call)
        if key is None:
            return None
        return Answer(
            {
                "versions": {str(n): v.show() for n, v in sorted(key.versions.items())},
                "current_version": key.current,
                "current_metadata_version": key.metadata_version,
                "oldest_version": key.oldest,
                "created_time": timestamp(key.created),
                "updated_time": timestamp(key.updated),
                **key.settings.show(),
                "custom_metadata": key.custom,
            }
        )

    def names(self, call: Call) -> Answer | None:
        """Answer with the names below a path; folders end with a slash."""
        prefix = call.params["path"]
        names = {
            rest.split("/")[0] + ("/" if "/" in rest else "")
            for path in self._mount.keys
            if path.startswith(prefix) and (rest := path.removeprefix(prefix))
        }
        fields = Fields(call.data)
        after, limit = fields.text("after"), fields.number("limit")
        kept = [name for name in sorted(names) if name > after]
        return Answer({"keys": kept[:limit] if limit > 0 else kept}) if kept else None

    def write(self, call: Call) -> Answer | None:
        """Change settings; custom metadata is replaced as a whole."""
        path, fields = call.params["path"], Fields(call.data)
        if not path:
            raise Refusal(400, "missing path")
        if not any(fields.given(name) for name in (*_FIELDS, "custom_metadata")):
            return None
        custom = _custom(fields.mapping("custom_metadata"))
        if custom:
            _validate(custom)
        warnings = self._mandated(fields)
        key = self._mount.keys.get(path)
        self._check_and_set(fields, key)
        now = self._mount.now()
        if key is None:
            key = self._mount.keys[path] = Key(now, now)
        key.metadata_version += 1
        key.updated = now
        _apply(fields, key.settings)
        if fields.given("custom_metadata"):
            key.custom = custom or None
        return Answer(None, warnings=warnings) if warnings else None

    def patch(self, call: Call) -> Answer | None:
        """Change what is sent and nothing else; null removes a custom key."""
        path, fields = call.params["path"], Fields(call.data)
        if not any(fields.given(name) for name in (*_FIELDS, "custom_metadata")):
            return None
        if not path:
            raise Refusal(400, "missing path")
        changes = fields.mapping("custom_metadata")
        _validate(_custom({name: v for name, v in changes.items() if v is not None}))
        key = self._mount.keys.get(path)
        if key is None:
            raise Refusal(404, empty=True)
        self._check_and_set(fields, key)
        warnings = self._mandated(fields)
        _apply(fields, key.settings)
        if changes:
            kept = {n: v for n, v in (key.custom or {}).items() if n not in changes}
            kept |= _custom({name: v for name, v in changes.items() if v is not None})
            key.custom = kept or None
        key.metadata_version += 1
        key.updated = self._mount.now()
        return Answer(None, warnings=warnings) if warnings else None

    def delete(self, call: Call) -> Answer | None:
        """Remove the key and all its versions; numbering starts anew."""
        self._mount.keys.pop(call.params["path"], None)
        return None

    def configure(self, call: Call) -> Answer | None:
        """Change the settings of the mount."""
        fields, settings = Fields(call.data), self._mount.settings
        _apply(fields, settings)
        settings.delete_version_after = max(-1, settings.delete_version_after)
        return None

    def _mandated(self, fields: Fields) -> list[str]:
        return [
            f'"{name}" set to false, but is mandated by backend config. This value will be ignored.'
            for name in ("cas_required", "metadata_cas_required")
            if fields.given(name) and not fields.flag(name) and getattr(self._mount.settings, name)
        ]

    def _check_and_set(self, fields: Fields, key: Key | None) -> None:
        required = self._mount.settings.metadata_cas_required
        if not fields.given("metadata_cas"):
            if required or (key is not None and key.settings.metadata_cas_required):
                raise Refusal(400, "metadata check-and-set parameter required for this call")
            return
        expected = fields.number("metadata_cas")
        if key is None and expected != 0:
            raise Refusal(400, "metadata_cas must be 0 when creating new metadata")
        if key is not None and expected != key.metadata_version:
            raise Refusal(
                400, "metadata check-and-set parameter does not match the current version"
            )


def _apply(fields: Fields, settings: Settings) -> None:
    if fields.given("max_versions"):
        settings.max_versions = fields.number("max_versions")
    for name in ("cas_required", "metadata_cas_required"):
        if fields.given(name):
            setattr(settings, name, fields.flag(name))
    if fields.given("delete_version_after"):
        settings.delete_version_after = fields.duration("delete_version_after")


def _custom(raw: dict[str, Any]) -> dict[str, str]:
    for value in raw.values():
        if isinstance(value, dict | list):
            kind = "map[string]interface {}" if isinstance(value, dict) else "[]interface {}"
            why = f"'' expected type 'string', got unconvertible type '{kind}'"
            raise Refusal(400, f"{_INVALID}: {why}")
    return {name: _weak_text(value) for name, value in raw.items()}


def _weak_text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return "" if value is None else str(value)


def _validate(custom: dict[str, str]) -> None:
    if len(custom) > 64:
        raise Refusal.combined(
            400, f"{_INVALID}: payload must contain at most 64 keys, provided {len(custom)}"
        )
    problems = []
    for name, value in custom.items():
        key_length, length = len(name.encode()), len(value.encode())
        if not 0 < key_length <= 128:
            problems.append(
                f'length of key "{name}" is {key_length} but must be 0 < len(key) <= 128'
            )
        if not 0 < length <= 512:
            problems.append(
                f'length of value for key "{name}" is {length} but must be 0 < len(value) <= 512'
            )
        if not name.isprintable():
            problems.append(f'key "{name}" ({name}) contains unprintable characters')
        if not value.isprintable():
            problems.append(f'value for key "{name}" contains unprintable characters')
    if problems:
        counted = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
        lines = "".join(f"\n\t* {_INVALID}: {problem}" for problem in problems)
        raise Refusal(400, f"{counted} occurred:{lines}\n\n")
