"""The endpoints: what is accepted, what is refused with which code, and what an answer never says."""

from __future__ import annotations

import asyncio
import json
import secrets
import sqlite3
from collections.abc import AsyncIterator

import pytest

from intake.app import Rules
from intake.hints import Source
from intake.spool import Limits
from tests.intake.conftest import StartApp
from tests.intake.sending import AUDIT, VAULT, App, Request, thin

GOOD = thin("kv", "apps/hq", 3)


def test_accepts(app: App) -> None:
    """A signed message is in the spool when 202 is answered, and the dispatcher is woken."""
    (answer,) = app.send(app.message(GOOD))
    assert (answer.status_code, answer.json()) == (202, {"status": "accepted"})
    (kept,) = app.spool.due()
    assert (str(kept.hint), kept.source) == ("kv/apps/hq#3", "webhook")
    assert app.woken == 1


def test_repeated(app: App) -> None:
    """The same message again has the same answer and changes nothing."""
    first, second = app.send(app.message(GOOD)), app.send(app.message(GOOD))
    assert first[0].content == second[0].content
    assert app.spool.counts().waiting == 1
    assert app.woken == 1


def test_event_of_vault(app: App) -> None:
    """A notification of Vault Enterprise is accepted in its own form; of another kind, it is let go."""
    metadata = {"data_path": "kv/data/apps/hq", "current_version": "4"}
    event = {
        "specversion": "1.0",
        "data": {
            "event_type": "kv-v2/data-write",
            "event": {"metadata": metadata},
            "plugin_info": {"mount_path": "kv/"},
        },
    }
    other = {**event, "data": {**event["data"], "event_type": "kv-v2/data-delete"}}  # type: ignore[dict-item]
    requests = [
        app.message(json.dumps(body).encode(), f"m-{i}") for i, body in enumerate((event, other))
    ]
    for request in requests:
        request.headers = {**request.headers, "content-type": "application/cloudevents+json"}
    assert [answer.status_code for answer in app.send(*requests)] == [202, 202]
    assert [(str(kept.hint), kept.source) for kept in app.spool.due()] == [
        ("kv/apps/hq#4", Source.EVENT)
    ]


def _with(request: Request, **headers: str) -> Request:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(request.body, {**request.headers, **told}, request.path, request.method)


def _without(request: Request, *names: str) -> Request:
    return Request(request.body, {k: v for k, v in request.headers.items() if k not in names})


def test_refusals(app: App) -> None:
    """Every refusal has its code, is a problem document, and repeats nothing of what was sent."""
    canary = secrets.token_urlsafe(24)
    big = thin("kv", "a" * 30_000, 1)
    expected = [
        (400, app.message(b"{", "m-400")),
        (400, app.message(b'{"mount":"kv","mount":"kv"}', "m-400b")),
        (400, app.message(b"\xff\xfe", "m-400c")),
        (401, _without(app.message(GOOD), "webhook-signature")),
        (401, _with(app.message(GOOD), webhook_signature="v1,AAAA")),
        (401, app.message(GOOD, at=0)),
        (404, Request(GOOD, {}, f"/{canary}")),
        (405, Request(b"", {}, VAULT, "PUT")),
        (405, Request(b"", {}, "/healthz", "POST")),
        (413, app.message(big)),
        (413, _with(app.message(GOOD), content_length="9" * 5_000)),
        (415, _with(app.message(GOOD), content_type="text/plain")),
        (415, _without(app.message(GOOD), "content-type")),
        (415, _with(app.message(GOOD), content_encoding="gzip")),
        (422, app.message(thin("kv", "apps/hq", 3, password=canary), "m-422")),
        (422, app.message(thin("kv", f"../{canary}", 3), "m-422b")),
        (422, app.message(b"[]", "m-422c")),
    ]
    answers = app.send(*(request for _, request in expected))
    assert [answer.status_code for answer in answers] == [status for status, _ in expected]
    for answer in answers:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
        assert canary not in answer.text
    assert answers[7].headers["allow"] == "POST"
    assert "www-authenticate" in answers[3].headers
    assert app.spool.counts().waiting == 0


