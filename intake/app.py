"""The ASGI app: authenticate, understand, keep on disk, answer. Nothing here talks to another system."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from connectors.errors import InvalidInput, Unreachable
from connectors.secret import Secret
from intake import audit
from intake.health import Health
from intake.hints import Hint, MalformedMessage, UnwantedMessage, parse
from intake.keys import SecretLines
from intake.metrics import Metrics
from intake.openapi import AUDIT, HEALTHZ, METRICS, READYZ, VAULT
from intake.problems import Problem, answer
from intake.requests import Pace, read_body, require_type
from intake.signatures import NotSigned, verify
from intake.spool import Spool

_log = logging.getLogger(__name__)
_MESSAGES = ("application/json", "application/cloudevents+json")
_LINES = ("application/json", "application/x-ndjson", "text/plain", "application/octet-stream")
# An audit device blocks all of Vault while it waits for an answer.
AUDIT_PATIENCE = 0.5


@dataclass(frozen=True)
class Rules:
    """What the app lets through."""

    largest_message: int = 20_000
    largest_audit: int = 1_000_000
    reading_patience: float = 10.0
    most_at_once: int = 100
    rate: float = 50.0
    burst: int = 1_000


@dataclass
class Parts:
    """What the app is made of. ``wanted`` says which places the audit's hints are kept for."""

    spool: Spool
    keys: SecretLines
    tokens: SecretLines | None
    health: Health
    metrics: Metrics
    wake: Callable[[], None] = lambda: None
    wanted: Callable[[str, str], bool] = lambda _mount, _path: True
    rules: Rules = field(default_factory=Rules)


Handler = Callable[[Request], Awaitable[Response]]


class _Endpoints:
    """The handlers, each with what it shares with the others."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        # Two of them: strangers must not use up the pace of those who sign.
        self._pace = Pace(parts.rules.rate, parts.rules.burst)
        self._strangers = Pace(parts.rules.rate, parts.rules.burst)

    async def vault(self, request: Request) -> Response:
        rules = self._parts.rules
        require_type(request, _MESSAGES, may_be_absent=False)
        body = await read_body(request, rules.largest_message, rules.reading_patience)
        _require_text(body)
        message_id = self._signed(body, request)
        hint = parse(body, message_id)
        await _keep(self._parts, [hint] if hint else [])
        return JSONResponse({"status": "accepted"}, 202)

    def _signed(self, body: bytes, request: Request) -> str:
        """Return the id of a message of ours, or refuse a stranger's, both at their pace."""
        try:
            message_id = verify(body, request.headers, self._parts.keys.lines())
        except NotSigned:
            self._strangers.take()
            raise
        self._pace.take()
        return message_id

    async def openbao_audit(self, request: Request) -> Response:
        rules = self._parts.rules
        if self._parts.tokens is None:
            raise Problem(404)
        _require_token(request, self._parts.tokens.lines())
        require_type(request, _LINES, may_be_absent=True)
        body = await read_body(request, rules.largest_audit, rules.reading_patience)
        found = await run_in_threadpool(self._wanted, body)
        await _keep(self._parts, found, patience=AUDIT_PATIENCE)
        return JSONResponse({"status": "accepted"}, 202)

    def _wanted(self, body: bytes) -> list[Hint]:
        """Return the hints that are about a connection: Vault's whole traffic comes along here."""
        return [h for h in audit.hints(body) if self._parts.wanted(h.mount, h.path)]

    async def healthz(self, _: Request) -> Response:
        return JSONResponse({"status": "up"})

    async def readyz(self, _: Request) -> Response:
        report = await run_in_threadpool(self._parts.health.report)
        return JSONResponse(report, 200 if report["ready"] else 503)

    async def metrics(self, _: Request) -> Response:
        text = await run_in_threadpool(self._parts.metrics.text)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def build(parts: Parts) -> FastAPI:
    """Return the app."""
    app = FastAPI(
        title="account-rotation intake",
        description="Takes the news that a secret in Vault has a new version. Never the secret.",
        version="1",
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
    )
    own = _Endpoints(parts)
    at_once = asyncio.Semaphore(parts.rules.most_at_once)
    for method, path, handler, described in (
        ("POST", "/hooks/vault", own.vault, VAULT),
        ("POST", "/hooks/openbao-audit", own.openbao_audit, AUDIT),
        ("GET", "/readyz", own.readyz, READYZ),
        ("GET", "/metrics", own.metrics, METRICS),
    ):
        endpoint = _guarded(path, handler, at_once, parts.metrics)
        app.add_api_route(path, endpoint, methods=[method], **_documented(described))
    app.add_api_route("/healthz", own.healthz, methods=["GET"], **_documented(HEALTHZ))
    app.add_exception_handler(HTTPException, _by_framework)
    return app


def _guarded(path: str, handler: Handler, at_once: asyncio.Semaphore, metrics: Metrics) -> Handler:
    async def endpoint(request: Request) -> Response:
        if at_once.locked():
            response: Response = answer(503, "Too many requests at once.", retry_after=1)
        else:
            async with at_once:
                response = await _answered(handler, request)
        metrics.answers.labels(path, str(response.status_code)).inc()
        return response

    return endpoint


def _documented(described: dict[str, Any]) -> dict[str, Any]:
    return {"response_model": None, "response_class": Response, **described}


async def _answered(handler: Handler, request: Request) -> Response:
    """Return the handler's answer, or the refusal that its error means."""
    try:
        return await handler(request)
    except Exception as error:  # noqa: BLE001  the server would log its text, which may quote a message
        return _refusal(error)


def _refusal(error: Exception) -> Response:
    match error:
        case Problem():
            return error.response()
        case NotSigned():
            return answer(
                401, "Sign the message as Standard Webhooks say, with a key of ours, now."
            )
        case MalformedMessage() | UnwantedMessage():
            status = 400 if isinstance(error, MalformedMessage) else 422
            return answer(status, error.identifiers["problem"])
        case Unreachable() | InvalidInput():
            _log.error("intake: cannot accept: %s", error)
            wait = error.retry_after if isinstance(error, Unreachable) else None
            return answer(503, retry_after=wait or 5)
        case _:
            _log.error("intake: failed: %s", type(error).__name__)
            return answer(500)


async def _keep(parts: Parts, hints: Sequence[Hint], *, patience: float | None = None) -> None:
    """Return once the hints are on the disk."""
    if not hints:
        return
    new = await run_in_threadpool(parts.spool.add, hints, patience=patience)
    source = hints[0].source.value
    parts.metrics.hints.labels(source, "new").inc(new)
    parts.metrics.hints.labels(source, "repeated").inc(len(hints) - new)
    if new:
        parts.wake()


def _require_text(body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError:
        pass
    else:
        return
    raise Problem(400, "the body is not JSON")


def _require_token(request: Request, tokens: Sequence[Secret]) -> None:
    told = request.headers.get("authorization", "")
    scheme, _, token = told.partition(" ")
    given = token.strip().encode()
    fits = [hmac.compare_digest(given, known.reveal_bytes()) for known in tokens]
    if scheme.casefold() != "bearer" or not any(fits):
        raise Problem(401)


async def _by_framework(_: Request, error: Exception) -> Response:
    """Turn the framework's own refusals, such as a wrong method, into ours."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    return answer(status, headers=dict(headers or {}))
