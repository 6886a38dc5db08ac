"""A thousand messages of every kind: one hint per version, the right codes, and nothing else is kept."""

from __future__ import annotations

import json
import random
import secrets
from collections import Counter
from pathlib import Path

from intake.app import Rules
from tests.intake.conftest import StartApp
from tests.intake.sending import App, Request, new_key, signed, thin

VERSIONS = range(1, 31)
PLACES = [("kv", "apps/hq"), ("kv", "apps/branch"), ("kv", "unknown/path")]


def _messages(app: App, canary: str) -> list[tuple[int, Request]]:
    """Return messages with the code that each must have."""
    good = [
        app.message(thin(mount, path, version), f"m-{path}-{version}")
        for mount, path in PLACES
        for version in VERSIONS
    ]
    future = [app.message(thin("kv", "apps/hq", 10**9 + n), f"f-{n}") for n in range(10)]
    again = [  # the same news in messages of their own
        app.message(thin("kv", path, version), f"again-{path}-{version}")
        for _, path in PLACES
        for version in VERSIONS
    ]
    stranger = new_key()
    body = thin("kv", "apps/hq", 77)
    forged = [Request(body, signed(stranger, body, f"x-{n}")) for n in range(80)]
    old = [app.message(body, f"o-{n}", at=10**9 + n) for n in range(80)]
    secret = [
        app.message(thin("kv", "apps/hq", 88, **{name: canary}), f"s-{n}-{name}")
        for n in range(20)
        for name in ("password", "secret", "value", "note")
    ]
    inside = [
        app.message(
            json.dumps({"type": "vault.secret.rotated", "timestamp": "2026-01-01T00:00:00Z",
                        "data": {"data": {"password": canary}}}).encode(), f"i-{n}",
        )
        for n in range(40)
    ]  # fmt: skip
    broken = [app.message(f'{{"mount": "{canary}'.encode(), f"b-{n}") for n in range(80)]
    large = [app.message(thin("kv", canary * 1_000, 1), f"l-{n}") for n in range(40)]
    sent = (
        [(202, m) for m in (*good, *good, *good, *future, *again)]
        + [(401, m) for m in (*forged, *old)]
        + [(422, m) for m in (*secret, *inside)]
        + [(400, m) for m in broken]
        + [(413, m) for m in large]
    )
    return sent + [(415, Request(canary.encode(), {"content-type": "text/plain"}))] * (
        1_000 - len(sent)
    )


def test_a_thousand(start_app: StartApp) -> None:
    """Duplicates, reordered, replayed, forged, old, future, unknown, oversize, broken, with secrets inside."""
    app = start_app(rules=Rules(burst=10_000))
    canary = secrets.token_urlsafe(24)
    messages = _messages(app, canary)
    assert len(messages) == 1_000
    random.shuffle(messages)
    answers = app.send(*(request for _, request in messages))

    wrong = Counter(
        (wanted, answer.status_code)
        for (wanted, _), answer in zip(messages, answers, strict=True)
        if wanted != answer.status_code
    )
    assert not wrong
    kept = Counter((k.mount, k.path, k.version) for k in app.spool.entries(limit=10_000))
    assert set(kept.values()) == {1}
    assert len(kept) == len(PLACES) * len(VERSIONS) + 10
    assert not any(canary in answer.text for answer in answers)
    assert not _files_with(app.folder, canary)

    size = sum(file.stat().st_size for file in app.folder.glob("spool*"))
    answers = app.send(*(request for _, request in messages))
    assert {answer.status_code for answer in answers} <= {202, 400, 401, 413, 415, 422}
    assert sum(file.stat().st_size for file in app.folder.glob("spool*")) <= size


def _files_with(folder: Path, text: str) -> list[str]:
    """Search whatever the spool keeps on disk, its journal too."""
    return [file.name for file in folder.glob("spool*") if text.encode() in file.read_bytes()]
