"""Fixtures of the Entra connector's unit tests."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import pytest

from connectors.entra.client import EntraClient
from tests.unit.entra.support import (
    ACCOUNT_SECRET,
    SETTER_SECRET,
    TOKEN,
    UPN,
    VALIDATOR_SECRET,
    VERIFIER_SECRET,
    Clock,
    FakeVault,
    Wire,
    answer,
    settings,
)


@pytest.fixture
def wire() -> Wire:
    """Return a tenant that hands out tokens and knows nothing else yet."""
    wire = Wire()
    token = {"token_type": "Bearer", "expires_in": 3600, "access_token": secrets.token_urlsafe(24)}
    wire.on("POST", TOKEN, answer(body=token))
    return wire


@pytest.fixture
def vault(new_password: Callable[[], str]) -> FakeVault:
    """Return a Vault with the account and the applications."""
    vault = FakeVault()
    vault.put(ACCOUNT_SECRET, username=UPN, password=new_password())
    vault.put(VERIFIER_SECRET, client_secret=new_password())
    vault.put(VALIDATOR_SECRET, client_secret=new_password())
    vault.put(SETTER_SECRET, client_secret=new_password())
    return vault


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


@pytest.fixture
def entra(wire: Wire, vault: FakeVault, clock: Clock) -> Iterator[EntraClient]:
    """Return the client under test."""
    with EntraClient(
        settings(), vault, transport=wire.transport(), timing=clock.timing()
    ) as client:
        yield client
