"""KV v2 by handle: what was written is read, exactly, and what is not there is told apart."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

import pytest

from connectors.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    NotPermitted,
    OutOfStep,
)
from connectors.models import SecretHandle
from connectors.secret import Secret
from connectors.vault.client import VaultClient
from tests.contracts.vault.server import MOUNT, Server


def fields() -> dict[str, Secret | str]:
    """Make a credential."""
    return {"username": "svc-a", "password": Secret(secrets.token_urlsafe())}


def test_writes_and_reads_versions(client: VaultClient, secret: SecretHandle) -> None:
    """Each version is read as it was written, and the latest says which version it is."""
    before = datetime.now(UTC)
    written = [fields(), fields(), fields()]
    made = [client.write(secret, content, number) for number, content in enumerate(written)]
    assert [version.handle.version for version in made] == [1, 2, 3]
    for version, content in zip(made, written, strict=True):
        read = client.credential(version.handle)
        assert read.handle == version.handle
        assert isinstance(content["password"], Secret)
        assert read.password.matches(content["password"])
        assert abs((version.created - before).total_seconds()) < 60
    assert client.credential(secret).handle == secret.at(3)


def test_creates_once(client: VaultClient, secret: SecretHandle) -> None:
    """Check-and-set with 0 creates a secret, and never touches one that is there."""
    client.write(secret, fields(), 0)
    with pytest.raises(Conflict):
        client.write(secret, fields(), 0)
    assert client.metadata(secret).current.handle.version == 1


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_wrong_version_is_a_conflict(
    client: VaultClient, secret: SecretHandle, expected: int
) -> None:
    """A write that expects another version than the newest changes nothing."""
    for number in range(2):
        client.write(secret, fields(), number)
    with pytest.raises(Conflict):
        client.write(secret, fields(), expected)
    assert client.metadata(secret).current.handle.version == 2


def test_deleted_version_still_counts(
    server: Server, client: VaultClient, secret: SecretHandle
) -> None:
    """A deleted version is told as deleted, and the next write still has to name it."""
    client.write(secret, fields(), 0)
    server.admin("DELETE", f"{MOUNT}/data/{secret.path}")
    for handle in (secret, secret.at(1)):
        with pytest.raises(NotFound, match="found=deleted") as refused:
            client.credential(handle)
        assert "-versions=1" in refused.value.what_to_do()
    assert not client.metadata(secret).current.readable
    with pytest.raises(Conflict):
        client.write(secret, fields(), 0)
    assert client.write(secret, fields(), 1).handle == secret.at(2)


def test_destroyed_version(server: Server, client: VaultClient, secret: SecretHandle) -> None:
    """A destroyed version is told as destroyed."""
    client.write(secret, fields(), 0)
    server.admin("POST", f"{MOUNT}/destroy/{secret.path}", {"versions": [1]})
    with pytest.raises(NotFound, match="found=destroyed"):
        client.credential(secret.at(1))
    assert not client.metadata(secret).current.readable


def test_expiry_date_is_no_deletion(
    server: Server, client: VaultClient, secret: SecretHandle
) -> None:
    """A version with a deletion time in the future is live."""
    server.admin("POST", f"{MOUNT}/metadata/{secret.path}", {"delete_version_after": "1h"})
    client.write(secret, fields(), 0)
    assert client.credential(secret).handle == secret.at(1)
    assert client.metadata(secret).current.readable


def test_version_no_longer_kept(server: Server, client: VaultClient, secret: SecretHandle) -> None:
    """A version beyond the number that Vault keeps is missing, and the metadata says which are there."""
    path = f"{MOUNT}/metadata/{secret.path}"
    server.admin("POST", path, {"max_versions": 2, "cas_required": True})
    server.admin("POST", f"{MOUNT}/config", {"max_versions": 2})
    for number in range(4):
        client.write(secret, fields(), number)
    found = client.metadata(secret)
    assert [version.handle.version for version in found.versions] == [3, 4]
    assert (found.oldest_version, found.max_versions) == (3, 2)
    assert found.check_and_set_required
    with pytest.raises(NotFound, match="found=missing") as refused:
        client.credential(secret.at(1))
    assert "version 4" in refused.value.what_to_do()


def test_version_that_is_not_there_yet(client: VaultClient, secret: SecretHandle) -> None:
    """A version newer than Vault knows is out of step, after a bounded wait."""
    client.write(secret, fields(), 0)
    with pytest.raises(OutOfStep, match="newest=1"):
        client.credential(secret.at(2))


def test_missing_secret(client: VaultClient, secret: SecretHandle) -> None:
    """A secret that is nowhere is missing, as latest, as version, and in the metadata."""
    for handle in (secret, secret.at(1)):
        with pytest.raises(NotFound, match="found=missing"):
            client.credential(handle)
    with pytest.raises(NotFound):
        client.metadata(secret)


def test_metadata_without_versions(
    server: Server, client: VaultClient, secret: SecretHandle
) -> None:
    """A secret that has metadata and no version is missing."""
    server.admin("POST", f"{MOUNT}/metadata/{secret.path}", {"max_versions": 5})
    with pytest.raises(NotFound):
        client.metadata(secret)
    with pytest.raises(NotFound, match="found=missing"):
        client.credential(secret)


def test_missing_mount(client: VaultClient) -> None:
    """A mount that is not there is told as such."""
    with pytest.raises(NotFound, match="no such mount"):
        client.credential(SecretHandle("absent", "apps/a"))


def test_mount_that_reaches_inside(client: VaultClient) -> None:
    """A mount that names a folder inside a KV v2 mount is a mistake of the inventory."""
    with pytest.raises(InvalidInput) as refused:
        client.credential(SecretHandle(f"{MOUNT}/elsewhere", "a"))
    assert "inventory" in refused.value.what_to_do()


def test_denied(server: Server, client: VaultClient) -> None:
    """A denial hides whether the secret exists, and names the stanza that is missing."""
    server.admin("POST", f"{MOUNT}/data/other/there", {"data": {"a": "b"}})
    for path in ("other/there", "other/absent"):
        with pytest.raises(NotPermitted) as refused:
            client.credential(SecretHandle(MOUNT, path))
        assert f'path "{MOUNT}/data/{path}"' in refused.value.what_to_do()
    with pytest.raises(NotPermitted, match="write secret"):
        client.write(SecretHandle(MOUNT, "other/there"), {"a": "b"}, 1)


def test_missing_field_is_named(client: VaultClient, secret: SecretHandle) -> None:
    """A credential without a password is told by the field's name."""
    client.write(secret, {"username": "svc-a", "pasword": "typo"}, 0)
    with pytest.raises(InvalidInput, match="field=password"):
        client.credential(secret)