def test_a_body_that_lies_about_its_length(app: App) -> None:
    """A body without a length is cut off at the limit, and not read to its end."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        """Send blanks for ever."""
        nonlocal sent
        while True:
            sent += 1
            yield b" " * 4_096

    (answer,) = app.send(Request(endless(), app.message(GOOD).headers))
    assert answer.status_code == 413
    assert sent < 10


def test_a_slow_body(start_app: StartApp) -> None:
    """A body that does not arrive in time is given up."""
    app = start_app(rules=Rules(reading_patience=0.05))

    async def stalled() -> AsyncIterator[bytes]:
        """Send a little, then nothing."""
        yield b"{"
        await asyncio.Event().wait()

    request = Request(stalled(), app.message(GOOD).headers)
    assert app.send(request)[0].status_code == 408


def test_too_fast(start_app: StartApp) -> None:
    """Who sends too much is told when to come again."""
    app = start_app(rules=Rules(rate=0.1, burst=3))
    answers = app.send(*(app.message(thin("kv", "a", n + 1), f"m-{n}") for n in range(5)))
    assert sorted(answer.status_code for answer in answers) == [202, 202, 202, 429, 429]
    assert {answer.headers.get("retry-after") for answer in answers} == {None, "10"}


def test_strangers_do_not_use_up_the_pace(start_app: StartApp) -> None:
    """Messages that nobody signed are slowed down too, and those that are signed do not feel it."""
    app = start_app(rules=Rules(rate=0.1, burst=3))
    stranger = _with(app.message(GOOD), webhook_signature="v1,AAAA")
    assert [a.status_code for a in app.send(*[stranger] * 5)].count(429) == 2
    assert app.send(app.message(GOOD))[0].status_code == 202


def test_full(start_app: StartApp) -> None:
    """A full spool is told with a time to come again; what is in it stays."""
    app = start_app(limits=Limits(rows=10))
    answers = app.send(*(app.message(thin("kv", "a", n + 1), f"m-{n}") for n in range(15)))
    codes = [answer.status_code for answer in answers]
    assert (codes.count(202), codes.count(503)) == (10, 5)
    assert {a.headers["retry-after"] for a in answers if a.status_code == 503} == {"30"}
    assert app.spool.counts().waiting == 10
    ready = app.get("/readyz")
    assert (ready.status_code, ready.json()["spool"]["fine"]) == (200, True)  # 10 are allowed
    assert app.spool.counts().waiting == 10


def test_locked(app: App) -> None:
    """While the spool is locked nothing is accepted; afterwards the same message is."""
    other = sqlite3.connect(app.spool.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    (refused,) = app.send(app.message(GOOD))
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert app.get("/readyz").status_code == 503
    other.execute("ROLLBACK")
    other.close()
    assert app.send(app.message(GOOD))[0].status_code == 202


def test_keys_gone(app: App) -> None:
    """Without readable keys nobody is let in, and it shows."""
    (app.folder / "keys").unlink()
    assert app.send(app.message(GOOD))[0].status_code == 503
    ready = app.get("/readyz")
    assert ready.status_code == 503
    assert "chmod 600" in ready.json()["keys"]["what_to_do"]


def test_audit(app: App) -> None:
    """An audit device needs its token and no content type; only lines about connections are kept."""

    def line(number: int, path: str) -> bytes:
        return json.dumps(
            {
                "type": "response",
                "request": {
                    "id": f"r-{number}", "operation": "update", "mount_point": "kv/", "path": f"kv/data/{path}",
                },
                "response": {"data": {"version": number}},
            }
        ).encode()  # fmt: skip

    body = b"\n".join(
        [
            line(1, "apps/hq"),
            b'{"type":"request"}',
            line(2, "rotation/hq/ledger"),
            line(3, "apps/hq"),
        ]
    )
    bearer = {"authorization": f"Bearer {app.token}"}
    accepted, wrong, none, large, kind = app.send(
        Request(body, bearer, AUDIT),
        Request(body, {"authorization": f"Bearer {app.token}x"}, AUDIT),
        Request(body, {}, AUDIT),
        Request(b"x" * 1_000_001, bearer, AUDIT),
        Request(body, {**bearer, "content-type": "text/html"}, AUDIT),
    )
    codes = [a.status_code for a in (accepted, wrong, none, large, kind)]
    assert codes == [202, 401, 401, 413, 415]
    assert sorted(str(kept.hint) for kept in app.spool.due()) == ["kv/apps/hq#1", "kv/apps/hq#3"]


def test_health(app: App) -> None:
    """Up is up; ready tells of each system how old the last look is, and what to do."""
    assert app.get("/healthz").json() == {"status": "up"}
    first = app.get("/readyz").json()
    assert (first["ready"], first["status"], first["vault"]["fine"]) == (True, "ready", None)
    app.status.fine("vault")
    app.status.wrong("prefect", "NotFound", "Deploy it: prefect deploy --all.")
    ready = app.get("/readyz")
    assert ready.status_code == 200  # hints are accepted and wait
    assert ready.json()["status"] == "degraded"
    assert ready.json()["prefect"]["what_to_do"] == "Deploy it: prefect deploy --all."
    assert ready.json()["vault"]["age_seconds"] >= 0


def test_metrics(app: App) -> None:
    """Metrics count answers and hints, and hold no path of a secret."""
    app.send(app.message(GOOD), app.message(GOOD), app.message(b"{", "m-2"))
    text = app.get("/metrics").text
    assert 'intake_answers_total{code="202",endpoint="/hooks/vault"} 2.0' in text
    assert 'intake_answers_total{code="400",endpoint="/hooks/vault"} 1.0' in text
    assert 'intake_hints_total{result="new",source="webhook"} 1.0' in text
    assert 'intake_spooled{state="waiting"} 1.0' in text
    assert "apps/hq" not in text


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect"])
def test_no_pages(app: App, path: str) -> None:
    """There is a description for machines, and no pages."""
    assert app.get(path).status_code == 404
    assert app.get("/openapi.json").json()["paths"].keys() >= {VAULT, AUDIT, "/readyz"}
