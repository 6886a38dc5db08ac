"""Fixtures of the Vault contracts: every promise on the stand-in, and on a real server where there is one."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors.models import SecretHandle
from connectors.vault.client import VaultClient
from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority
from tests.contracts.vault.roles import Roles
from tests.contracts.vault.server import KINDS, MOUNT, Server, real, stand_in
from tests.sandbox.vault import directory as directories
from tests.sandbox.vault.directory import Directory


@pytest.fixture(autouse=True)
def _no_settings_in_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a developer's own settings of the connector out of the tests."""
    for name in [name for name in os.environ if name.startswith("ROTATION_VAULT_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session", params=KINDS)
def server(
    request: pytest.FixtureRequest, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Return a running Vault, one after the other kind."""
    running = (
        stand_in(authority)
        if request.param == "stand-in"
        else real(tmp_path_factory.mktemp("openbao"))
    )
    with running as server:
        yield server


@pytest.fixture(scope="session")
def pretended(authority: Authority) -> Iterator[Server]:
    """Return a stand-in of its own, for what a real server cannot be told to do."""
    with stand_in(authority) as server:
        yield server


@pytest.fixture
def faults(pretended: Server) -> Iterator[StandIn]:
    """Return the switches of that stand-in, with nothing armed and an empty journal."""
    assert pretended.stand_in
    pretended.stand_in.disarm()
    pretended.stand_in.forget()
    yield pretended.stand_in
    pretended.stand_in.disarm()
    pretended.stand_in.do("unseal")


@pytest.fixture
def client(server: Server, tmp_path: Path) -> Iterator[VaultClient]:
    """Return a client that signs in with AppRole."""
    with VaultClient(server.settings(tmp_path)) as client:
        yield client


@pytest.fixture
def shaken(pretended: Server, faults: StandIn, tmp_path: Path) -> Iterator[VaultClient]:
    """Return a client on the stand-in that faults are armed on."""
    assert faults
    with VaultClient(pretended.settings(tmp_path, read_timeout=2.0)) as client:
        yield client


@pytest.fixture
def secret() -> SecretHandle:
    """Name a secret that no other test uses."""
    return SecretHandle(MOUNT, f"apps/{secrets.token_hex(6)}")


@pytest.fixture
def pending() -> SecretHandle:
    """Name a place for a staged secret that no other test uses."""
    return SecretHandle(MOUNT, f"rotation/{secrets.token_hex(6)}/pending")


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


@pytest.fixture
def roles(server: Server, directory: Directory) -> Roles:
    """Return the static roles of the server."""
    return Roles(server, directory)


@pytest.fixture
def shaken_roles(pretended: Server, faults: StandIn, directory: Directory) -> Roles:
    """Return the static roles of the stand-in that faults are armed on."""
    assert faults
    return Roles(pretended, directory)
