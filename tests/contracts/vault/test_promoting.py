"""A staged credential becomes the current one exactly once, and never over somebody else's."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.errors import Conflict, NotFound, OutOfStep, Unknown
from connectors.models import SecretHandle
from connectors.secret import Secret
from connectors.vault.client import VaultClient
from sandbox.standin.process import StandIn
from tests.contracts.vault.server import MOUNT, Server, delayed_write

USER = "svc-a@corp.example.test"


def fields() -> dict[str, Secret | str]:
    """Make a credential that another party writes."""
    return {"username": USER, "password": Secret(secrets.token_urlsafe())}


def staged(client: VaultClient, place: SecretHandle, rotation: str = "r-1") -> SecretHandle:
    """Stage the password of one rotation and return its handle."""
    return client.stage(place, USER, "rotation", rotation).version.handle


def test_promotes(client: VaultClient, secret: SecretHandle, pending: SecretHandle) -> None:
    """Consumers read the staged credential from the next version of their secret."""
    before = client.write(secret, fields(), 0)
    place = staged(client, pending)
    made = client.promote(place, secret, 1)
    assert made.handle == secret.at(2)
    read, waits = client.credential(secret), client.credential(place)
    assert (read.handle, read.username) == (secret.at(2), USER)
    assert read.password.matches(waits.password)
    assert client.document(secret)["rotation_id"].reveal() == "r-1"
    assert client.credential(before.handle).handle == secret.at(1)


@pytest.mark.parametrize("expected", [1, 2, 7])
def test_promoted_before(
    client: VaultClient, secret: SecretHandle, pending: SecretHandle, expected: int
) -> None:
    """Promoting again is success and writes nothing, whichever version the caller expects by now."""
    client.write(secret, fields(), 0)
    place = staged(client, pending)
    made = client.promote(place, secret, 1)
    assert client.promote(place, secret, expected) == made
    assert client.promote(pending, secret.at(1), expected) == made
    assert client.metadata(secret).current == made


def test_first_version(client: VaultClient, secret: SecretHandle, pending: SecretHandle) -> None:
    """A secret that consumers do not have yet is created, once."""
    place = staged(client, pending)
    assert client.promote(place, secret, 0).handle == secret.at(1)
    assert client.promote(place, secret, 0).handle == secret.at(1)
    other = staged(client, replace(pending, path=f"{pending.path}-2"), "r-2")
    with pytest.raises(Conflict):
        client.promote(other, secret, 0)


def test_somebody_else_wrote(
    client: VaultClient, secret: SecretHandle, pending: SecretHandle
) -> None:
    """A version that another party wrote meanwhile stays, and is told with the command to look at it."""
    client.write(secret, fields(), 0)
    place = staged(client, pending)
    theirs = client.write(secret, fields(), 1)
    with pytest.raises(Conflict, match="expected_version=1, newest=2") as refused:
        client.promote(place, secret, 1)
    assert f"vault kv metadata get -mount={MOUNT} {secret.path}" in refused.value.what_to_do()
    assert "must not rotate one account" in refused.value.what_to_do()
    assert client.metadata(secret).current == theirs


def test_somebody_else_wrote_after_promotion(
    client: VaultClient, secret: SecretHandle, pending: SecretHandle
) -> None:
    """A promotion that was overwritten is no success: consumers read something else."""
    place = staged(client, pending)
    client.promote(place, secret, 0)
    client.write(secret, fields(), 1)
    with pytest.raises(Conflict, match="newest=2"):
        client.promote(place, secret, 0)


def test_same_rotation_with_another_password(
    client: VaultClient, secret: SecretHandle, pending: SecretHandle
) -> None:
    """The rotation's id alone proves nothing: the content must be the same too."""
    client.write(secret, {**fields(), "rotation_id": "r-1"}, 0)
    place = staged(client, pending)
    with pytest.raises(Conflict, match="newest=1"):
        client.promote(place, secret, 0)
    assert client.promote(place, secret, 1).handle == secret.at(2)


def test_deleted_version_counts(
    server: Server, client: VaultClient, secret: SecretHandle, pending: SecretHandle
) -> None:
    """A current version that was deleted is still the one to expect."""
    client.write(secret, fields(), 0)
    server.admin("DELETE", f"{MOUNT}/data/{secret.path}")
    place = staged(client, pending)
    with pytest.raises(Conflict, match="newest=1"):
        client.promote(place, secret, 0)
    assert client.promote(place, secret, 1).handle == secret.at(2)


def test_nothing_waits(client: VaultClient, secret: SecretHandle, pending: SecretHandle) -> None:
    """Where nothing is staged, nothing is written."""
    with pytest.raises(NotFound) as refused:
        client.promote(pending, secret, 0)
    assert "start the rotation again" in refused.value.what_to_do()
    client.discard(staged(client, pending))
    with pytest.raises(NotFound):
        client.promote(pending.at(1), secret, 0)
    with pytest.raises(NotFound):
        client.metadata(secret)


