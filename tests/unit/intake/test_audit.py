"""Which audit lines become hints."""

from __future__ import annotations

import json
from typing import Any

import pytest

from intake.audit import hints
from intake.hints import Hint, Source

WRITE: dict[str, Any] = {
    "time": "2026-11-01T10:00:00Z",
    "type": "response",
    "request": {
        "id": "r-1", "operation": "update", "mount_point": "kv/", "mount_type": "kv",
        "path": "kv/data/apps/hq", "data": {"data": {"password": "hmac-sha256:1f"}},
    },
    "response": {"data": {"version": 5, "created_time": "hmac-sha256:2f"}},
}  # fmt: skip
ROTATE: dict[str, Any] = {
    "type": "response",
    "request": {
        "id": "r-2", "operation": "update", "mount_point": "ldap/", "path": "ldap/rotate-role/svc-a",
    },
    "response": {},
}  # fmt: skip


def _lines(*documents: object) -> bytes:
    return b"\n".join(json.dumps(document).encode() for document in documents)


def test_keeps_writes_and_rotations() -> None:
    """A successful write of KV v2 and a rotated role are hints; what they hold is not looked at."""
    assert list(hints(_lines(WRITE, ROTATE))) == [
        Hint("kv", "apps/hq", 5, Source.AUDIT, "r-1"),
        Hint("ldap", "svc-a", None, Source.AUDIT, "r-2"),
    ]


@pytest.mark.parametrize(
    "other",
    [
        WRITE | {"type": "request"},
        WRITE | {"error": "permission denied"},
        WRITE | {"response": {}},
        WRITE | {"response": {"data": {"version": "5"}}},
        WRITE | {"response": {"data": {"version": True}}},
        WRITE | {"request": WRITE["request"] | {"operation": "read"}},
        WRITE | {"request": WRITE["request"] | {"path": "kv/metadata/apps/hq"}},
        WRITE | {"request": WRITE["request"] | {"path": "kv/data/../sys"}},
        WRITE | {"request": WRITE["request"] | {"mount_point": "other/"}},
        WRITE | {"request": None},
        ROTATE | {"error": "no such role"},
        [], "text", None,
    ],
    ids=lambda other: json.dumps(other)[-60:],
)  # fmt: skip
def test_passes_over_the_rest(other: object) -> None:
    """Every other line is passed over, and hides none of its neighbours."""
    assert [hint.id for hint in hints(_lines(other, WRITE))] == ["r-1"]


def test_broken_lines() -> None:
    """A line that is no JSON hides none of its neighbours."""
    broken = b'{"type":"response","request":{"path":"kv/data/'
    assert [hint.id for hint in hints(b"\n".join([broken, b"\xff", _lines(WRITE), b""]))] == ["r-1"]