def test_document(server: Server, client: VaultClient, secret: SecretHandle) -> None:
    """Every field of a document is read, those that are not text as JSON."""
    pem = f"-----BEGIN-----\n{secrets.token_urlsafe()}\n"
    server.admin("POST", f"{MOUNT}/data/{secret.path}", {"data": {"pem": pem, "n": {"a": [1]}}})
    document = client.document(secret)
    assert {"pem": pem, "n": '{"a": [1]}'} == {k: v.reveal() for k, v in document.items()}


def test_odd_names_and_values(client: VaultClient, secret: SecretHandle) -> None:
    """Names and passwords with odd characters arrive unchanged."""
    odd = SecretHandle(MOUNT, f"{secret.path}/a b?c#d&e;%2e=ü")
    password = Secret('" \\ {} %s \u00e9 \U0001f511 <>&')
    client.write(odd, {"username": "CORP\\svc-ä", "password": password}, 0)
    read = client.credential(odd)
    assert read.username == "CORP\\svc-ä"
    assert read.password.matches(password)
    assert client.metadata(odd).current.handle.path == odd.path


def test_observes_writes(client: VaultClient, secret: SecretHandle) -> None:
    """Reading back tells a write that happened, one that did not, and somebody else's."""
    mine, theirs = fields(), fields()
    assert client.observe_write(secret, mine, 0) is None
    made = client.write(secret, mine, 0)
    assert client.observe_write(secret, mine, 0) == made
    assert client.observe_write(secret, mine, 1) is None
    with pytest.raises(Conflict):
        client.observe_write(secret, theirs, 0)
