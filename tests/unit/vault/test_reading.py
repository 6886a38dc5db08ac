"""A read gives exactly the version that was asked for, or says why not."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

import pytest

from connectors.errors import InvalidInput, NotFound, NotPermitted, OutOfStep, Unreachable
from connectors.models import SecretHandle
from connectors.vault.client import VaultClient
from tests.unit.vault.fake_vault import (
    DATA,
    METADATA,
    SECRET,
    FakeClock,
    FakeVault,
    Reply,
    metadata,
    version,
)

MISSING = Reply(404, {"errors": []})


def fields() -> dict[str, str]:
    """Make a credential."""
    return {"username": "svc-a", "password": secrets.token_urlsafe()}


def test_latest_names_its_version(vault: FakeVault, client: VaultClient) -> None:
    """Reading the latest says which version it was."""
    stored = fields()
    vault.on("GET", DATA, version(3, stored))
    credential = client.credential(SECRET)
    assert (credential.handle, credential.username) == (SECRET.at(3), "svc-a")
    assert stored["password"] == credential.password.reveal()
    assert vault.calls(DATA)[0].query == {}


def test_named_version_is_asked_for(vault: FakeVault, client: VaultClient) -> None:
    """Reading a version asks for that version, also when newer ones exist."""
    vault.on("GET", DATA, version(2, fields()))
    assert client.credential(SECRET.at(2)).handle == SECRET.at(2)
    assert vault.calls(DATA)[0].query == {"version": "2"}


@pytest.mark.parametrize("stale", [MISSING, version(2, fields()), Reply(412, {"errors": ["x"]})])
def test_waits_for_a_node_that_is_behind(
    vault: FakeVault, client: VaultClient, time: FakeClock, stale: Reply
) -> None:
    """A standby that does not have the version yet is asked again, after a growing pause."""
    vault.on("GET", DATA, stale, stale, stale, version(3, fields()))
    vault.on("GET", METADATA, metadata(2))
    assert client.credential(SECRET.at(3)).handle == SECRET.at(3)
    assert time.slept == [0.05, 0.1, 0.2]


def test_waiting_is_bounded(vault: FakeVault, client: VaultClient, time: FakeClock) -> None:
    """A version that Vault never heard of is out of step, after the patience of the settings."""
    vault.on("GET", DATA, MISSING)
    vault.on("GET", METADATA, metadata(2))
    with pytest.raises(OutOfStep, match="newest=2") as refused:
        client.credential(SECRET.at(9))
    assert 4 < sum(time.slept) <= 5
    assert "numbering has begun anew" in refused.value.what_to_do()


def test_lagging_longer_is_unreachable(vault: FakeVault, client: VaultClient) -> None:
    """A version that the metadata knows but the node does not give is asked for later."""
    vault.on("GET", DATA, MISSING)
    vault.on("GET", METADATA, metadata(3))
    with pytest.raises(Unreachable) as failed:
        client.credential(SECRET.at(3))
    assert failed.value.retry_after == 1.0


def test_latest_waits_for_412_only(vault: FakeVault, client: VaultClient, time: FakeClock) -> None:
    """A missing secret is missing at once; a node that says it is behind is asked again."""
    vault.on("GET", DATA, MISSING)
    with pytest.raises(NotFound):
        client.credential(SECRET)
    assert time.slept == []
    vault.on("GET", DATA, Reply(412, {}))
    with pytest.raises(Unreachable):
        client.credential(SECRET)
    assert time.slept


def test_pruned_version(vault: FakeVault, client: VaultClient, time: FakeClock) -> None:
    """A version that Vault no longer keeps is told at once, with the newest one."""
    vault.on("GET", DATA, MISSING)
    vault.on("GET", METADATA, metadata(9, oldest=5))
    with pytest.raises(NotFound) as refused:
        client.credential(SECRET.at(2))
    assert "version 9" in refused.value.what_to_do()
    assert "max_versions" in refused.value.what_to_do()
    assert time.slept == []


def test_missing_secret_says_how_to_write_it(vault: FakeVault, client: VaultClient) -> None:
    """A secret that is nowhere comes with the command that writes it."""
    vault.on("GET", DATA, MISSING)
    for handle in (SECRET, SECRET.at(1)):
        with pytest.raises(NotFound) as refused:
            client.credential(handle)
        assert "vault kv put -mount=kv apps/hq" in refused.value.what_to_do()


def test_version_without_metadata_right(vault: FakeVault, client: VaultClient) -> None:
    """Where metadata may not be read, a missing version says which right would tell more."""
    vault.on("GET", DATA, MISSING)
    vault.on("GET", METADATA, Reply(403, {"errors": ["permission denied"]}))
    with pytest.raises(NotFound) as refused:
        client.credential(SECRET.at(3))
    assert 'path "kv/metadata/apps/hq"' in refused.value.what_to_do()


@pytest.mark.parametrize(
    ("reply", "found", "advice"),
    [
        (version(2, None, deleted="2026-05-03T10:00:00Z"), "deleted", "undelete -mount=kv -versions=2"),
        (version(2, None, destroyed=True), "destroyed", "cannot come back"),
        (Reply(404, {"errors": ['no handler for route "kv/data/apps/hq"']}), "no such mount", "secrets list"),
    ],
)  # fmt: skip
def test_says_what_it_found(
    vault: FakeVault, client: VaultClient, time: FakeClock, reply: Reply, found: str, advice: str
) -> None:
    """Deleted, destroyed and not mounted are told apart, at once, for the latest and for a version."""
    vault.on("GET", DATA, reply)
    for handle in (SECRET, SECRET.at(2)):
        with pytest.raises(NotFound, match=f"found={found}") as refused:
            client.credential(handle)
        assert advice in refused.value.what_to_do()
    assert time.slept == []


def test_wrong_mount_is_invalid(vault: FakeVault, client: VaultClient) -> None:
    """A mount that reaches into a KV v2 engine is a mistake of the inventory."""
    warnings = {"data": None, "warnings": ["Invalid path for a versioned K/V secrets engine."]}
    vault.on("GET", DATA, Reply(404, warnings))
    with pytest.raises(InvalidInput) as refused:
        client.credential(SECRET)
    assert "inventory" in refused.value.what_to_do()


def test_future_deletion_time_is_live(vault: FakeVault, client: VaultClient) -> None:
    """A version that expires later is live: its deletion time is a date, not a deletion."""
    vault.on("GET", DATA, version(2, fields(), deleted="2026-06-02T00:00:00Z"))
    vault.on("GET", METADATA, metadata(2, deleted="2026-06-02T00:00:00Z"))
    assert client.credential(SECRET).handle.version == 2
    assert client.metadata(SECRET).current.readable


def test_past_deletion_time_is_not_readable(vault: FakeVault, client: VaultClient) -> None:
    """A version whose deletion time has come is in the metadata, and not readable."""
    vault.on("GET", METADATA, metadata(2, deleted="2026-05-31T00:00:00Z"))
    assert [v.readable for v in client.metadata(SECRET).versions] == [True, False]


def test_metadata(vault: FakeVault, client: VaultClient) -> None:
    """Metadata lists the versions with their dates; the handle's own version is ignored."""
    vault.on("GET", METADATA, metadata(4, oldest=2))
    found = client.metadata(SECRET.at(9))
    assert [v.handle.version for v in found.versions] == [2, 3, 4]
    assert found.current.label == "kv/apps/hq#4@2026-05-04T10:00:00.000+00:00"
    assert (found.oldest_version, found.max_versions) == (2, 10)
    assert found.check_and_set_required


