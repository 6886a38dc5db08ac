"""The search for secrets finds them in every form that a program could write by mistake."""

from __future__ import annotations

import base64
import gzip
import json
import pickle
import sqlite3
import urllib.parse
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox import canary

# Characters that every encoding writes in its own way, around what is random.
AWKWARD = '/+?"\\ü&~'

FORMS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "utf-16 little endian": lambda s: s.encode("utf-16-le"),
    "utf-16 big endian": lambda s: s.encode("utf-16-be"),
    "utf-16 quoted, as a directory takes it": lambda s: f'"{s}"'.encode("utf-16-le"),
    "percent": lambda s: urllib.parse.quote(s, safe="").encode(),
    "percent, slash kept": lambda s: urllib.parse.quote(s).encode(),
    "percent, every byte": lambda s: "".join(f"%{b:02x}" for b in s.encode()).encode(),
    "percent in lower case": lambda s: (
        "".join(f"%{ord(c):02x}" if c in '/+?"\\&' else urllib.parse.quote(c).replace("%C3%BC", "%c3%bc") for c in s)
    ).encode(),
    "form": lambda s: urllib.parse.urlencode({"password": s}).encode(),
    "percent twice": lambda s: urllib.parse.quote(urllib.parse.quote(s, safe=""), safe="").encode(),
    "json": lambda s: json.dumps({"p": s}).encode(),
    "json, not only ascii": lambda s: json.dumps({"p": s}, ensure_ascii=False).encode(),
    "json in json": lambda s: json.dumps({"body": json.dumps({"p": s})}).encode(),
    "repr": lambda s: repr({"p": s}).encode(),
    "repr of bytes": lambda s: repr(s.encode()).encode(),
    "repr of utf-16": lambda s: repr(f'"{s}"'.encode("utf-16-le")).encode(),
    "hex": lambda s: s.encode().hex().encode(),
    "hex in capitals": lambda s: s.encode().hex().upper().encode(),
    "hex of utf-16": lambda s: f'"{s}"'.encode("utf-16-le").hex().encode(),
    "hex with dashes": lambda s: s.encode().hex("-").encode(),
    "hex as in python": lambda s: "".join(f"\\x{b:02x}" for b in s.encode()).encode(),
    "hex as in an ldap filter": lambda s: "".join(f"\\{b:02x}" for b in s.encode()).encode(),
    **{
        f"base64, shifted by {n}": lambda s, n=n: base64.b64encode(b"x" * n + s.encode() + b"yz")  # type: ignore[misc]
        for n in range(3)
    },
    **{
        f"base64url, shifted by {n}": lambda s, n=n: base64.urlsafe_b64encode(b"x" * n + s.encode() + b"yz")  # type: ignore[misc]
        for n in range(3)
    },
    "base64 without padding": lambda s: base64.b64encode(s.encode()).rstrip(b"="),
    "base64 of utf-16": lambda s: base64.b64encode(f'"{s}"'.encode("utf-16-le")),
    "gzip": lambda s: b"before" + gzip.compress(b"x" * 500 + s.encode()) + b"after",
    "gzip that was cut off": lambda s: gzip.compress(s.encode(), mtime=0)[:-6],
    "zlib": lambda s: b"before" + zlib.compress(b"x" * 500 + s.encode()) + b"after",
    "zlib, fastest": lambda s: zlib.compress(s.encode(), 1),
    "zlib, smallest": lambda s: zlib.compress(s.encode(), 9),
    "zlib in base64": lambda s: b'"' + base64.b64encode(zlib.compress(s.encode())) + b'"',
    "gzip in base64url": lambda s: base64.urlsafe_b64encode(gzip.compress(s.encode())),
    "json in gzip in gzip": lambda s: gzip.compress(gzip.compress(json.dumps([s]).encode())),
    "pickle": lambda s: pickle.dumps({"p": s}),
    "backwards": lambda s: s.encode()[::-1],
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_found(tmp_path: Path, new_password: Callable[[], str], form: str) -> None:
    """A secret that was written in this form is found."""
    secret = new_password() + AWKWARD
    (tmp_path / "sink").write_bytes(b"some text " + FORMS[form](secret) + b" more text")

    assert canary.scan([tmp_path], [secret])


@pytest.mark.parametrize("form", FORMS)
def test_another_secret_is_not_found(
    tmp_path: Path, new_password: Callable[[], str], form: str
) -> None:
    """What was not written is not found."""
    (tmp_path / "sink").write_bytes(FORMS[form](new_password() + AWKWARD))

    assert canary.scan([tmp_path], [new_password() + AWKWARD]) == []


def test_the_journal_of_a_database_is_read(tmp_path: Path, new_password: Callable[[], str]) -> None:
    """A row that is still in the write-ahead log of a database, and in no other file, is found."""
    secret = new_password()
    database = sqlite3.connect(tmp_path / "db")
    database.execute("pragma journal_mode=wal")
    database.execute("create table t (v text)")
    database.execute("insert into t values (?)", (secret,))
    database.commit()
    try:
        hits = canary.scan([tmp_path], [secret])
    finally:
        database.close()

    assert [hit.file.name for hit in hits] == ["db-wal"]


def test_the_name_of_a_file_is_read(tmp_path: Path, new_password: Callable[[], str]) -> None:
    """A secret that became a file's name is found."""
    secret = new_password()
    (tmp_path / f"cache-{secret}").touch()

    assert canary.scan([tmp_path], [secret])


def test_what_only_looks_compressed_is_harmless(tmp_path: Path) -> None:
    """Bytes that begin like a compressed stream and are none do not stop the search."""
    (tmp_path / "sink").write_bytes(b"\x1f\x8b\x08" * 50 + b"x\x9c" * 50 + b"eJ" + b"A" * 101)

    assert canary.scan([tmp_path], ["not there at all"]) == []
