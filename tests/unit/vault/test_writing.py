"""A write happens by check-and-set, once; a lost answer can be told by reading back."""

from __future__ import annotations

import secrets

import pytest
from requests import exceptions as transport

from connectors.errors import Conflict, InvalidInput, NotFound, OutOfStep, Unknown
from connectors.secret import Secret
from connectors.vault.client import VaultClient
from tests.unit.vault.fake_vault import (
    DATA,
    METADATA,
    SECRET,
    FakeVault,
    Reply,
    metadata,
    version,
)

MISSING = Reply(404, {"errors": []})
CAS_FAILED = "check-and-set parameter did not match the current version"


def made(number: int) -> Reply:
    """Answer a write that made a version."""
    facts = {"version": number, "created_time": "2026-05-01T10:00:00Z", "deletion_time": ""}
    return Reply(body={"data": {**facts, "destroyed": False}})


def test_writes_with_check_and_set(vault: FakeVault, client: VaultClient) -> None:
    """A write names the version that it expects, and returns the version that it made."""
    password = secrets.token_urlsafe()
    vault.on("POST", DATA, made(4))
    written = client.write(SECRET, {"username": "svc-a", "password": Secret(password)}, 3)
    assert (written.handle, written.readable) == (SECRET.at(4), True)
    assert vault.calls(DATA)[0].body == {
        "options": {"cas": 3},
        "data": {"username": "svc-a", "password": password},
    }


def test_creates_once(vault: FakeVault, client: VaultClient) -> None:
    """Creating a secret that is there already is a conflict."""
    vault.on("POST", DATA, made(1), Reply(400, {"errors": [CAS_FAILED]}))
    client.write(SECRET, {"a": "b"}, 0)
    with pytest.raises(Conflict, match="expected_version=0"):
        client.write(SECRET, {"a": "b"}, 0)
    assert vault.calls(DATA)[0].body["options"] == {"cas": 0}


def test_other_400_is_invalid(vault: FakeVault, client: VaultClient) -> None:
    """A write that Vault does not understand is no conflict."""
    vault.on("POST", DATA, Reply(400, {"errors": ["no data provided"]}))
    with pytest.raises(InvalidInput, match="status=400"):
        client.write(SECRET, {}, 0)


@pytest.mark.parametrize(
    "play",
    [transport.ReadTimeout(), transport.ConnectionError(), Reply(500, {}), Reply(204), Reply(200, {})],
)  # fmt: skip
def test_lost_answer_is_unknown_and_sent_once(
    vault: FakeVault, client: VaultClient, play: Reply | Exception
) -> None:
    """A write whose answer was lost may have happened, and is not repeated by itself."""
    vault.on("POST", DATA, play)
    with pytest.raises(Unknown) as failed:
        client.write(SECRET, {"a": "b"}, 1)
    assert len(vault.calls(DATA)) == 1
    assert failed.value.__context__ is None


def test_unexpected_version_is_out_of_step(vault: FakeVault, client: VaultClient) -> None:
    """A version other than the next one is never taken for granted."""
    vault.on("POST", DATA, made(7))
    with pytest.raises(OutOfStep, match="#7"):
        client.write(SECRET, {"a": "b"}, 1)


def test_refuses_handle_with_version(vault: FakeVault, client: VaultClient) -> None:
    """Writing to one version is refused: versions are made, not changed."""
    for handle, expected in ((SECRET.at(2), 1), (SECRET, -1)):
        with pytest.raises(InvalidInput):
            client.write(handle, {"a": "b"}, expected)
    assert vault.sent == []


def test_observes_a_write_that_happened(vault: FakeVault, client: VaultClient) -> None:
    """The version that the write would have made, with the same fields, is that write."""
    vault.on("GET", DATA, version(2, {"a": "b", "n": "1"}))
    found = client.observe_write(SECRET, {"a": Secret("b"), "n": "1"}, 1)
    assert found is not None
    assert found.handle == SECRET.at(2)
    assert vault.calls(DATA)[0].query == {"version": "2"}


def test_observes_a_write_that_did_not_happen(vault: FakeVault, client: VaultClient) -> None:
    """No such version, neither now nor a little later: the write did not happen."""
    vault.on("GET", DATA, MISSING)
    vault.on("GET", METADATA, metadata(1))
    assert client.observe_write(SECRET, {"a": "b"}, 1) is None


@pytest.mark.parametrize("stored", [{"a": "other"}, {"a": "b", "c": "d"}, {}, None])
def test_observes_somebody_elses_write(
    vault: FakeVault, client: VaultClient, stored: dict[str, str] | None
) -> None:
    """That version with other fields, or deleted since, is somebody else's."""
    vault.on(
        "GET",
        DATA,
        version(2, stored, deleted="" if stored is not None else "2026-05-03T10:00:00Z"),
    )
    with pytest.raises(Conflict):
        client.observe_write(SECRET, {"a": "b"}, 1)


def test_observing_without_mount_says_so(vault: FakeVault, client: VaultClient) -> None:
    """A mount that is gone is not taken for a write that did not happen."""
    vault.on("GET", DATA, Reply(404, {"errors": ["no handler for route"]}))
    with pytest.raises(NotFound, match="no such mount"):
        client.observe_write(SECRET, {"a": "b"}, 1)
