"""A sender of signed messages, and an app to send them to without a network."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from intake.app import Parts, Rules, build
from intake.health import Health
from intake.keys import SecretLines, WebhookKeys
from intake.metrics import Metrics
from intake.spool import Limits, Spool
from intake.status import Status

AUDIT = "/hooks/openbao-audit"
VAULT = "/hooks/vault"


def new_key() -> str:
    """Return a new webhook key."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def private(path: Path, content: str) -> Path:
    """Write a file that only its owner can read."""
    path.touch(mode=0o600)
    path.write_text(content)
    return path


def signed(key: str, body: bytes, message_id: str, *, at: float | None = None) -> dict[str, str]:
    """Return the headers of a message, signed as the specification says."""
    stamp = str(int(time.time() if at is None else at))
    raw = base64.b64decode(key.removeprefix("whsec_"))
    digest = hmac.new(raw, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def thin(mount: str, path: str, version: int | None, **more: object) -> bytes:
    """Return the body of a thin payload."""
    return json.dumps({"mount": mount, "path": path, "version": version, **more}).encode()


@dataclass
class Request:
    """One request to be sent."""

    body: bytes | AsyncIterator[bytes]
    headers: Mapping[str, str]
    path: str = VAULT
    method: str = "POST"


@dataclass
class App:
    """The app of one test, with its spool and its keys."""

    folder: Path
    rules: Rules = field(default_factory=Rules)
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.key = new_key()
        self.token = secrets.token_urlsafe(32)
        self.spool = Spool(self.folder / "spool", self.limits, patience=0.5)
        self.keys = WebhookKeys(private(self.folder / "keys", self.key), "KEYS")
        self.status = Status()
        self.status.alive()
        self.metrics = Metrics()
        self.metrics.watch(self.spool.counts, self.status, time.time)
        self.woken = 0
        self.app: FastAPI = build(
            Parts(
                spool=self.spool,
                keys=self.keys,
                tokens=SecretLines(private(self.folder / "tokens", self.token), "TOKENS"),
                health=Health(self.spool, self.keys, self.status),
                metrics=self.metrics,
                wake=self._wake,
                wanted=lambda mount, path: not path.startswith("rotation/"),
                rules=self.rules,
            )
        )

    def _wake(self) -> None:
        self.woken += 1

    def close(self) -> None:
        """Close the spool."""
        self.spool.close()

    def message(self, body: bytes, message_id: str = "m-1", **more: Any) -> Request:
        """Return a signed message."""
        return Request(body, signed(self.key, body, message_id, **more))

    def send(self, *requests: Request) -> list[httpx.Response]:
        """Send requests, some at the same time; return the answers in their order."""
        return asyncio.run(self._send(requests))

    def get(self, path: str) -> httpx.Response:
        """Read from an address."""
        return self.send(Request(b"", {}, path, "GET"))[0]

    async def _send(self, requests: Iterable[Request]) -> list[httpx.Response]:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        few = asyncio.Semaphore(8)

        async def one(request: Request) -> httpx.Response:
            async with few:
                return await client.request(
                    request.method, request.path, content=request.body, headers=request.headers
                )

        async with httpx.AsyncClient(transport=transport, base_url="http://intake") as client:
            return await asyncio.gather(*(one(request) for request in requests))
