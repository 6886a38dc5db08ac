"""The system calls: health, password policies, capabilities."""

from __future__ import annotations

import secrets

import pytest

from connectors.errors import InvalidInput, NotFound, Unreachable
from connectors.protocols import SecretVault
from connectors.vault.client import VaultClient
from connectors.vault.models import NodeState
from tests.unit.vault.fake_vault import LOGIN, FakeVault, Reply

HEALTH = "/v1/sys/health"
GENERATE = "/v1/sys/policies/password/ad/generate"


@pytest.mark.parametrize(
    ("status", "state", "serves"),
    [
        (200, NodeState.ACTIVE, True),
        (429, NodeState.STANDBY, True),
        (472, NodeState.DISASTER_RECOVERY_SECONDARY, False),
        (473, NodeState.PERFORMANCE_STANDBY, True),
        (474, NodeState.CUT_OFF, False),
        (501, NodeState.NOT_INITIALISED, False),
        (503, NodeState.SEALED, False),
        (530, NodeState.REMOVED, False),
    ],
)
def test_health(
    vault: FakeVault, client: VaultClient, status: int, state: NodeState, serves: bool
) -> None:
    """Health says what the node is, without signing in."""
    vault.on("GET", HEALTH, Reply(status, {"initialized": True, "version": "2.6.2"}))
    health = client.health()
    assert (health.state, health.serves, health.version) == (state, serves, "2.6.2")
    assert vault.calls(LOGIN) == []


@pytest.mark.parametrize(
    "reply",
    [Reply(429, {"errors": []}, {"Retry-After": "3"}), Reply(503, b"<html>"), Reply(200, {}), Reply(404, {})],
)  # fmt: skip
def test_health_of_something_else(vault: FakeVault, client: VaultClient, reply: Reply) -> None:
    """A rate limit or a proxy is not taken for the health of a node."""
    vault.on("GET", HEALTH, reply)
    with pytest.raises(NotFound if reply.status == 404 else Unreachable):
        client.health()


def test_generates_password(vault: FakeVault, client: VaultClient) -> None:
    """A password comes from Vault's policy, closed."""
    value = secrets.token_urlsafe()
    vault.on("GET", GENERATE, Reply(body={"data": {"password": value}}))
    assert value == client.generate_password("ad").reveal()


def test_missing_policy(vault: FakeVault, client: VaultClient) -> None:
    """A password policy that is not there comes with the command that writes it."""
    vault.on("GET", GENERATE, Reply(404, {"errors": ["policy does not exist"]}))
    with pytest.raises(NotFound, match="policy=ad") as refused:
        client.generate_password("ad")
    assert "sys/policies/password/ad" in refused.value.what_to_do()


@pytest.mark.parametrize("name", ["", "..", "a/b", "a b", "a?b"])
def test_refuses_policy_name(vault: FakeVault, client: VaultClient, name: str) -> None:
    """A name that would lead to another path is refused before anything is sent."""
    with pytest.raises(InvalidInput):
        client.generate_password(name)
    assert vault.sent == []


def test_capabilities(vault: FakeVault, client: VaultClient) -> None:
    """Capabilities are told per path."""
    answer = {"capabilities": ["deny"], "kv/data/a": ["read", "update"], "kv/data/b": ["deny"]}
    vault.on("POST", "/v1/sys/capabilities-self", Reply(body={"data": answer}))
    assert client.capabilities(["kv/data/a", "kv/data/b"]) == {
        "kv/data/a": ("read", "update"),
        "kv/data/b": ("deny",),
    }


def test_keeps_the_protocol(client: VaultClient) -> None:
    """The client is what the procedure asks for."""
    promised: SecretVault = client
    assert promised is client
