"""How Vault talks over HTTP: one request on its way in, its answer, and the exact bytes going out."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.standin.http import Request, Response

if TYPE_CHECKING:
    from sandbox.vault.tokens import Token

LATE = frozenset({"stale", "lagging"})
"""Faults of a node that the last write has not reached."""

HEADERS = {
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
}
DENIED = "permission denied"


@dataclass
class Call:
    """One request, after its token was looked up. ``path`` is without ``/v1/``."""

    operation: str  # read list create update patch delete
    path: str
    data: dict[str, Any]
    request: Request
    client_token: str = ""
    token: Token | None = None
    wrap_ttl: int = 0
    params: dict[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def caller(self) -> Token:
        """The token of an authenticated call."""
        assert self.token is not None
        return self.token


@dataclass
class Answer:
    """What a handler answers; no answer at all means 204 after a write and 404 after a read."""

    data: dict[str, Any] | None = None
    auth: dict[str, Any] | None = None
    warnings: list[str] | None = None
    status: int = 200
    raw: bytes | None = None  # an unwrapped response, sent as it was stored
    rewrap: tuple[int, str] | None = None  # ttl and creation path of the first wrapping


class Refusal(Exception):
    """An error answer: a status and the texts of the ``errors`` list."""

    def __init__(self, status: int, *errors: str, empty: bool = False) -> None:
        super().__init__(status, *errors)
        self.status = status
        self.errors = list(errors)
        self.empty = empty  # no body at all

    @classmethod
    def combined(cls, status: int, error: str) -> Refusal:
        """Word the error as Go's multierror does; most refusals of the core read like this."""
        return cls(status, f"1 error occurred:\n\t* {error}\n\n")


class BadField(Refusal):
    """A field that does not convert; paths without an existence check word it with a prefix."""


_HTML = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def body(payload: Mapping[str, Any]) -> bytes:
    """Encode as Go's encoder does: compact, safe for HTML, ending with a newline."""
    text = json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
    return text.translate(_HTML).encode() + b"\n"


def response(status: int, payload: Mapping[str, Any] | None) -> Response:
    """Build a response with the headers that every answer carries."""
    if payload is None:
        return Response(status, None, headers={**HEADERS, "Content-Type": "application/json"})
    return Response(status, body(payload), headers=dict(HEADERS))


def refused(refusal: Refusal) -> Response:
    """Build the error response."""
    if refusal.empty:
        return response(refusal.status, None)
    return response(refusal.status, {"errors": refusal.errors})


def envelope(answer: Answer, request_id: str) -> dict[str, Any]:
    """Build the envelope of a logical answer, in the order of the real one; maps are sorted."""
    data = None if answer.data is None else json.loads(json.dumps(answer.data, sort_keys=True))
    return {
        "request_id": request_id,
        "lease_id": "",
        "renewable": False,
        "lease_duration": 0,
        "data": data,
        "wrap_info": None,
        "warnings": answer.warnings or None,
        "auth": answer.auth,
    }


def wrap_envelope(answer: Answer, token: Token, path: str, created: str) -> dict[str, Any]:
    """Build the envelope that holds a wrapping token instead of the answer."""
    wrapped: dict[str, Any] = {
        "token": token.id,
        "accessor": token.accessor,
        "ttl": token.ttl,
        "creation_time": created,
        "creation_path": path,
    }
    accessor = answer.auth["accessor"] if answer.auth else None
    accessor = accessor or (answer.data or {}).get("secret_id_accessor")
    if accessor:
        wrapped["wrapped_accessor"] = accessor
    return {**envelope(Answer(), ""), "wrap_info": wrapped}