def test_metadata_without_versions(vault: FakeVault, client: VaultClient) -> None:
    """An entry that has metadata only, and an entry that is nowhere, are not found."""
    vault.on("GET", METADATA, metadata(0), MISSING)
    for _ in range(2):
        with pytest.raises(NotFound):
            client.metadata(SECRET)
    vault.on("GET", METADATA, Reply(412, {}))
    with pytest.raises(Unreachable):
        client.metadata(SECRET)


@pytest.mark.parametrize(
    ("change", "field", "problem"),
    [
        ({"username": None}, "username", "is not text"),
        ({"username": ""}, "username", "is empty"),
        ({"username": " svc-a"}, "username", "white space"),
        ({"password": 5}, "password", "is not text"),
        ({"password": "line\n"}, "password", "line break"),
    ],
)
def test_malformed_field(
    vault: FakeVault, client: VaultClient, change: Mapping[str, object], field: str, problem: str
) -> None:
    """A field that cannot be a username or a password is told by name, and never shown."""
    stored: dict[str, object] = {**fields(), **change}
    vault.on("GET", DATA, version(1, stored))
    with pytest.raises(InvalidInput, match=f"field={field}") as refused:
        client.credential(SECRET)
    assert problem in refused.value.what_to_do()
    assert str(stored["password"]) not in f"{refused.value} {refused.value.what_to_do()}".split()


@pytest.mark.parametrize("field", ["username", "password"])
def test_missing_field(vault: FakeVault, client: VaultClient, field: str) -> None:
    """A field that is not there is told by name, with the command that adds it."""
    stored = fields()
    del stored[field]
    vault.on("GET", DATA, version(1, stored))
    with pytest.raises(InvalidInput, match=f"secret=kv/apps/hq#1, field={field}") as refused:
        client.credential(SECRET)
    assert f"vault kv patch -mount=kv apps/hq {field}=-" in refused.value.what_to_do()


def test_document_closes_every_field(vault: FakeVault, client: VaultClient) -> None:
    """Every field of a document is closed; one that is not text comes as its JSON."""
    vault.on("GET", DATA, version(1, {"pem": "text", "list": [1, {"a": None}]}))
    document = client.document(SECRET)
    assert repr(document) == "{'pem': [secret], 'list': [secret]}"
    assert {name: value.reveal() for name, value in document.items()} == {
        "pem": "text",
        "list": '[1, {"a": null}]',
    }


@pytest.mark.parametrize(
    "handle",
    [
        SecretHandle("kv", "../../sys/seal"),
        SecretHandle("kv", "apps/./hq"),
        SecretHandle("kv", "apps//hq"),
        SecretHandle("kv", "/apps"),
        SecretHandle("kv", ""),
        SecretHandle("..", "apps"),
        SecretHandle("", "apps"),
        SecretHandle("kv", "apps/\nhq"),
        SecretHandle("kv", "apps", 0),
        SecretHandle("kv", "apps", -1),
    ],
)
def test_refuses_handle(vault: FakeVault, client: VaultClient, handle: SecretHandle) -> None:
    """A handle that would name something else on the wire is refused before anything is sent."""
    with pytest.raises(InvalidInput, match="vault: read secret: secret="):
        client.credential(handle)
    assert vault.sent == []


def test_denied_read(vault: FakeVault, client: VaultClient) -> None:
    """A read that the policy does not allow says which stanza is missing."""
    vault.on("GET", DATA, Reply(403, {"errors": ["1 error occurred"]}))
    with pytest.raises(NotPermitted, match="status=403") as refused:
        client.credential(SECRET)
    assert 'path "kv/data/apps/hq" { capabilities = ["read"] }' in refused.value.what_to_do()
