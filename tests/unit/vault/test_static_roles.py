"""What static roles put on the wire, and what their answers mean."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

import pytest
from requests import exceptions as transport

from connectors.errors import (
    InvalidInput,
    NotFound,
    NotPermitted,
    OutOfStep,
    Unknown,
    Unreachable,
)
from connectors.models import Engine, SecretHandle
from connectors.vault.client import VaultClient
from tests.unit.vault.fake_vault import FakeClock, FakeVault, Reply

ROLE = SecretHandle("ldap", "svc-a", engine=Engine.LDAP)
STATIC_ROLE = "/v1/ldap/static-role/svc-a"
STATIC_CRED = "/v1/ldap/static-cred/svc-a"
ROTATE = "/v1/ldap/rotate-role/svc-a"
FIRST, SECOND = "2026-05-01T10:00:00.123999999Z", "2026-05-01T10:00:05.5+02:00"
SECOND_UTC = "2026-05-02T08:00:05.5Z"
NEVER = "0001-01-01T00:00:00Z"


def number(text: str) -> int:
    """Return the version that a time stands for: whole milliseconds, nothing rounded up."""
    return int(datetime.fromisoformat(text[:23].rstrip("Z")).replace(tzinfo=UTC).timestamp() * 1000)


def role(rotated: str | None = FIRST, **more: Any) -> Reply:
    """Answer a read of the role."""
    facts = {"dn": "", "username": "svc-a@corp.example.test", "rotation_period": 86400, **more}
    return Reply(
        body={"data": facts if rotated is None else {**facts, "last_vault_rotation": rotated}}
    )


def cred(rotated: str = FIRST, **more: Any) -> Reply:
    """Answer a read of the credential."""
    facts = {
        "dn": "",
        "username": "svc-a@corp.example.test",
        "password": secrets.token_urlsafe(),
        "last_password": secrets.token_urlsafe(),
        "ttl": 86400,
        "rotation_period": 86400,
        "last_vault_rotation": rotated,
        **more,
    }
    return Reply(body={"data": facts})


def test_version_is_the_moment(vault: FakeVault, client: VaultClient) -> None:
    """Milliseconds since 1970 are cut off, not rounded, whatever zone Vault writes the time in."""
    vault.on("GET", STATIC_ROLE, role(FIRST), role(SECOND))
    first, second = client.metadata(ROLE), client.metadata(ROLE)
    assert first.current.handle == ROLE.at(1777629600123)
    assert second.current.handle == ROLE.at(1777622405500)
    assert (first.mount, first.path, first.oldest_version) == ("ldap", "svc-a", 1777629600123)
    assert first.current.created == datetime(2026, 5, 1, 10, 0, 0, 123999, UTC)
    assert [sent.path for sent in vault.sent].count(STATIC_CRED) == 0


@pytest.mark.parametrize("rotated", [None, "", NEVER, "1969-12-31T23:59:59Z"])
def test_never_rotated(vault: FakeVault, client: VaultClient, rotated: str | None) -> None:
    """No time, or that of year 1, means that Vault does not know the password yet."""
    vault.on("GET", STATIC_ROLE, role(rotated))
    for read in (client.metadata, client.credential):
        with pytest.raises(NotFound, match="found=never rotated") as refused:
            read(ROLE)
        assert "vault write -f ldap/rotate-role/svc-a" in refused.value.what_to_do()
    assert vault.calls(STATIC_CRED) == []


def test_credential(vault: FakeVault, client: VaultClient) -> None:
    """Username and password are taken, with the version that was read, and the last password is not."""
    answer = cred()
    vault.on("GET", STATIC_ROLE, role())
    vault.on("GET", STATIC_CRED, answer)
    credential = client.credential(ROLE)
    assert credential.handle == ROLE.at(number(FIRST))
    assert credential.username == "svc-a@corp.example.test"
    assert credential.password.reveal() == answer.body["data"]["password"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": ""}, "username"),
        ({"username": None}, "username"),
        ({"username": " svc-a"}, "username"),
        ({"username": 5}, "username"),
        ({"password": ""}, "password"),
        ({"password": "two\nlines"}, "password"),
    ],
)
def test_unusable_field(
    vault: FakeVault, client: VaultClient, change: dict[str, object], field: str
) -> None:
    """A field that cannot be used is told by name; neither the DN nor the last password stands in."""
    answer = cred(**change, dn="CN=svc-a,DC=example,DC=test")
    vault.on("GET", STATIC_ROLE, role())
    vault.on("GET", STATIC_CRED, answer)
    with pytest.raises(InvalidInput, match=f"field={field}") as refused:
        client.credential(ROLE)
    told = f"{refused.value} {refused.value.what_to_do()}"
    assert "vault read ldap/static-role/svc-a" in told
    assert answer.body["data"]["last_password"] not in told


def test_rotated_since(vault: FakeVault, client: VaultClient) -> None:
    """A rotation after the named one is told before any value is read, or after it came in between."""
    vault.on("GET", STATIC_ROLE, role(SECOND_UTC))
    with pytest.raises(OutOfStep, match=f"newest={number(SECOND_UTC)}"):
        client.credential(ROLE.at(number(FIRST)))
    assert vault.calls(STATIC_CRED) == []
    vault.on("GET", STATIC_ROLE, role(FIRST))
    vault.on("GET", STATIC_CRED, cred(SECOND_UTC))
    with pytest.raises(OutOfStep, match=f"newest={number(SECOND_UTC)}"):
        client.credential(ROLE.at(number(FIRST)))
    assert client.credential(ROLE).handle == ROLE.at(number(SECOND_UTC))


def test_waits_for_a_node_that_is_behind(
    vault: FakeVault, client: VaultClient, time: FakeClock
) -> None:
    """A credential older than the role is asked for again, within the patience of the settings."""
    vault.on("GET", STATIC_ROLE, role(SECOND_UTC))
    vault.on("GET", STATIC_CRED, cred(), cred(), cred(SECOND_UTC))
    assert client.credential(ROLE).handle == ROLE.at(number(SECOND_UTC))
    assert time.slept == [0.05, 0.1]
    vault.on("GET", STATIC_CRED, cred())
    for handle in (ROLE, ROLE.at(number(SECOND_UTC))):
        time.slept.clear()
        with pytest.raises(Unreachable) as failed:
            client.credential(handle)
        assert failed.value.retry_after == 1.0
        assert 4 < sum(time.slept) <= 5


def test_rotates_on_read(vault: FakeVault, client: VaultClient) -> None:
    """A role that rotates whenever it is read is refused, and its credential never read."""
    vault.on("GET", STATIC_ROLE, role(rotate_on_read=True))
    for call in (client.metadata, client.credential, client.rotate_static_role):
        with pytest.raises(InvalidInput, match="field=rotate_on_read") as refused:
            call(ROLE)
        wanted = "vault write ldap/static-role/svc-a rotate_on_read=false"
        assert wanted in refused.value.what_to_do()
    assert vault.calls(STATIC_CRED) == vault.calls(ROTATE) == []


@pytest.mark.parametrize(
    ("reply", "error", "match"),
    [
        (Reply(404, {"errors": []}), NotFound, "found=no such role"),
        (Reply(400, {"errors": ["unknown role: svc-a"]}), NotFound, "found=no such role"),
        (Reply(404, {"errors": ["no handler for route"]}), NotFound, "found=no such mount"),
        (
            Reply(404, {"warnings": ["Invalid path for a versioned K/V"]}),
            InvalidInput,
            "role=ldap/svc-a",
        ),
        (Reply(412, {}), Unreachable, "read static"),
        (Reply(403, {}), NotPermitted, "status=403"),
        (Reply(200, {"data": {"last_vault_rotation": "soon"}}), Unreachable, "another form"),
    ],
)
def test_not_given_out(
    vault: FakeVault, client: VaultClient, reply: Reply, error: type[Exception], match: str
) -> None:
    """Each answer without a role or a credential says what is missing."""
    vault.on("GET", STATIC_ROLE, reply)
    with pytest.raises(error, match=match):
        client.metadata(ROLE)
    vault.on("GET", STATIC_ROLE, role())
    vault.on("GET", STATIC_CRED, reply)
    with pytest.raises(error, match=match):
        client.credential(ROLE)


def test_rotates(vault: FakeVault, client: VaultClient, time: FakeClock) -> None:
    """One POST without a body, then the role is read until it shows a later time."""
    vault.on("GET", STATIC_ROLE, role(), role(), role(), role(SECOND_UTC))
    vault.on("POST", ROTATE, Reply(204))
    made = client.rotate_static_role(ROLE.at(number(FIRST)))
    assert made.handle == ROLE.at(number(SECOND_UTC))
    assert [sent.body for sent in vault.calls(ROTATE)] == [None]
    assert time.slept == [0.05, 0.1]
    assert vault.calls(STATIC_CRED) == []


def test_first_rotation(vault: FakeVault, client: VaultClient) -> None:
    """A role that was never rotated gets its first version."""
    vault.on("GET", STATIC_ROLE, role(None), role())
    vault.on("POST", ROTATE, Reply(204))
    assert client.rotate_static_role(ROLE).handle == ROLE.at(number(FIRST))


@pytest.mark.parametrize(
    "play", [Reply(500, {"errors": ["unable to finish"]}), transport.ReadTimeout(), Reply(502, {})]
)
def test_lost_answer(
    vault: FakeVault, client: VaultClient, time: FakeClock, play: Reply | Exception
) -> None:
    """An answer that says nothing about the directory is observed past Vault's next attempt."""
    vault.on("GET", STATIC_ROLE, *[role()] * 18, role(SECOND_UTC))
    vault.on("POST", ROTATE, play)
    assert client.rotate_static_role(ROLE).handle == ROLE.at(number(SECOND_UTC))
    assert 10 < sum(time.slept) <= 20
    vault.on("GET", STATIC_ROLE, role())
    time.slept.clear()
    with pytest.raises(Unknown, match="rotate static role") as failed:
        client.rotate_static_role(ROLE)
    assert "vault read ldap/static-role/svc-a" in failed.value.what_to_do()
    assert failed.value.__context__ is None
    assert 19 < sum(time.slept) <= 20
    assert len(vault.calls(ROTATE)) == 2


