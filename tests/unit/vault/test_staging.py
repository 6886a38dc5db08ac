"""What staging, promoting and discarding put on the wire, and in which order."""

from __future__ import annotations

import secrets
from typing import Any

import pytest
from requests import exceptions as transport

from connectors.errors import Conflict, NotFound, OutOfStep, Unknown, Unreachable
from connectors.models import SecretHandle
from connectors.vault.client import VaultClient
from tests.unit.vault.fake_vault import (
    DATA,
    SECRET,
    FakeClock,
    FakeVault,
    Reply,
    metadata,
    version,
)

PLACE = SecretHandle("kv", "rotation/hq/pending/r-1")
PENDING = "/v1/kv/data/rotation/hq/pending/r-1"
PENDING_METADATA = "/v1/kv/metadata/rotation/hq/pending/r-1"
GENERATE = "/v1/sys/policies/password/ad/generate"
MISSING = Reply(404, {"errors": []})
CAS_FAILED = Reply(400, {"errors": ["check-and-set parameter did not match the current version"]})


def made(number: int) -> Reply:
    """Answer a write that made a version."""
    facts = {"version": number, "created_time": "2026-05-01T10:00:00Z", "deletion_time": ""}
    return Reply(body={"data": {**facts, "destroyed": False}})


def generated(password: str) -> Reply:
    """Answer a request for a password."""
    return Reply(body={"data": {"password": password}})


def content(**changes: str) -> dict[str, str]:
    """Make what a rotation stages."""
    return {
        "username": "svc-a",
        "password": secrets.token_urlsafe(),
        "rotation_id": "r-1",
        **changes,
    }


def stage(client: VaultClient) -> Any:
    """Stage the password of one rotation."""
    return client.stage(PLACE, "svc-a", "ad", "r-1")


def test_stages(vault: FakeVault, client: VaultClient) -> None:
    """The password is made by Vault, written create-once with its username and its rotation."""
    password = secrets.token_urlsafe()
    vault.on("GET", PENDING_METADATA, MISSING)
    vault.on("GET", GENERATE, generated(password))
    vault.on("POST", PENDING, made(1))
    staged = stage(client)
    assert (staged.version.handle, staged.made_now) == (PLACE.at(1), True)
    assert vault.calls(PENDING)[0].body == {
        "options": {"cas": 0},
        "data": {"username": "svc-a", "password": password, "rotation_id": "r-1"},
    }
    assert password not in repr(staged)


def test_finds_what_was_staged(vault: FakeVault, client: VaultClient) -> None:
    """What is there is read back, and neither a password is made nor anything written."""
    vault.on("GET", PENDING_METADATA, metadata(1))
    vault.on("GET", PENDING, version(1, content(username="SVC-A")))
    staged = stage(client)
    assert (staged.version.handle, staged.made_now) == (PLACE.at(1), False)
    assert vault.calls(GENERATE) == []
    assert {sent.method for sent in vault.calls(PENDING)} == {"GET"}


def test_other_run_was_first(vault: FakeVault, client: VaultClient) -> None:
    """A conflict means that another run staged it meanwhile: its password is the one."""
    vault.on("GET", PENDING_METADATA, MISSING, metadata(1))
    vault.on("GET", GENERATE, generated("never used"))
    vault.on("POST", PENDING, CAS_FAILED)
    vault.on("GET", PENDING, version(1, content()))
    assert not stage(client).made_now
    assert len(vault.calls(GENERATE)) == 1


def test_conflict_that_is_not_seen_yet(
    vault: FakeVault, client: VaultClient, time: FakeClock
) -> None:
    """A node that does not show what check-and-set knows is asked again later by somebody else."""
    vault.on("GET", PENDING_METADATA, MISSING)
    vault.on("GET", GENERATE, generated("never used"))
    vault.on("POST", PENDING, CAS_FAILED)
    vault.on("GET", PENDING, MISSING)
    with pytest.raises(Unreachable) as failed:
        stage(client)
    assert failed.value.retry_after == 1.0
    assert time.slept


def test_never_two_versions(vault: FakeVault, client: VaultClient) -> None:
    """A repeat after a lost answer carries another password and the same check-and-set."""
    vault.on("GET", PENDING_METADATA, MISSING)
    vault.on("GET", GENERATE, generated("first"), generated("second"))
    vault.on("GET", PENDING, MISSING)
    vault.on("POST", PENDING, transport.ReadTimeout(), made(1))
    assert stage(client).made_now
    sent = [call.body for call in vault.calls(PENDING) if call.method == "POST"]
    assert [body["options"] for body in sent] == [{"cas": 0}, {"cas": 0}]
    assert [body["data"]["password"] for body in sent] == ["first", "second"]


