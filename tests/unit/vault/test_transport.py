"""What leaves the machine, and what an answer may be: the traps of hvac and requests."""

from __future__ import annotations

import logging
import secrets
from pathlib import Path

import pytest

from connectors.errors import NotFound, Unreachable
from connectors.vault.client import VaultClient
from connectors.vault.settings import VaultSettings
from tests.unit.vault.fake_vault import (
    DATA,
    LOGIN,
    METADATA,
    SECRET,
    FakeVault,
    Reply,
    metadata,
    version,
)

LIVE = {"username": "svc-a", "password": "generated elsewhere"}


def test_sends_no_stray_token(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, vault: FakeVault, settings: VaultSettings
) -> None:
    """A token in the environment or in the home folder is never sent, not even with the sign-in."""
    stray = secrets.token_urlsafe()
    monkeypatch.setenv("VAULT_TOKEN", stray)
    (tmp_path / ".vault-token").write_text(stray)
    vault.on("GET", DATA, version(1, LIVE))
    vault.client(settings).credential(SECRET)
    assert [sent.token for sent in vault.sent] == [None, "token-1"]


def test_reads_no_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, vault: FakeVault, settings: VaultSettings
) -> None:
    """Neither address, namespace nor .netrc of the environment has a say."""
    monkeypatch.setenv("VAULT_ADDR", "https://elsewhere.example.test")
    monkeypatch.setenv("VAULT_NAMESPACE", "elsewhere")
    (tmp_path / ".netrc").write_text("machine vault.example.test login a password b")
    vault.on("GET", DATA, version(1, LIVE))
    vault.client(settings).credential(SECRET)
    for sent in vault.sent:
        assert sent.url.startswith("https://vault.example.test:8200/v1/")
        assert not {"X-Vault-Namespace", "Authorization"} & sent.headers.keys()


def test_sends_namespace_and_timeouts(vault: FakeVault, settings: VaultSettings) -> None:
    """Every call carries the namespace and both timeouts; health is asked in the root namespace."""
    settings = settings.model_copy(update={"namespace": "team/a", "connect_timeout": 1.5})
    vault.on("GET", DATA, version(1, LIVE))
    vault.on("GET", "/v1/sys/health", Reply(body={"initialized": True}))
    client = vault.client(settings)
    client.credential(SECRET)
    assert {"team/a"} == {sent.headers["X-Vault-Namespace"] for sent in vault.sent}
    assert {(1.5, 20.0)} == {sent.timeout for sent in vault.sent}
    client.health()
    assert not {"X-Vault-Namespace", "X-Vault-Token"} & vault.sent[-1].headers.keys()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_follows_no_redirect(vault: FakeVault, client: VaultClient, status: int) -> None:
    """A redirect is refused with the host it names, and the token does not go there."""
    location = f"https://other.example.test{DATA}"
    vault.on("GET", DATA, Reply(status, b"", {"Location": location}))
    with pytest.raises(Unreachable) as refused:
        client.credential(SECRET)
    assert "other.example.test" in refused.value.what_to_do()
    assert not [sent for sent in vault.sent if "other" in sent.url]


def test_reads_body_with_charset(vault: FakeVault, client: VaultClient) -> None:
    """A proxy that adds a charset to the content type does not hide why a version is missing."""
    deleted = version(2, None, deleted="2026-05-03T10:00:00Z")
    charset = {"Content-Type": "application/json; charset=utf-8"}
    vault.on("GET", DATA, Reply(404, deleted.body, charset))
    with pytest.raises(NotFound, match="found=deleted"):
        client.credential(SECRET)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b"<html>", {"Content-Type": "text/html"}),
        Reply(200, b"<html>"),
        Reply(200, []),
        Reply(200, {}),
        Reply(200, {"data": None}),
        Reply(200, {"data": {"data": LIVE, "metadata": {"version": "x"}}}),
        Reply(204),
        Reply(502, b"<html>", {"Content-Type": "text/html"}),
        Reply(503, {"errors": None}),
        Reply(500, {"errors": [{"odd": 1}]}),
        Reply(500, ["odd"]),
    ],
)
def test_survives_strange_answers(vault: FakeVault, client: VaultClient, reply: Reply) -> None:
    """An answer that is not Vault's is a failure to reach Vault, never another exception."""
    vault.on("GET", DATA, reply)
    with pytest.raises(Unreachable):
        client.credential(SECRET)


def test_404_without_data_is_missing(vault: FakeVault, client: VaultClient) -> None:
    """A 404 whose data is null, as a wrong mount gives, is read without stumbling."""
    vault.on("GET", DATA, Reply(404, {"data": None, "errors": []}))
    with pytest.raises(NotFound, match="found=missing"):
        client.credential(SECRET)


def test_error_holds_no_vendor_exception(
    vault: FakeVault, client: VaultClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Errors and logs hold neither the body of the answer nor the exception below, which does."""
    caplog.set_level(logging.DEBUG)
    canary = secrets.token_urlsafe()
    vault.on("GET", DATA, Reply(500, {"errors": [canary], "data": {"password": canary}}))
    with pytest.raises(Unreachable) as failed:
        client.credential(SECRET)
    error = failed.value
    assert error.__cause__ is None
    assert error.__context__ is None
    assert canary not in f"{error} {error.what_to_do()} {error.__dict__} {caplog.text}"


def test_logs_each_call_without_values(
    vault: FakeVault, client: VaultClient, secret_id: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each call is logged before it leaves, by operation and path, without any secret."""
    caplog.set_level(logging.DEBUG)
    password = secrets.token_urlsafe()
    vault.on("GET", DATA, version(1, {"username": "svc-a", "password": password}))
    assert password == client.credential(SECRET).password.reveal()
    assert "vault: read secret: kv/data/apps/hq" in caplog.messages
    for value in (password, "token-1", secret_id.read_text()):
        assert value not in caplog.text


def test_closed_client_refuses(client: VaultClient, vault: FakeVault) -> None:
    """A client that was closed sends nothing more."""
    client.close()
    with pytest.raises(Exception, match="vault: sign in"):
        client.metadata(SECRET)
    assert vault.sent == []


def test_paths_are_quoted(vault: FakeVault, client: VaultClient) -> None:
    """A path with blanks, question marks or percent signs reaches exactly the entry it names."""
    path = "apps/a b?c#d%2e"
    vault.on("GET", f"/v1/kv/metadata/{path}", metadata(1))
    assert client.metadata(type(SECRET)("kv", path)).current.handle.version == 1
    assert vault.calls(METADATA) == []
    assert len(vault.calls(LOGIN)) == 1
