"""A wrapping token is looked at before it is used up, and an odd one is an alarm."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from requests import exceptions as transport

from connectors.errors import InvalidInput, NeedsPerson, Unknown
from connectors.secret import Secret
from connectors.vault.client import VaultClient
from connectors.vault.settings import VaultSettings
from tests.unit.vault.fake_vault import (
    LOGIN,
    METADATA,
    SECRET,
    FakeVault,
    Reply,
    metadata,
    private_file,
)

LOOKUP = "/v1/sys/wrapping/lookup"
UNWRAP = "/v1/sys/wrapping/unwrap"
WRAP = "/v1/sys/wrapping/wrap"
MADE_HERE = "auth/approle/role/rotation/secret-id"
REFUSED = Reply(400, {"errors": ["wrapping token is not valid or does not exist"]})


@pytest.fixture
def wrapped(tmp_path: Path) -> Path:
    """Return the file of a wrapping token."""
    return private_file(tmp_path / "wrapped", secrets.token_urlsafe())


@pytest.fixture
def client(vault: FakeVault, wrapped: Path) -> VaultClient:
    """Return a client whose SecretID is delivered wrapped."""
    vault.on("GET", METADATA, metadata(1))
    vault.on("POST", LOOKUP, Reply(body={"data": {"creation_path": MADE_HERE}}))
    return vault.client(
        VaultSettings(
            addr="https://vault.example.test", role_id="role", wrapped_secret_id_file=wrapped
        )
    )


def test_unwraps_once(vault: FakeVault, client: VaultClient, wrapped: Path) -> None:
    """The SecretID is unwrapped with the wrapping token alone, once, and kept for later sign-ins."""
    secret_id, denied = secrets.token_urlsafe(), Reply(403, {"errors": []})
    vault.on("POST", UNWRAP, Reply(body={"data": {"secret_id": secret_id}}))
    vault.on("GET", METADATA, denied, metadata(1))
    vault.on("GET", "/v1/auth/token/lookup-self", denied)
    client.metadata(SECRET)
    assert [secret_id] * 2 == [sent.body["secret_id"] for sent in vault.calls(LOGIN)]
    (unwrapped,) = vault.calls(UNWRAP)
    assert unwrapped.token == wrapped.read_text()
    (looked_up,) = vault.calls(LOOKUP)
    assert (looked_up.token, looked_up.body) == (None, {"token": wrapped.read_text()})


def test_new_wrapping_token_is_unwrapped(
    vault: FakeVault, client: VaultClient, wrapped: Path
) -> None:
    """A new wrapping token in the file brings a new SecretID."""
    first, second = secrets.token_urlsafe(), secrets.token_urlsafe()
    vault.on("POST", UNWRAP, *(Reply(body={"data": {"secret_id": s}}) for s in (first, second)))
    vault.on("POST", LOGIN, Reply(400, {"errors": []}))
    for _ in range(2):
        with pytest.raises(Exception, match="sign in with AppRole"):
            client.metadata(SECRET)
        private_file(wrapped, secrets.token_urlsafe())
    assert [first, second] == [sent.body["secret_id"] for sent in vault.calls(LOGIN)]


def test_used_up_token_is_an_alarm(vault: FakeVault, client: VaultClient) -> None:
    """A wrapping token that was used by somebody else needs a person, and no sign-in is tried."""
    vault.on("POST", LOOKUP, REFUSED)
    with pytest.raises(NeedsPerson) as alarm:
        client.metadata(SECRET)
    assert "audit log" in alarm.value.what_to_do()
    assert (vault.calls(UNWRAP), vault.calls(LOGIN)) == ([], [])


def test_failed_unwrap_is_an_alarm(vault: FakeVault, client: VaultClient) -> None:
    """A token used up between look-up and unwrap needs a person."""
    vault.on("POST", UNWRAP, REFUSED)
    with pytest.raises(NeedsPerson, match="vault: unwrap"):
        client.metadata(SECRET)


@pytest.mark.parametrize(
    "path",
    ["sys/wrapping/wrap", "auth/other/role/rotation/secret-id", "cubbyhole/x", None,
     "auth/approle/role/rotation/secret-id/lookup"],
)  # fmt: skip
def test_token_made_elsewhere_is_an_alarm(
    vault: FakeVault, client: VaultClient, path: str | None
) -> None:
    """A wrapping token that was made at another path is not unwrapped at all."""
    vault.on("POST", LOOKUP, Reply(body={"data": {"creation_path": path}}))
    with pytest.raises(NeedsPerson, match="look up wrapping token"):
        client.metadata(SECRET)
    assert vault.calls(UNWRAP) == []


def test_lost_unwrap_is_unknown(vault: FakeVault, client: VaultClient) -> None:
    """An unwrap whose answer was lost may have used the token up."""
    vault.on("POST", UNWRAP, transport.ReadTimeout())
    with pytest.raises(Unknown, match="vault: unwrap"):
        client.metadata(SECRET)
    assert len(vault.calls(UNWRAP)) == 1


def test_wrapped_content_must_be_a_secret_id(vault: FakeVault, client: VaultClient) -> None:
    """Wrapped content without a SecretID is a mistake, told by the field's name."""
    vault.on("POST", UNWRAP, Reply(body={"data": {"other": "x"}}))
    with pytest.raises(InvalidInput, match="field=secret_id"):
        client.metadata(SECRET)


def test_wraps(vault: FakeVault, settings: VaultSettings) -> None:
    """Wrapping hands the fields over with a time to live, and returns a closed token."""
    token, value = secrets.token_urlsafe(), secrets.token_urlsafe()
    info = {"token": token, "accessor": "a", "ttl": 60, "creation_path": "sys/wrapping/wrap"}
    vault.on("POST", WRAP, Reply(body={"data": None, "wrap_info": info}))
    wrapping = vault.client(settings).wrap({"password": Secret(value)}, 60)
    assert (token, 60) == (wrapping.token.reveal(), wrapping.seconds)
    assert token not in repr(wrapping)
    (sent,) = vault.calls(WRAP)
    assert (sent.headers["X-Vault-Wrap-TTL"], sent.body) == ("60", {"password": value})


def test_unwrap_checks_the_path(vault: FakeVault, settings: VaultSettings) -> None:
    """Unwrapping for a caller checks the path that the caller expects, and closes the fields."""
    vault.on("POST", LOOKUP, Reply(body={"data": {"creation_path": "sys/wrapping/wrap"}}))
    vault.on("POST", UNWRAP, Reply(body={"data": {"password": "x"}}))
    client = vault.client(settings)
    assert repr(client.unwrap(Secret("t"))) == "{'password': [secret]}"
    with pytest.raises(NeedsPerson):
        client.unwrap(Secret("t"), "sys/wrapping/wra.")
    assert vault.calls(LOGIN) == []
