"""A new password is made once, waits at its own place whatever breaks, and is removed."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import InvalidInput, NotFound, NotPermitted, OutOfStep, Unknown
from connectors.models import Engine, SecretHandle
from connectors.vault.client import VaultClient
from connectors.vault.models import Staged
from sandbox.standin.process import StandIn
from tests.contracts.vault.server import MOUNT, Server, delayed_write

USER = "svc-a@corp.example.test"


def stage(client: VaultClient, place: SecretHandle, rotation: str = "r-1") -> Staged:
    """Stage the password of one rotation."""
    return client.stage(place, USER, "rotation", rotation)


def staged_fields(**changes: Any) -> dict[str, Any]:
    """Make what a rotation stages, with something changed; None leaves a field out."""
    fields = {
        "username": USER,
        "password": secrets.token_urlsafe(),
        "rotation_id": "r-1",
        **changes,
    }
    return {name: value for name, value in fields.items() if value is not None}


def test_stages_once(client: VaultClient, pending: SecretHandle) -> None:
    """The first call makes a password by the policy; every later one returns the very same."""
    first = stage(client, pending)
    credential = client.credential(first.version.handle)
    again = [stage(client, place) for place in (pending, pending.at(1), pending)]
    assert (first.version.handle, first.made_now) == (pending.at(1), True)
    assert {(found.version, found.made_now) for found in again} == {(first.version, False)}
    assert credential.username == USER
    assert len(credential.password.reveal()) == 24
    assert client.credential(pending).password.matches(credential.password)
    assert set(client.document(pending)) == {"username", "password", "rotation_id"}


def test_rotations_have_passwords_of_their_own(client: VaultClient, pending: SecretHandle) -> None:
    """Two places hold two passwords."""
    other = replace(pending, path=f"{pending.path}-2")
    for place in (pending, other):
        stage(client, place)
    assert not client.credential(pending).password.matches(client.credential(other).password)


def test_many_runs_stage_one_password(client: VaultClient, pending: SecretHandle) -> None:
    """Of runs that start together one makes the password, and all return it."""
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: stage(client, pending), range(6)))
    assert {item.version.handle for item in found} == {pending.at(1)}
    assert sum(item.made_now for item in found) == 1
    assert client.metadata(pending).current.handle == pending.at(1)


def test_case_of_the_username_does_not_matter(
    server: Server, client: VaultClient, pending: SecretHandle
) -> None:
    """Directories do not tell upper from lower case in names, and neither does this."""
    body = {"data": staged_fields(username=USER.upper())}
    server.admin("POST", f"{MOUNT}/data/{pending.path}", body)
    assert stage(client, pending).version.handle == pending.at(1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rotation_id": "r-2"}, "rotation_id"),
        ({"rotation_id": None}, "rotation_id"),
        ({"rotation_id": 5}, "rotation_id"),
        ({"username": "svc-b@corp.example.test"}, "username"),
        ({"username": None}, "username"),
        ({"password": None}, "password"),
        ({"password": ""}, "password"),
        ({"password": "two\nlines"}, "password"),
        ({"note": "more"}, "another field"),
    ],
)
def test_something_else_is_there(
    server: Server, client: VaultClient, pending: SecretHandle, change: dict[str, Any], field: str
) -> None:
    """What another rotation or a person put there is told by field, kept, and never used."""
    fields = staged_fields(**change)
    server.admin("POST", f"{MOUNT}/data/{pending.path}", {"data": fields})
    with pytest.raises(OutOfStep, match=f"field={field}") as refused:
        stage(client, pending)
    told = f"{refused.value} {refused.value.what_to_do()}"
    assert f"vault kv metadata get -mount={MOUNT} {pending.path}" in told
    assert not fields.get("password") or fields["password"] not in told
    assert client.metadata(pending).current.handle == pending.at(1)


@pytest.mark.parametrize("what", ["another version", "deleted", "destroyed"])
def test_first_version_is_not_the_only_one(
    server: Server, client: VaultClient, pending: SecretHandle, what: str
) -> None:
    """A second version, and a first one that was deleted, are not what this rotation staged."""
    stage(client, pending)
    if what == "another version":
        server.admin("POST", f"{MOUNT}/data/{pending.path}", {"data": staged_fields()})
    elif what == "deleted":
        server.admin("DELETE", f"{MOUNT}/data/{pending.path}")
    else:
        server.admin("POST", f"{MOUNT}/destroy/{pending.path}", {"versions": [1]})
    newest = client.metadata(pending).current
    with pytest.raises(OutOfStep, match="field=version"):
        stage(client, pending)
    assert client.metadata(pending).current == newest


def test_metadata_alone_is_a_free_place(
    server: Server, client: VaultClient, pending: SecretHandle
) -> None:
    """A place with settings and no version is free, and numbering begins at 1."""
    server.admin("POST", f"{MOUNT}/metadata/{pending.path}", {"max_versions": 5})
    assert stage(client, pending).version.handle == pending.at(1)


def test_missing_policy_or_mount(client: VaultClient, pending: SecretHandle) -> None:
    """Without the policy or the mount nothing is staged, and each is told as what is missing."""
    with pytest.raises(NotPermitted) as denied:
        client.stage(pending, USER, "other", "r-1")
    assert 'path "sys/policies/password/other/generate"' in denied.value.what_to_do()
    with pytest.raises(NotFound, match="no such mount"):
        stage(client, SecretHandle("absent", "rotation/x"))
    with pytest.raises(NotFound):
        client.metadata(pending)


def test_denied(client: VaultClient, secret: SecretHandle, pending: SecretHandle) -> None:
    """A right that is missing comes as the policy stanza that gives it."""
    with pytest.raises(NotPermitted) as denied:
        stage(client, SecretHandle(MOUNT, "other/x"))
    assert f'path "{MOUNT}/metadata/other/x" {{ capabilities = ["read"] }}' in (
        denied.value.what_to_do()
    )
    stage(client, secret)
    with pytest.raises(NotPermitted) as denied:
        client.discard(secret)
    assert f'path "{MOUNT}/metadata/{secret.path}" {{ capabilities = ["delete"] }}' in (
        denied.value.what_to_do()
    )
    assert client.credential(secret).username == USER


@pytest.mark.parametrize(("username", "rotation"), [("", "r-1"), (" svc-a", "r-1"), ("svc-a", "")])
def test_refuses_odd_names(
    client: VaultClient, pending: SecretHandle, username: str, rotation: str
) -> None:
    """A name that could not be read back is refused before anything is written."""
    with pytest.raises(InvalidInput):
        client.stage(pending, username, "rotation", rotation)
    with pytest.raises(NotFound):
        client.metadata(pending)


def test_refuses_another_engine(client: VaultClient) -> None:
    """A static role is no place to stage a secret, to write to, or to remove."""
    role = SecretHandle("ldap", "svc-a", engine=Engine.LDAP)
    for act in (
        lambda: stage(client, role),
        lambda: client.discard(role),
        lambda: client.promote(role, role, 0),
        lambda: client.write(role, {"a": "b"}, 0),
        lambda: client.document(role),
        lambda: client.observe_write(role, {"a": "b"}, 0),
    ):
        with pytest.raises(InvalidInput, match="vault: "):
            act()


def test_discards(client: VaultClient, pending: SecretHandle) -> None:
    """Discarding removes every version, twice is as good as once, and the place is free again."""
    first = client.credential(stage(client, pending).version.handle)
    for place in (pending.at(1), pending, pending):
        client.discard(place)
    with pytest.raises(NotFound):
        client.metadata(pending)
    assert stage(client, pending, "r-2").made_now
    assert not client.credential(pending).password.matches(first.password)


def test_discards_what_was_never_there(client: VaultClient, pending: SecretHandle) -> None:
    """Nothing at the place is success; no mount is a mistake."""
    client.discard(pending)
    with pytest.raises(NotFound):
        client.discard(SecretHandle("absent", "rotation/x"))


@pytest.mark.parametrize("kind", ["answer_lost", "status_after"])
def test_lost_answer_of_a_write_that_happened(
    shaken: VaultClient, faults: StandIn, pending: SecretHandle, kind: str
) -> None:
    """A write whose answer was lost is found, and not repeated."""
    faults.arm("kv.write", kind, status=500)
    staged = stage(shaken, pending)
    assert (staged.version.handle, staged.made_now) == (pending.at(1), True)
    assert len(faults.calls("kv.write")) == 1
    assert shaken.metadata(pending).current == staged.version


@pytest.mark.parametrize("kind", ["unreachable", "status"])
def test_lost_write(shaken: VaultClient, faults: StandIn, pending: SecretHandle, kind: str) -> None:
    """A write that did not arrive is repeated once, with another password."""
    faults.arm("kv.write", kind, status=502)
    assert stage(shaken, pending).made_now
    assert len(faults.calls("password_policy.generate")) == 2
    assert shaken.metadata(pending).current.handle == pending.at(1)


def test_write_that_stays_lost(shaken: VaultClient, faults: StandIn, pending: SecretHandle) -> None:
    """After the second loss it is unknown; the next run settles it."""
    faults.arm("kv.write", "unreachable", times=2)
    with pytest.raises(Unknown, match="write secret"):
        stage(shaken, pending)
    assert len(faults.calls("kv.write")) == 2
    assert stage(shaken, pending).version.handle == pending.at(1)


@pytest.mark.parametrize("route", ["kv.read", "kv.metadata"])
def test_lost_answer_that_cannot_be_looked_up(
    shaken: VaultClient, faults: StandIn, pending: SecretHandle, route: str
) -> None:
    """Where even looking fails it stays unknown, and is never told as unchanged."""
    faults.arm("kv.write", "answer_lost")
    faults.arm(route, "sealed", skip=int(route == "kv.metadata"), times=0)
    with pytest.raises(Unknown) as failed:
        stage(shaken, pending)
    assert "vault operator unseal" in failed.value.what_to_do()
    assert failed.value.__context__ is None
    faults.disarm()
    assert not stage(shaken, pending).made_now


def test_lost_answer_and_a_standby_that_is_behind(
    shaken: VaultClient, faults: StandIn, pending: SecretHandle
) -> None:
    """A standby that does not show the write yet is waited for."""
    faults.arm("kv.write", "answer_lost")
    faults.arm("kv.read", "stale", times=2)
    assert stage(shaken, pending).made_now
    assert len(faults.calls("kv.write")) == 1


def test_write_that_arrives_late(
    pretended: Server, faults: StandIn, tmp_path: Path, pending: SecretHandle
) -> None:
    """A write that arrives after it was given up does not make a second version."""
    with VaultClient(pretended.settings(tmp_path, read_timeout=0.3)) as client:
        client.capabilities(["a"])
        faults.arm("kv.write", "delay", seconds=0.7)
        staged = stage(client, pending)
        assert staged.version.handle == pending.at(1)
        before = client.credential(pending).password
        assert delayed_write(faults) == "400"
        again = stage(client, pending)
        assert (again.version, again.made_now) == (staged.version, False)
        assert client.credential(pending).password.matches(before)


def test_somebody_else_behind_a_lost_answer(
    pretended: Server, shaken: VaultClient, faults: StandIn, pending: SecretHandle
) -> None:
    """Something foreign that is found after a lost answer is told, not taken for ours."""
    faults.arm("kv.write", "unreachable", times=2)
    with pytest.raises(Unknown):
        stage(shaken, pending)
    body = {"data": staged_fields(rotation_id="r-2")}
    pretended.admin("POST", f"{MOUNT}/data/{pending.path}", body)
    faults.arm("kv.metadata", "stale")  # it looks free, and check-and-set says that it is not
    with pytest.raises(OutOfStep, match="field=rotation_id"):
        stage(shaken, pending)


@pytest.mark.parametrize(("kind", "calls"), [("answer_lost", 1), ("unreachable", 2)])
def test_lost_removal(
    shaken: VaultClient, faults: StandIn, pending: SecretHandle, kind: str, calls: int
) -> None:
    """A removal whose answer was lost is looked up, and repeated where it did not happen."""
    stage(shaken, pending)
    faults.arm("kv.metadata_delete", kind)
    shaken.discard(pending)
    assert len(faults.calls("kv.metadata_delete")) == calls
    with pytest.raises(NotFound):
        shaken.metadata(pending)


def test_removal_that_stays_lost(
    shaken: VaultClient, faults: StandIn, pending: SecretHandle
) -> None:
    """After the second loss it is unknown whether the secret is still there."""
    stage(shaken, pending)
    faults.arm("kv.metadata_delete", "unreachable", times=2)
    with pytest.raises(Unknown, match="discard secret"):
        shaken.discard(pending)
    faults.arm("kv.metadata_delete", "answer_lost")
    faults.arm("kv.metadata", "sealed", times=0)
    with pytest.raises(Unknown):
        shaken.discard(pending)
