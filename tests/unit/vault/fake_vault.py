"""A Vault in memory below hvac: a transport that plays answers and remembers what was sent."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.response import HTTPResponse

from connectors.models import SecretHandle
from connectors.vault.client import VaultClient
from connectors.vault.clock import Clock
from connectors.vault.settings import VaultSettings

SECRET = SecretHandle("kv", "apps/hq")
DATA = "/v1/kv/data/apps/hq"
METADATA = "/v1/kv/metadata/apps/hq"
LOGIN = "/v1/auth/approle/login"
LOOKUP = "/v1/auth/token/lookup-self"
RENEW = "/v1/auth/token/renew-self"
REVOKE = "/v1/auth/token/revoke-self"


@dataclass(frozen=True)
class Sent:
    """One request as it left."""

    method: str
    url: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    timeout: Any

    @property
    def token(self) -> str | None:
        """The token that went along."""
        return self.headers.get("X-Vault-Token")


@dataclass(frozen=True)
class Reply:
    """One answer to play."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


Play = Reply | Exception | Callable[[Sent], "Reply | Exception"]


class FakeVault:
    """Answers by method and path; the last answer of a list stays. Unknown paths are a 404."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []
        self._plays: dict[tuple[str, str], list[Play]] = {}
        self._lock = threading.Lock()
        numbers = itertools.count(1)
        self.on("POST", LOGIN, lambda _: signed_in(f"token-{next(numbers)}"))
        self.on("GET", LOOKUP, Reply(body={"data": {"ttl": 3600, "renewable": True}}))
        self.on("POST", REVOKE, Reply(204))

    def on(self, method: str, path: str, *plays: Play) -> None:
        """Set the answers of a path."""
        self._plays[method, path] = list(plays)

    def calls(self, path: str) -> list[Sent]:
        """Return what was sent to a path."""
        return [sent for sent in self.sent if sent.path == path]

    def transport(self) -> BaseAdapter:
        """Return a transport that plays the answers."""
        return _Transport(self)

    def client(self, settings: VaultSettings, clock: Clock | None = None) -> VaultClient:
        """Return a client of ours on this fake."""
        return VaultClient(settings, clock=clock, transport=self.transport)

    def play(self, sent: Sent) -> Reply:
        """Take the next answer of a request."""
        with self._lock:
            self.sent.append(sent)
            plays = self._plays.get((sent.method, sent.path), [Reply(404, {"errors": []})])
            play = plays.pop(0) if len(plays) > 1 else plays[0]
        answer = play(sent) if callable(play) else play
        if isinstance(answer, Exception):
            raise answer
        return answer


class _Transport(BaseAdapter):
    def __init__(self, fake: FakeVault) -> None:
        super().__init__()
        self._fake = fake

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        parts = urlsplit(request.url or "")
        sent = Sent(
            request.method or "",
            request.url or "",
            unquote(parts.path),
            dict(parse_qsl(parts.query)),
            dict(request.headers),
            json.loads(request.body) if request.body else None,
            kwargs.get("timeout"),
        )
        reply = self._fake.play(sent)
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        raw = HTTPResponse(
            BytesIO(b"" if reply.status == 204 else content),
            headers={"Content-Type": "application/json", **reply.headers},
            status=reply.status,
            preload_content=False,
        )
        return HTTPAdapter().build_response(request, raw)

    def close(self) -> None:
        """Nothing is open."""


class FakeClock:
    """Time that moves when told, or when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.date = datetime(2026, 6, 1, tzinfo=UTC)
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Let time pass without waiting."""
        self.slept.append(seconds)
        self.now += seconds

    def clock(self) -> Clock:
        """Return the clock that the client takes."""
        return Clock(lambda: self.now, lambda: self.date, self.sleep)


def signed_in(token: str, seconds: int = 3600, *, renewable: bool = True) -> Reply:
    """Answer a sign-in or a renewal."""
    auth = {"client_token": token, "lease_duration": seconds, "renewable": renewable}
    return Reply(body={"auth": auth, "data": None})


def version(number: int, fields: Any, *, destroyed: bool = False, deleted: str = "") -> Reply:
    """Answer a read of one version; ``fields`` None is a deleted or destroyed one."""
    facts = {
        "version": number,
        "created_time": f"2026-05-0{number}T10:00:00.123456789Z",
        "deletion_time": deleted,
        "destroyed": destroyed,
    }
    return Reply(404 if fields is None else 200, {"data": {"data": fields, "metadata": facts}})


def metadata(current: int, oldest: int = 0, *, deleted: str = "") -> Reply:
    """Answer a read of metadata with every version from the oldest to the current."""
    versions = {
        str(n): {"created_time": f"2026-05-0{n}T10:00:00Z", "deletion_time": "", "destroyed": False}
        for n in range(max(1, oldest), current + 1)
    }
    if deleted:
        versions[str(current)]["deletion_time"] = deleted
    return Reply(
        body={
            "data": {
                "current_version": current,
                "oldest_version": oldest,
                "max_versions": 10,
                "cas_required": True,
                "versions": versions,
            }
        }
    )


def private_file(path: Path, content: str) -> Path:
    """Write a file that only its owner can read."""
    path.touch(mode=0o600)
    path.write_text(content)
    return path
