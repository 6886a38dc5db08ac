"""Look for planted secrets in everything a run leaves behind, however they were encoded."""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ahocorasick_rs import BytesAhoCorasick

_SHORTEST = 8  # shorter ones would be found by chance
_LARGEST = 64 * 1024 * 1024  # of what a compressed piece may unfold to
_DEEPEST = 3  # compressed inside compressed
_GZIP = b"\x1f\x8b\x08"
# Method 8, a window of 256 bytes to 32 kB, no preset dictionary, and a number that 31 divides (RFC 1950).
_ZLIB = [
    bytes((method, flags))
    for method in range(0x08, 0x79, 0x10)
    for flags in range(256)
    if not flags & 0x20 and (method << 8 | flags) % 31 == 0
]
_STREAMS = BytesAhoCorasick([_GZIP, *_ZLIB])
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")
_BASE64_LETTERS = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-")
# What gzip and zlib look like in base64: the two header bytes are told by the first characters.
_BASE64_STREAMS = BytesAhoCorasick([b"H4sI", b"eJ", b"eN", b"eA", b"eF"])


@dataclass(frozen=True)
class Hit:
    """One file in which a secret was found; which one it was is not said."""

    file: Path
    encoding: str


def needles(secret: str) -> Iterator[tuple[str, bytes]]:
    """Yield the forms in which a secret may have been written."""
    plain = secret.encode()
    yield "plain", plain
    yield "utf-16", secret.encode("utf-16-le")
    yield "utf-16", secret.encode("utf-16-be")
    quoted = urllib.parse.quote(secret, safe="")
    for form in (quoted, urllib.parse.quote(secret), urllib.parse.quote_plus(secret)):
        yield "url", form.encode()
        yield "url", re.sub("%..", lambda match: match[0].lower(), form).encode()
    yield "url", "".join(f"%{byte:02x}" for byte in plain).encode()
    yield "url", "".join(f"%{byte:02X}" for byte in plain).encode()
    yield "double url", urllib.parse.quote(quoted, safe="").encode()
    for ascii_only in (True, False):
        once = json.dumps(secret, ensure_ascii=ascii_only)
        yield "json", once[1:-1].encode()
        yield "double json", json.dumps(once, ensure_ascii=ascii_only)[3:-3].encode()
    yield "repr", repr(secret)[1:-1].encode()
    yield "repr", repr(plain)[2:-1].encode()
    # As a new password of Active Directory shows in a dump of the request.
    yield "repr", repr(secret.encode("utf-16-le"))[2:-1].encode()
    for alphabet, raw in (("", plain), ("utf-16 ", secret.encode("utf-16-le"))):
        yield f"{alphabet}hex", raw.hex().encode()
        yield f"{alphabet}hex", raw.hex().upper().encode()
        yield f"{alphabet}hex", raw.hex("-").encode()
        yield f"{alphabet}hex", raw.hex(":").encode()
        yield f"{alphabet}hex", raw.hex(" ").encode()
        yield f"{alphabet}hex", "".join(f"\\x{byte:02x}" for byte in raw).encode()
        yield f"{alphabet}hex", "".join(f"\\{byte:02x}" for byte in raw).encode()
        for piece in _base64(raw):
            yield f"{alphabet}base64", piece
            yield f"{alphabet}base64url", piece.translate(bytes.maketrans(b"+/", b"-_"))
    yield "reversed", plain[::-1]


def _base64(raw: bytes) -> Iterator[bytes]:
    """Yield base64 at each alignment, without the characters that the neighbours touch."""
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw)
        first = (0, 2, 3)[shift]
        last = len(encoded) - (0 if (shift + len(raw)) % 3 == 0 else 4)
        yield encoded[first:last]


class Search:
    """Secrets in all their forms, made once and looked for in many places."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {
            needle: encoding
            for secret in secrets
            if len(secret) >= _SHORTEST
            for encoding, needle in reversed(list(needles(secret)))
        }
        self._names = list(forms.values())
        self._needles = BytesAhoCorasick(list(forms)) if forms else None

    def encodings(self, content: bytes) -> set[str]:
        """Return the encodings in which secrets are in the content, compressed pieces unfolded."""
        return self._within(content, 0)

    def _within(self, content: bytes, depth: int) -> set[str]:
        if self._needles is None:
            return set()
        matches = self._needles.find_matches_as_indexes(content, overlapping=True)
        found = {self._names[form] for form, _, _ in matches}
        if depth < _DEEPEST:
            for piece in _unfolded(content):
                found |= {f"compressed {name}" for name in self._within(piece, depth + 1)}
        return found


def _unfolded(content: bytes) -> Iterator[bytes]:
    """Yield what gzip and zlib streams anywhere in the content unfold to, also where written as base64."""
    whole = memoryview(content)  # its slices are no copies
    for form, start, _ in _STREAMS.find_matches_as_indexes(content, overlapping=True):
        if piece := _unfold(whole[start:], 15 if form else 31):
            yield piece
    for _, start, _ in _BASE64_STREAMS.find_matches_as_indexes(content, overlapping=True):
        if start and content[start - 1] in _BASE64_LETTERS:
            continue  # in the middle of a word
        if match := _BASE64.match(content, start):
            text = match[0].rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
            raw = base64.b64decode(text[: len(text) - (len(text) % 4 == 1)] + b"==")
            if piece := _unfold(raw, 47):
                yield piece


def _unfold(stream: bytes | memoryview, form: int) -> bytes:
    """Return as much as can be unfolded, nothing for what only looks compressed."""
    unpacker = zlib.decompressobj(form)
    pieces: list[bytes] = []
    at, step = 0, 4096
    while at < len(stream) and not unpacker.eof and sum(len(p) for p in pieces) < _LARGEST:
        # A piece that fails is taken byte by byte: a stream that was cut off gives up what it had.
        before = unpacker.copy()
        try:
            pieces.append(unpacker.decompress(stream[at : at + step]))
        except zlib.error:
            if step == 1:
                break
            unpacker, step = before, 1
        else:
            at += step
    return b"".join(pieces)


def scan(folders: Iterable[Path], secrets: Iterable[str]) -> list[Hit]:
    """Return every file below the folders that holds one of the secrets in any form, or in its name."""
    search = Search(secrets)
    hits: list[Hit] = []
    for file in sorted(f for folder in folders for f in folder.rglob("*") if f.is_file()):
        try:
            content = file.read_bytes()
        except FileNotFoundError:  # a journal of a database, gone since it was listed
            continue
        found = search.encodings(content) | search.encodings(str(file).encode())
        hits.extend(Hit(file, encoding) for encoding in sorted(found))
    return hits
