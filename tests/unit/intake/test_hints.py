"""What a message may say, and what is refused."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import RotationError
from connectors.vault.settings import is_plain_path
from intake.hints import Hint, MalformedMessage, Source, UnwantedMessage, parse

THIN = {"mount": "kv", "path": "apps/hq", "version": 3}


def _body(document: object) -> bytes:
    return json.dumps(document).encode()


def _event(kind: str, metadata: dict[str, Any], mount_path: str = "kv/") -> dict[str, Any]:
    return {
        "id": "4f9d", "source": "vault://one", "specversion": "1.0", "type": "*",
        "data": {
            "event": {"id": "4f9d", "metadata": metadata},
            "event_type": kind,
            "plugin_info": {"mount_class": "secret", "mount_path": mount_path, "plugin": "kv"},
        },
        "datacontentype": "application/cloudevents", "time": "2026-11-01T10:00:00Z",
    }  # fmt: skip


def test_thin_payload() -> None:
    """The thin payload names mount, path and version; the message's id comes from its headers."""
    assert parse(_body(THIN), "m-1") == Hint("kv", "apps/hq", 3, Source.WEBHOOK, "m-1")


def test_envelope() -> None:
    """Standard Webhooks' envelope carries the same, and its version may be left open."""
    data = {"mount": "ldap", "path": "svc-hq"}
    body = {"type": "vault.secret.rotated", "timestamp": "2026-11-01T10:00:00Z", "data": data}
    assert parse(_body(body), "m-1") == Hint("ldap", "svc-hq", None, Source.WEBHOOK, "m-1")


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1}, {"version": "3"}, {"version": 3.0}, {"version": True}, {"version": 0},
        {"version": -1}, {"version": 2**53 + 1}, {"mount": ""}, {"mount": 1}, {"mount": None},
        {"path": "apps/../sys"}, {"path": "/apps"}, {"path": "apps//hq"}, {"path": "apps/h\nq"},
        {"path": "a" * 513}, {"path": "apps/\ud800"}, {"path": ["apps"]},
        {"type": "vault.secret.rotated"}, {"type": "other", "timestamp": "x", "data": THIN},
    ],
    ids=str,
)  # fmt: skip
def test_refuses_another_form(change: dict[str, Any]) -> None:
    """A field more, of another type, or out of its range is refused."""
    with pytest.raises(UnwantedMessage) as refused:
        parse(_body(THIN | change), "m-1")
    assert refused.value.__context__ is None


@pytest.mark.parametrize(
    "name", ["password", "secret", "value", "New-Password", "token", "SECRET_ID"]
)
@pytest.mark.parametrize("where", ["top", "data", "event"])
def test_refuses_values(name: str, where: str) -> None:
    """A field under which a value travels is refused wherever it is, and the refusal does not quote it."""
    canary = secrets.token_urlsafe()
    envelope = {"type": "vault.secret.rotated", "timestamp": "2026-11-01T10:00:00Z"}
    document = {
        "top": THIN | {name: canary},
        "data": envelope | {"data": THIN | {name: canary}},
        "event": _event("kv-v2/data-write", {"data_path": "kv/data/a", name: canary}),
    }[where]
    with pytest.raises(UnwantedMessage) as refused:
        parse(_body(document), "m-1")
    assert canary not in f"{refused.value!r}{refused.value.__dict__}"
    assert "value" in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff", b"[" * 15_000, b'{"version":1,"version":2}', b'{"version": NaN}',
        b'{"version": ' + b"9" * 5_000 + b"}",
    ],
    ids=["empty", "broken", "no text", "deep", "twice", "no number", "long number"],
)  # fmt: skip
def test_malformed(body: bytes) -> None:
    """What is no JSON, or may be read in two ways, is malformed."""
    with pytest.raises(MalformedMessage):
        parse(body, "m-1")


@pytest.mark.parametrize("body", [b"[]", b"1", b"null", b'"text"'])
def test_no_object(body: bytes) -> None:
    """JSON that is no object is no hint."""
    with pytest.raises(UnwantedMessage):
        parse(body, "m-1")


@pytest.mark.parametrize(
    ("kind", "metadata", "mount_path", "expected"),
    [
        (
            "kv-v2/data-write",
            {"current_version": "7", "data_path": "kv/data/apps/hq", "path": "kv/data/apps/hq"},
            "kv/",
            ("kv", "apps/hq", 7),
        ),
        (
            "kv-v2/data-patch",
            {"current_version": "8", "data_path": "data/apps/hq"},
            "team/kv/",
            ("team/kv", "apps/hq", 8),
        ),
        ("kv-v2/data-write", {"current_version": "1", "path": "data/data/x"}, "data/", ("data", "x", 1)),
        ("kv-v2/data-undelete", {"data_path": "kv/data/x", "undeleted_versions": "[2]"}, "kv/", ("kv", "x", None)),
        ("ldap/rotate", {"path": "", "name": "svc-a"}, "ldap/", ("ldap", "svc-a", None)),
    ],
)  # fmt: skip
def test_event_of_vault(
    kind: str, metadata: dict[str, str], mount_path: str, expected: tuple[str, str, int | None]
) -> None:
    """Vault Enterprise's notifications lead to the same hint: data/ goes, LDAP roles go by name."""
    hint = parse(_body(_event(kind, metadata, mount_path)), "m-1")
    assert hint
    assert (hint.mount, hint.path, hint.version) == expected
    assert hint.source is Source.EVENT


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("djE6MDAxLWFiYw==", "djE6MDAxLWFiYw=="), ("", None), (17, None), ("a b", None), ("a\r\nX-Evil: 1", None),
        ("a" * 1025, None),
    ],
)  # fmt: skip
def test_index_of_an_event(told: object, kept: str | None) -> None:
    """The state that an event belongs to is kept, unless it is none that could go into a header."""
    facts = {"data_path": "kv/data/x", "current_version": "1", "vault_index": told}
    hint = parse(_body(_event("kv-v2/data-write", facts)), "m-1")
    assert hint
    assert (hint.version, hint.vault_index) == (1, kept)


@pytest.mark.parametrize(
    "kind", ["kv-v2/metadata-write", "kv-v2/data-delete", "ldap/rotate-fail", "database/rotate"]
)
def test_event_of_another_kind(kind: str) -> None:
    """A notification about something else is no hint, and no mistake."""
    assert parse(_body(_event(kind, {"path": "kv/metadata/x"})), "m-1") is None


@pytest.mark.parametrize(
    "metadata",
    [
        {}, {"data_path": "kv/metadata/x", "current_version": "1"}, {"data_path": "kv/data/x"},
        {"data_path": "kv/data/x", "current_version": "²"}, {"data_path": "kv/data/../x", "current_version": "1"},
        {"data_path": "kv/data/", "current_version": "1"},
    ],
    ids=str,
)  # fmt: skip
def test_event_that_tells_too_little(metadata: dict[str, str]) -> None:
    """A notification that names no place or version is refused."""
    with pytest.raises(UnwantedMessage):
        parse(_body(_event("kv-v2/data-write", metadata)), "m-1")


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.binary(max_size=200)
    | st.dictionaries(
        st.sampled_from(["mount", "path", "version", "type", "data", "specversion"]) | st.text(),
        _ANYTHING,
        max_size=5,
    ).map(_body)
)
def test_anything(body: bytes) -> None:
    """Whatever is sent is a hint at a plain path, or refused with one of our errors."""
    try:
        hint = parse(body, "m-1")
    except RotationError:
        return
    assert hint is None or (is_plain_path(hint.mount) and is_plain_path(hint.path))