def test_earlier_time_is_no_rotation(
    vault: FakeVault, client: VaultClient, time: FakeClock
) -> None:
    """A node that shows an older rotation than before is behind: nothing is proven by it."""
    vault.on("GET", STATIC_ROLE, role(SECOND_UTC), role(FIRST))
    vault.on("POST", ROTATE, Reply(204))
    with pytest.raises(Unknown):
        client.rotate_static_role(ROLE)
    assert 4 < sum(time.slept) <= 5  # Vault said that it did it: there is nothing more to wait for


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(400, {"errors": ["role doesn't exist: svc-a"]}), NotFound),
        (Reply(403, {}), NotPermitted),
        (Reply(503, {"errors": ["Vault is sealed"]}), Unreachable),
        (Reply(429, {}), Unreachable),
        (transport.ConnectTimeout(), Unreachable),
    ],
)
def test_refused(
    vault: FakeVault, client: VaultClient, reply: Reply | Exception, error: type[Exception]
) -> None:
    """A rotation that did not begin is told so, and not watched for."""
    gone = Reply(404, {"errors": []})
    vault.on("GET", STATIC_ROLE, role(), gone)
    vault.on("POST", ROTATE, reply)
    with pytest.raises(error):
        client.rotate_static_role(ROLE)
    assert len(vault.calls(STATIC_ROLE)) == (2 if error is NotFound else 1)


