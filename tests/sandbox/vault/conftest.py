"""A stand-in, a real server, and small helpers for both."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import httpx
import hvac
import pytest

from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority
from tests.sandbox.vault import directory as directories
from tests.sandbox.vault.directory import Directory
from tests.sandbox.vault.openbao import RealServer, binary

_needs_binary = pytest.mark.skipif(binary() is None, reason="no bao or vault on PATH")
_numbers = itertools.count(1)


@dataclass
class Server:
    """One server under test and its root token."""

    url: str
    root_token: str
    stand_in: StandIn | None = None
    clients: list[hvac.Client] = field(default_factory=list)
    http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False))

    def client(self, token: str | None = None) -> hvac.Client:
        """Return an hvac client; with the root token unless another is given."""
        client = hvac.Client(self.url, token=self.root_token if token is None else token)
        self.clients.append(client)
        return client

    def raw(self, method: str, path: str, token: str | None = None, **more) -> httpx.Response:
        """Send one plain request with the root token, another one, or none (an empty text)."""
        headers = dict(more.pop("headers", {}))
        token = self.root_token if token is None else token
        if token:
            headers["X-Vault-Token"] = token
        return self.http.request(method, f"{self.url}/v1/{path}", headers=headers, **more)

    def policy(self, text: str) -> str:
        """Store an ACL policy under a fresh name and return the name."""
        name = fresh("policy")
        assert self.raw("PUT", f"sys/policies/acl/{name}", json={"policy": text}).status_code == 204
        return name

    def token(self, *policies: str, **more) -> str:
        """Create a token and return it."""
        body = {"policies": list(policies) or ["default"], **more}
        return self.raw("POST", "auth/token/create", json=body).json()["auth"]["client_token"]

    def seen_by(self, token: str) -> Server:
        """Return this server as the holder of another token sees it."""
        return replace(self, root_token=token)

    def close(self) -> None:
        """Close the clients that a test asked for."""
        for client in self.clients:
            client.adapter.close()
        self.clients.clear()


def fresh(stem: str) -> str:
    """Return a name that no other test uses."""
    return f"{stem}-{next(_numbers)}"


def patch(server: Server, path: str, body: dict) -> httpx.Response:
    """Send a merge patch."""
    headers = {"Content-Type": "application/merge-patch+json"}
    return server.raw("PATCH", path, content=json.dumps(body), headers=headers)


def write(kv, key: str, cas: int | None = None, **content) -> int:
    """Write one version and return its number."""
    return kv.create_or_update_secret(key, content, cas=cas, mount_point="kv")["data"]["version"]


def read(kv, key: str, **more):
    """Read one version."""
    more.setdefault("raise_on_deleted_version", True)
    return kv.read_secret_version(key, mount_point="kv", **more)["data"]


@pytest.fixture(scope="session")
def started_stand_in() -> Iterator[Server]:
    """Return the session's stand-in over plain HTTP."""
    root_token = secrets.token_urlsafe(24)
    with StandIn.start("sandbox.vault", {"root_token": root_token}) as stand_in:
        server = Server(stand_in.url, root_token, stand_in)
        yield server
        server.http.close()


@pytest.fixture(scope="session")
def started_real_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return the session's real server."""
    root_token = secrets.token_urlsafe(24)
    real = RealServer.start(tmp_path_factory.mktemp("openbao"), root_token)
    server = Server(real.url, root_token)
    yield server
    server.http.close()
    real.stop()


@pytest.fixture(
    params=["stand-in", pytest.param("real", marks=[pytest.mark.openbao, _needs_binary])]
)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Return the stand-in, then the real server: what holds for one must hold for both."""
    name = "started_stand_in" if request.param == "stand-in" else "started_real_server"
    started: Server = request.getfixturevalue(name)
    yield started
    started.close()


@pytest.fixture
def stand_in(started_stand_in: Server) -> Iterator[Server]:
    """Return the stand-in alone, for faults and the clock."""
    yield started_stand_in
    assert started_stand_in.stand_in
    started_stand_in.stand_in.disarm()
    started_stand_in.stand_in.do("unseal")
    started_stand_in.close()


@pytest.fixture
def key() -> str:
    """Return a KV path that no other test uses."""
    return f"tests/{fresh('key')}"


@pytest.fixture
def approle(server: Server) -> Callable[..., str]:
    """Return a maker of AppRole roles; the auth method is enabled once per server."""
    if "approle/" not in server.raw("GET", "sys/auth").json()["data"]:
        assert server.raw("POST", "sys/auth/approle", json={"type": "approle"}).status_code == 204

    def make(**settings) -> str:
        name = fresh("role")
        path = f"auth/approle/role/{name}"
        assert server.raw("POST", path, json=settings).status_code == 204
        return name

    return make


@pytest.fixture
def kv(server: Server):
    """Return hvac's KV v2 class of the root token."""
    return server.client().secrets.kv.v2


@pytest.fixture(scope="session")
def started_directory(authority: Authority, new_password: Callable[[], str]) -> Iterator[Directory]:
    """Return the directory of the session."""
    with directories.running(authority, new_password) as directory:
        yield directory


@pytest.fixture
def directory(started_directory: Directory) -> Iterator[Directory]:
    """Return that directory, with nothing armed."""
    yield started_directory
    started_directory.standin.disarm()
    started_directory.standin.release()
