"""A scripted tenant behind httpx.MockTransport, a fake Vault and a clock that only tests move."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from connectors.entra.polling import Timing
from connectors.entra.settings import AppIdentity, CredentialKind, TenantSettings
from connectors.errors import NotFound
from connectors.models import Credential, SecretHandle
from connectors.secret import Secret

TENANT = "11111111-aaaa-4aaa-8aaa-111111111111"
VERIFIER = "22222222-aaaa-4aaa-8aaa-222222222222"
VALIDATOR = "33333333-aaaa-4aaa-8aaa-333333333333"
PROBE = "44444444-aaaa-4aaa-8aaa-444444444444"
SETTER = "55555555-aaaa-4aaa-8aaa-555555555555"
AUTHORITY = "https://sign-in.example.test:8443"
GRAPH = "https://graph.example.test/v1.0"
UPN = "svc-cayosoft@corp.example.test"

ACCOUNT_SECRET = SecretHandle("kv", "accounts/entra")
VERIFIER_SECRET = SecretHandle("kv", "apps/verifier")
VALIDATOR_SECRET = SecretHandle("kv", "apps/validator")
SETTER_SECRET = SecretHandle("kv", "apps/setter")

DISCOVERY = f"/{TENANT}/v2.0/.well-known/openid-configuration"
TOKEN = f"/{TENANT}/oauth2/v2.0/token"
REALM = f"/common/userrealm/{UPN}"

Answer = Callable[[httpx.Request], httpx.Response]


def fixture(name: str) -> Any:
    """Return one recorded body, named by call and side."""
    return json.loads((Path(__file__).parent / "fixtures" / f"{name}.json").read_text())


def answer(status: int = 200, body: Any = None, **headers: str) -> Answer:
    """Answer with a JSON body; a text is the name of a fixture, bytes are sent as they are."""
    content = fixture(body) if isinstance(body, str) else body

    def respond(_: httpx.Request) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if content is None or isinstance(content, bytes):
            return httpx.Response(status, content=content, headers=named)
        return httpx.Response(status, json=content, headers=named)

    return respond


def broken(kind: type[httpx.TransportError]) -> Answer:
    """Break the connection."""

    def fail(request: httpx.Request) -> httpx.Response:
        raise kind("broken on purpose", request=request)

    return fail


class Wire:
    """Answers by method and path. The last answer of a route repeats; an unknown route is a failure."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self._answers: dict[tuple[str, str], list[Answer]] = {}
        base = f"{AUTHORITY}/{TENANT}"
        self.on(
            "GET",
            DISCOVERY,
            answer(
                body={
                    "issuer": f"{base}/v2.0",
                    "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                    "token_endpoint": f"{base}/oauth2/v2.0/token",
                }
            ),
        )
        self.on("GET", REALM, answer(body="user_realm-managed"))

    def on(self, method: str, path: str, *answers: Answer) -> None:
        """Set the answers of one route."""
        self._answers[method, path] = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answers = self._answers[request.method, unquote(request.url.path)]
        return (answers.pop(0) if len(answers) > 1 else answers[0])(request)

    def asked(self, method: str, path: str) -> list[httpx.Request]:
        """Return the requests of one route."""
        return [r for r in self.requests if (r.method, unquote(r.url.path)) == (method, path)]

    def transport(self) -> httpx.MockTransport:
        """Return the seam."""
        return httpx.MockTransport(self)


class FakeVault:
    """Keeps SecretSource. Counts what was read."""

    def __init__(self) -> None:
        self.documents: dict[str, dict[str, Secret]] = {}
        self.reads: list[str] = []

    def put(self, handle: SecretHandle, **fields: str) -> None:
        """Store a document."""
        self.documents[handle.path] = {name: Secret(value) for name, value in fields.items()}

    def credential(self, handle: SecretHandle) -> Credential:
        """Read a username and password."""
        document = self.document(handle)
        return Credential(handle, document["username"].reveal(), document["password"])

    def document(self, handle: SecretHandle) -> Mapping[str, Secret]:
        """Read every field."""
        self.reads.append(handle.path)
        if handle.path not in self.documents:
            raise NotFound("vault", "read", secret=handle)
        return self.documents[handle.path]


class Clock:
    """Time that passes only when somebody sleeps, or when a test says so."""

    def __init__(self, on_sleep: Callable[[float], None] = lambda _: None) -> None:
        self.seconds = 1000.0
        self.slept: list[float] = []
        self._on_sleep = on_sleep

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds

    def sleep(self, seconds: float) -> None:
        """Sleep without waiting."""
        self.slept.append(seconds)
        self.seconds += seconds
        self._on_sleep(seconds)

    def timing(self) -> Timing:
        """Return the seam."""
        return Timing(
            now=lambda: datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=self.seconds),
            monotonic=lambda: self.seconds,
            sleep=self.sleep,
        )


def settings(**changes: Any) -> TenantSettings:
    """Return the settings of the scripted tenant."""
    secret = CredentialKind.SECRET
    fields: dict[str, Any] = {
        "name": "corp",
        "tenant_id": TENANT,
        "domain": "corp.example.test",
        "verifier": AppIdentity(VERIFIER, VERIFIER_SECRET, secret),
        "validator": AppIdentity(VALIDATOR, VALIDATOR_SECRET, secret),
        "setter": AppIdentity(SETTER, SETTER_SECRET, secret),
        "probe_client_id": PROBE,
        "authority": AUTHORITY,
        "graph": GRAPH,
    }
    return TenantSettings(**(fields | changes))


def form(request: httpx.Request) -> dict[str, str]:
    """Return a form body."""
    return {name: values[-1] for name, values in parse_qs(request.content.decode()).items()}


def query(request: httpx.Request) -> dict[str, str]:
    """Return the query options."""
    parts = parse_qs(urlsplit(str(request.url)).query)
    return {name: values[-1] for name, values in parts.items()}