def test_other_400(vault: FakeVault, client: VaultClient) -> None:
    """A refusal of a role that is there is not told as a missing role."""
    vault.on("GET", STATIC_ROLE, role())
    vault.on("POST", ROTATE, Reply(400, {"errors": ["odd"]}))
    with pytest.raises(InvalidInput, match="status=400"):
        client.rotate_static_role(ROLE)


def test_policy_advice(vault: FakeVault, client: VaultClient) -> None:
    """Each call names the stanza that it needs."""
    denied = Reply(403, {})
    vault.on("GET", STATIC_ROLE, denied)
    wanted = {'path "ldap/static-role/svc-a" { capabilities = ["read"] }'}
    told = []
    with pytest.raises(NotPermitted) as failed:
        client.metadata(ROLE)
    told.append(failed.value.what_to_do())
    vault.on("GET", STATIC_ROLE, role())
    vault.on("GET", STATIC_CRED, denied)
    wanted.add('path "ldap/static-cred/svc-a" { capabilities = ["read"] }')
    with pytest.raises(NotPermitted) as failed:
        client.credential(ROLE)
    told.append(failed.value.what_to_do())
    vault.on("POST", ROTATE, denied)
    wanted.add('path "ldap/rotate-role/svc-a" { capabilities = ["update"] }')
    with pytest.raises(NotPermitted) as failed:
        client.rotate_static_role(ROLE)
    told.append(failed.value.what_to_do())
    assert all(any(stanza in text for text in told) for stanza in wanted)


def test_odd_names_are_quoted(vault: FakeVault, client: VaultClient) -> None:
    """A name cannot reach another endpoint, and arrives as it is written."""
    odd = SecretHandle("ldap", "svc?a#b c%2f", engine=Engine.LDAP)
    with pytest.raises(NotFound):
        client.metadata(odd)
    assert vault.sent[-1].path == "/v1/ldap/static-role/svc?a#b c%2f"
    assert vault.sent[-1].query == {}


@pytest.mark.parametrize("name", ["Svc-A", "a/../b", "", "a//b"])
def test_refuses_name(vault: FakeVault, client: VaultClient, name: str) -> None:
    """A name that Vault takes for another one is refused before anything is sent."""
    handle = SecretHandle("ldap", name, engine=Engine.LDAP)
    for call in (client.metadata, client.credential, client.rotate_static_role):
        with pytest.raises(InvalidInput):
            call(handle)
    assert vault.sent == []


def test_refuses_another_engine(vault: FakeVault, client: VaultClient) -> None:
    """KV calls take no role, and role calls no KV secret; nothing is sent."""
    kv = SecretHandle("kv", "apps/hq")
    for call in (
        lambda: client.document(ROLE),
        lambda: client.write(ROLE, {"a": "b"}, 0),
        lambda: client.observe_write(ROLE, {"a": "b"}, 0),
        lambda: client.stage(ROLE, "svc-a", "ad", "r-1"),
        lambda: client.promote(ROLE, kv, 0),
        lambda: client.promote(kv, ROLE, 0),
        lambda: client.discard(ROLE),
        lambda: client.rotate_static_role(kv),
    ):
        with pytest.raises(InvalidInput) as refused:
            call()
        assert "correct the engine" in refused.value.what_to_do()
    assert vault.sent == []
