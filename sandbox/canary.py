"""Look for planted secrets in everything a run leaves behind, however they were encoded."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


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
    yield "url", urllib.parse.quote(secret, safe="").encode()
    yield "json", json.dumps(secret)[1:-1].encode()
    yield "hex", plain.hex().encode()
    for shift in range(3):
        # Base64 of the secret at each alignment, without the characters that its neighbours touch.
        encoded = base64.b64encode(b"\0" * shift + plain)
        first = (0, 2, 3)[shift]
        last = len(encoded) - (0 if (shift + len(plain)) % 3 == 0 else 4)
        yield "base64", encoded[first:last]


def scan(folders: Iterable[Path], secrets: Iterable[str]) -> list[Hit]:
    """Return every file below the folders that holds one of the secrets in any form."""
    wanted = [item for secret in secrets if len(secret) >= 8 for item in needles(secret)]
    hits: list[Hit] = []
    for file in sorted(f for folder in folders for f in folder.rglob("*") if f.is_file()):
        content = file.read_bytes()
        found = {encoding for encoding, needle in wanted if needle in content}
        hits.extend(Hit(file, encoding) for encoding in sorted(found))
    return hits
