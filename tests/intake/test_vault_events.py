"""Vault Enterprise's events: kept as hints, through every way in which a connection may end."""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from connectors.errors import NotFound
from connectors.secret import Secret
from connectors.vault.settings import VaultSettings
from intake.dispatcher import Patience
from intake.spool import Limits, Spool
from intake.vault_events import EventStream
from tests.waiting import eventually


def event(version: int, path: str = "apps/hq") -> str:
    """Return a notification about a secret."""
    metadata = {"current_version": str(version), "data_path": f"kv/data/{path}"}
    return json.dumps(
        {
            "id": f"{path}-{version}", "specversion": "1.0", "type": "*",
            "data": {
                "event": {"metadata": metadata}, "event_type": "kv-v2/data-write",
                "plugin_info": {"mount_path": "kv/"},
            },
        }
    )  # fmt: skip


class Vault:
    """A server of events. Each connection gets the next script: what it is sent before it is cut off."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe()
        self.scripts: list[list[str]] = []
        self.refusals: list[HTTPStatus] = []
        self.asked: list[str] = []
        self.over = threading.Event()
        self.server: Server

    def process(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse a connection as told, or for its token."""
        self.asked.append(request.path)
        if self.refusals:
            return connection.respond(self.refusals.pop(0), "canary")
        if request.headers.get("X-Vault-Token") != self.token:
            return connection.respond(HTTPStatus.FORBIDDEN, "permission denied")
        return None

    def handle(self, connection: ServerConnection) -> None:
        """Send a script, then cut the connection off; without one, keep it open."""
        if not self.scripts:
            self.over.wait(20)
            return
        for message in self.scripts.pop(0):
            connection.send(message)
        connection.close()

    @property
    def settings(self) -> VaultSettings:
        """Return the settings that lead here."""
        port = self.server.socket.getsockname()[1]
        return VaultSettings(
            addr=f"http://127.0.0.1:{port}", auth="token", token_file=Path("unused")
        )  # type: ignore[arg-type]


@pytest.fixture
def vault() -> Iterator[Vault]:
    """Start it."""
    vault = Vault()
    with serve(vault.handle, "127.0.0.1", 0, process_request=vault.process) as server:
        vault.server = server
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield vault
        vault.over.set()
        server.shutdown()
        thread.join(5)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """Return a new spool."""
    with Spool(tmp_path / "spool", Limits(rows=10)) as opened:
        yield opened


Listening = Callable[[], Any]


@pytest.fixture
def listening(vault: Vault, spool: Spool) -> Listening:
    """Return what listens to the events of the inventory's secrets until its block ends."""

    @contextmanager
    def run() -> Iterator[EventStream]:
        stream = EventStream(
            vault.settings,
            lambda: Secret(vault.token),
            "kv-v2/data-*",
            spool,
            lambda _, path: path.startswith("apps/"),
            Patience(first=0.01, longest=0.05),
        )
        thread = threading.Thread(target=stream.run, daemon=True)
        thread.start()
        try:
            yield stream
        finally:
            stream.stop()
            thread.join(10)
            assert not thread.is_alive()

    return run


def _versions(spool: Spool) -> list[int]:
    return sorted(kept.version or 0 for kept in spool.entries())


def test_keeps_hints(vault: Vault, spool: Spool, listening: Listening) -> None:
    """Events of the inventory's secrets are kept once; others, and what is no event, are passed over."""
    vault.scripts = [[event(1), event(1), "no json", "[]", event(3, "rotation/x"), event(2)]]
    with listening():
        eventually(lambda: _versions(spool), lambda seen: seen == [1, 2])
    assert vault.asked[0] == "/v1/sys/events/subscribe/kv-v2/data-*?json=true"
    assert {kept.source for kept in spool.entries()} == {"vault-event"}


def test_connects_again(vault: Vault, spool: Spool, listening: Listening) -> None:
    """Cut off, refused or answered strangely, it connects again and goes on."""
    vault.refusals = [HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.FORBIDDEN, HTTPStatus.BAD_GATEWAY]
    vault.scripts = [[event(1)], [], [event(2)], [event(3)]]
    with listening():
        eventually(lambda: _versions(spool), lambda seen: seen == [1, 2, 3])
    assert len(vault.asked) >= 7


def test_no_events_here(vault: Vault, spool: Spool) -> None:
    """A Vault without events ends it, with what to use instead."""
    vault.refusals = [HTTPStatus.NOT_FOUND]
    stream = EventStream(
        vault.settings,
        lambda: Secret(vault.token),
        "kv-v2/data-*",
        spool,
        lambda *_: True,
        Patience(),
    )
    with pytest.raises(NotFound) as refused:
        stream.run()
    assert "webhooks" in refused.value.what_to_do()


def test_waits_for_the_spool(vault: Vault, spool: Spool, listening: Listening) -> None:
    """A full spool holds the stream up instead of losing what is told only once."""
    vault.scripts = [[event(version) for version in range(1, 12)]]
    with listening():
        eventually(lambda: len(_versions(spool)), lambda seen: seen == 10)
        spool.drop(spool.due()[0].number)
        eventually(lambda: _versions(spool)[-1], lambda seen: seen == 11)


def test_no_log_tells_the_token(
    vault: Vault, spool: Spool, listening: Listening, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even at DEBUG, where the library writes the headers of its handshakes, nor a refusal's body."""
    caplog.set_level(logging.DEBUG)
    vault.refusals = [HTTPStatus.FORBIDDEN]
    vault.scripts = [[event(1)]]
    with listening():
        eventually(lambda: _versions(spool), lambda seen: seen == [1])
    assert "connected" in caplog.text
    assert vault.token not in caplog.text
    assert "canary" not in caplog.text