def test_other_fields_stay(
    client: VaultClient, secret: SecretHandle, pending: SecretHandle
) -> None:
    """What a site keeps beside the credential is still there afterwards, whatever its type."""
    client.write(secret, {**fields(), "domain": "corp", "port": 636, "tags": ["a", "b"]}, 0)

    client.promote(staged(client, pending), secret, 1)

    kept = {name: value.reveal() for name, value in client.document(secret.at(2)).items()}
    assert (kept["domain"], kept["port"], kept["tags"]) == ("corp", "636", '["a", "b"]')
    assert kept["password"] == client.credential(pending.at(1)).password.reveal()


def test_something_else_waits(
    client: VaultClient, secret: SecretHandle, pending: SecretHandle
) -> None:
    """What is not the three fields is not given to consumers."""
    client.write(pending, fields(), 0)
    with pytest.raises(OutOfStep, match="field=rotation_id"):
        client.promote(pending, secret, 0)
    with pytest.raises(NotFound):
        client.metadata(secret)


@pytest.mark.parametrize("kind", ["answer_lost", "status_after"])
def test_lost_answer_of_a_promotion_that_happened(
    shaken: VaultClient, faults: StandIn, secret: SecretHandle, pending: SecretHandle, kind: str
) -> None:
    """A promotion whose answer was lost is found, and not repeated."""
    place = staged(shaken, pending)
    shaken.write(secret, fields(), 0)
    faults.forget()
    faults.arm("kv.write", kind, status=500)
    assert shaken.promote(place, secret, 1).handle == secret.at(2)
    assert len(faults.calls("kv.write")) == 1


def test_lost_promotion(
    shaken: VaultClient, faults: StandIn, secret: SecretHandle, pending: SecretHandle
) -> None:
    """A promotion that did not arrive is repeated once, and after a second loss it is unknown."""
    place = staged(shaken, pending)
    faults.forget()
    faults.arm("kv.write", "unreachable")
    assert shaken.promote(place, secret, 0).handle == secret.at(1)
    assert len(faults.calls("kv.write")) == 2
    other = staged(shaken, replace(pending, path=f"{pending.path}-2"), "r-2")
    faults.arm("kv.write", "unreachable", times=2)
    with pytest.raises(Unknown, match="write secret"):
        shaken.promote(other, secret, 1)
    assert shaken.metadata(secret).current.handle == secret.at(1)


def test_promotion_that_arrives_late(
    pretended: Server,
    faults: StandIn,
    tmp_path: Path,
    secret: SecretHandle,
    pending: SecretHandle,
) -> None:
    """A write that arrives after it was given up makes no second version."""
    with VaultClient(pretended.settings(tmp_path, read_timeout=0.3)) as client:
        place = staged(client, pending)
        faults.arm("kv.write", "delay", seconds=0.7)
        assert client.promote(place, secret, 0).handle == secret.at(1)
        assert client.promote(place, secret, 0).handle == secret.at(1)
        assert delayed_write(faults) == "400"
        assert client.metadata(secret).current.handle == secret.at(1)


def test_lost_answer_and_standbys_that_are_behind(
    shaken: VaultClient, faults: StandIn, secret: SecretHandle, pending: SecretHandle
) -> None:
    """A promotion of an earlier run that a standby does not show yet is not taken for somebody else's."""
    place = staged(shaken, pending)
    shaken.write(secret, fields(), 0)
    made = shaken.promote(place, secret, 1)
    faults.arm("kv.read", "stale", skip=1, times=2)  # the staged secret, then twice the old version
    assert shaken.promote(place, secret, 1) == made
    assert shaken.metadata(secret).current == made


def test_lost_answer_that_cannot_be_looked_up(
    shaken: VaultClient, faults: StandIn, secret: SecretHandle, pending: SecretHandle
) -> None:
    """Where even looking fails it stays unknown, and is never told as unchanged."""
    place = staged(shaken, pending)
    faults.arm("kv.write", "answer_lost")
    faults.arm("kv.read", "sealed", skip=2, times=0)
    with pytest.raises(Unknown):
        shaken.promote(place, secret, 0)
    faults.disarm()
    assert shaken.promote(place, secret, 0).handle == secret.at(1)


def test_errors_hold_no_secret(
    shaken: VaultClient,
    faults: StandIn,
    secret: SecretHandle,
    pending: SecretHandle,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither logs nor errors hold the password that was made, whatever broke."""
    caplog.set_level("DEBUG")
    place = staged(shaken, pending)
    password = shaken.credential(place).password.reveal()
    shaken.write(secret, fields(), 0)
    told = []
    for kind in ("unreachable", "status", "sealed", "throttled", None):
        if kind:
            faults.arm("kv.write", kind, status=500, times=2)
        with pytest.raises(Exception, match="vault: ") as failed:
            shaken.promote(place, secret, 0)
        faults.disarm()
        assert failed.value.__context__ is None
        told.append(f"{failed.value!r} {failed.value.__dict__}")
    assert len(told) == 5
    assert password not in caplog.text + "".join(told)