@pytest.mark.parametrize("second", [Reply(503, {"errors": ["Vault is sealed"]}), Reply(429, {})])
def test_repeat_that_is_refused_stays_unknown(
    vault: FakeVault, client: VaultClient, second: Reply
) -> None:
    """After a lost answer nothing is told as unchanged: the first write may still arrive."""
    vault.on("GET", PENDING_METADATA, MISSING)
    vault.on("GET", GENERATE, generated("first"))
    vault.on("GET", PENDING, MISSING)
    vault.on("POST", PENDING, transport.ReadTimeout(), second)
    with pytest.raises(Unknown, match="cause=ReadTimeout") as failed:
        stage(client)
    assert failed.value.what_to_do().startswith("It is not known whether this happened.")
    assert failed.value.__context__ is None


def test_missing_policy(vault: FakeVault, client: VaultClient) -> None:
    """Without its policy nothing is written."""
    vault.on("GET", PENDING_METADATA, MISSING)
    with pytest.raises(NotFound, match="generate password: policy=ad"):
        stage(client)
    assert vault.calls(PENDING) == []


def test_promotes(vault: FakeVault, client: VaultClient) -> None:
    """The three fields go over the expected version, after a look whether they are there already."""
    fields = content()
    vault.on("GET", PENDING, version(1, fields))
    vault.on("GET", DATA, version(4, content(rotation_id="r-0")))
    vault.on("POST", DATA, made(5))
    assert client.promote(PLACE.at(1), SECRET, 4).handle == SECRET.at(5)
    assert vault.calls(PENDING)[0].query == {"version": "1"}
    assert [sent.method for sent in vault.calls(DATA)] == ["GET", "POST"]
    assert vault.calls(DATA)[1].body == {"options": {"cas": 4}, "data": fields}


def test_promoted_before(vault: FakeVault, client: VaultClient) -> None:
    """What is there already is not written again."""
    fields = content()
    vault.on("GET", PENDING, version(1, fields))
    vault.on("GET", DATA, version(5, fields))
    assert client.promote(PLACE, SECRET.at(4), 4).handle == SECRET.at(5)
    assert [sent.method for sent in vault.calls(DATA)] == ["GET"]


def test_conflict_names_the_newest(vault: FakeVault, client: VaultClient) -> None:
    """A conflict tells which version is there now, and how to look who wrote it."""
    vault.on("GET", PENDING, version(1, content()))
    vault.on("GET", DATA, version(4, content()), version(5, content()), version(5, content()))
    vault.on("POST", DATA, CAS_FAILED)
    with pytest.raises(Conflict, match="expected_version=4, newest=5") as refused:
        client.promote(PLACE, SECRET, 4)
    assert "vault kv metadata get -mount=kv apps/hq" in refused.value.what_to_do()
    assert refused.value.__context__ is None


@pytest.mark.parametrize("field", ["username", "password", "rotation_id"])
def test_promotes_nothing_malformed(vault: FakeVault, client: VaultClient, field: str) -> None:
    """A staged secret that lacks a field is told by field, and consumers do not get it."""
    fields = content()
    del fields[field]
    vault.on("GET", PENDING, version(1, fields))
    with pytest.raises(OutOfStep, match=f"field={field}"):
        client.promote(PLACE, SECRET, 0)
    assert vault.calls(DATA) == []


@pytest.mark.parametrize("reply", [Reply(204), MISSING])
def test_discards(vault: FakeVault, client: VaultClient, reply: Reply) -> None:
    """Metadata and all versions go with one request; an entry that is gone already is success."""
    vault.on("DELETE", PENDING_METADATA, reply)
    client.discard(PLACE.at(1))
    assert [sent.method for sent in vault.calls(PENDING_METADATA)] == ["DELETE"]


@pytest.mark.parametrize("text", ["no handler for route", "unsupported path"])
def test_discards_at_no_mount(vault: FakeVault, client: VaultClient, text: str) -> None:
    """A mount that is not there, or of another engine, is not taken for success."""
    vault.on("DELETE", PENDING_METADATA, Reply(404, {"errors": [text]}))
    with pytest.raises(NotFound):
        client.discard(PLACE)


def test_lost_removal_is_looked_up(vault: FakeVault, client: VaultClient) -> None:
    """A removal whose answer was lost is repeated only while the secret is still there."""
    vault.on("DELETE", PENDING_METADATA, transport.ReadTimeout(), Reply(204))
    vault.on("GET", PENDING_METADATA, MISSING)
    client.discard(PLACE)
    assert [sent.method for sent in vault.calls(PENDING_METADATA)] == ["DELETE", "GET"]
    vault.on("DELETE", PENDING_METADATA, transport.ReadTimeout(), Reply(204))
    vault.on("GET", PENDING_METADATA, metadata(1))
    client.discard(PLACE)
    sent = [call.method for call in vault.calls(PENDING_METADATA)[2:]]
    assert sent == ["DELETE", "GET", "DELETE"]


def test_credential_has_more_fields(vault: FakeVault, client: VaultClient) -> None:
    """A credential is read whatever else the document holds."""
    fields = {**content(), "account": "a", "owner": {"team": [1]}, "empty": "", "nothing": None}
    vault.on("GET", DATA, version(2, fields))
    credential = client.credential(SECRET)
    assert credential.username == "svc-a"
    assert credential.password.reveal() == fields["password"]
