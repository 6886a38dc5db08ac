"""Lines of an OpenBao or Vault audit device: which of them tell that a secret has a new version.

Texts in an audit line are HMACs. None is looked at but the path, the operation and the number of the
version, which the devices write in clear.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.errors import RotationError
from intake.hints import LARGEST_VERSION, Hint, Source, is_place, read_json

_WRITES = frozenset({"create", "update", "patch"})


def hints(body: bytes) -> Iterator[Hint]:
    """Yield a hint for every line that tells of a new version; all other lines are passed over."""
    for line in body.splitlines():
        # Most lines are about something else: they are not even parsed.
        if b'"response"' not in line or (b"/data/" not in line and b"/rotate-role/" not in line):
            continue
        try:
            document = read_json(line)
        except RotationError:
            continue
        hint = _hint(document) if isinstance(document, Mapping) else None
        if hint:
            yield hint


def _hint(line: Mapping[str, Any]) -> Hint | None:
    request = line.get("request")
    if line.get("type") != "response" or line.get("error") or not isinstance(request, Mapping):
        return None
    mount, path, number = (request.get(name) for name in ("mount_point", "path", "id"))
    if not (isinstance(mount, str) and isinstance(path, str) and isinstance(number, str)):
        return None
    mount = mount.strip("/")
    kind, _, name = path.removeprefix(f"{mount}/").partition("/")
    version = _version(line.get("response")) if kind == "data" else None
    news = kind == "rotate-role" or version is not None
    if not news or request.get("operation") not in _WRITES or not path.startswith(f"{mount}/"):
        return None
    if not is_place(mount, name) or not 0 < len(number) <= 128:
        return None
    return Hint(mount, name, version, Source.AUDIT, number)


def _version(response: object) -> int | None:
    data = response.get("data") if isinstance(response, Mapping) else None
    version = data.get("version") if isinstance(data, Mapping) else None
    if type(version) is int and 0 < version <= LARGEST_VERSION:
        return version
    return None
