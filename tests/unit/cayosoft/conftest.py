"""A bridge of scripted answers behind the transport, held against the contract."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.cayosoft.bridge import BridgeConsole
from connectors.cayosoft.settings import BridgeSettings
from connectors.models import SecretHandle
from sandbox.standin.tls import Authority
from tests.contracts.cayosoft.contract import Checked, Contract
from tests.contracts.cayosoft.vault import FakeVault

FIXTURES = Path(__file__).parent / "fixtures"
CLIENT = SecretHandle("kv", "orchestrator/bridge/hq")
ACCOUNT = SecretHandle("kv", "cayosoft/hq/ad", 4)

Answer = httpx.Response | Exception


def fixture(name: str) -> Any:
    """Return a fixture's JSON."""
    return json.loads((FIXTURES / f"{name}.json").read_text())


def problem(name: str) -> httpx.Response:
    """Return a problem from its fixture."""
    body = fixture(f"error-{name}")
    headers = {"Content-Type": "application/problem+json"}
    return httpx.Response(body["status"], json=body, headers=headers)


def row_answer(name: str) -> httpx.Response:
    """Return a row with its ETag."""
    body = fixture(name)
    return httpx.Response(200, json=body, headers={"ETag": f'"{body["revision"]}"'})


class ScriptedBridge:
    """Answers in the given order; tokens come by themselves unless a script for them is given."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.token_answers: list[Answer] = []
        self.requests: list[httpx.Request] = []
        self.tokens: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return self._token(request)
        self.requests.append(request)
        return self._next(self.answers)

    def _token(self, request: httpx.Request) -> httpx.Response:
        self.token_requests = [*getattr(self, "token_requests", []), request]
        if self.token_answers:
            return self._next(self.token_answers)
        self.tokens.append(secrets.token_urlsafe(16))
        body = {"access_token": self.tokens[-1], "token_type": "Bearer", "expires_in": 3600}
        return httpx.Response(200, json=body)

    @staticmethod
    def _next(answers: list[Answer]) -> httpx.Response:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def bridge() -> ScriptedBridge:
    """Return a bridge without answers yet."""
    return ScriptedBridge()


@pytest.fixture
def vault(new_password: Callable[[], str]) -> FakeVault:
    """Return a Vault with the bridge's client and the connection account."""
    vault = FakeVault()
    vault.put(CLIENT, client_id="rotation", client_secret=new_password())
    vault.put(ACCOUNT, username="svc-cayo@corp.example.test", password=new_password())
    return vault


@pytest.fixture
def make_console(vault: FakeVault, authority: Authority) -> Iterator[Callable[..., BridgeConsole]]:
    """Return a maker of drivers; ``strict`` holds both directions against the contract."""
    made: list[BridgeConsole] = []

    def make(
        answer: Callable[[httpx.Request], httpx.Response], *, strict: bool = True, **settings: Any
    ) -> BridgeConsole:
        transport: httpx.BaseTransport = httpx.MockTransport(answer)
        if strict:
            transport = Checked(transport, Contract())
        settings = {"url": "https://console.example.test", "client": CLIENT, **settings}
        settings.setdefault("ca_file", authority.ca_file)
        made.append(BridgeConsole(BridgeSettings(**settings), vault, transport=transport))
        return made[-1]

    yield make
    for console in made:
        console.close()


@pytest.fixture
def console(make_console: Callable[..., BridgeConsole], bridge: ScriptedBridge) -> BridgeConsole:
    """Return a driver of the scripted bridge, held against the contract."""
    return make_console(bridge)
