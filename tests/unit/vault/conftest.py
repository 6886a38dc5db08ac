"""Fixtures of the Vault connector's unit tests: no server, no network."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import pytest

from connectors.vault.client import VaultClient
from connectors.vault.settings import AuthKind, VaultSettings
from tests.unit.vault.fake_vault import FakeClock, FakeVault, private_file


@pytest.fixture(autouse=True)
def _no_settings_in_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a developer's own settings of the connector out of the tests."""
    for name in [name for name in os.environ if name.startswith("ROTATION_VAULT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def vault() -> FakeVault:
    """Return a Vault in memory."""
    return FakeVault()


@pytest.fixture
def time() -> FakeClock:
    """Return time that moves when told."""
    return FakeClock()


@pytest.fixture
def secret_id(tmp_path: Path) -> Path:
    """Return the file of a SecretID."""
    return private_file(tmp_path / "secret-id", secrets.token_urlsafe())


@pytest.fixture
def settings(secret_id: Path) -> VaultSettings:
    """Return settings that sign in with AppRole."""
    return VaultSettings(
        addr="https://vault.example.test:8200", role_id="role", secret_id_file=secret_id
    )


@pytest.fixture
def token_settings(tmp_path: Path) -> VaultSettings:
    """Return settings that use a token from a file."""
    return VaultSettings(
        addr="https://vault.example.test:8200",
        auth=AuthKind.TOKEN,
        token_file=private_file(tmp_path / "token", secrets.token_urlsafe()),
    )


@pytest.fixture
def client(vault: FakeVault, settings: VaultSettings, time: FakeClock) -> VaultClient:
    """Return a client on the Vault in memory."""
    return vault.client(settings, time.clock())
