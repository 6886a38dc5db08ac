"""Static roles: Vault changes a password in a directory, and this product learns which one is current."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

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
from connectors.vault.clock import Clock
from sandbox.standin.process import StandIn
from tests.contracts.vault.roles import Roles
from tests.contracts.vault.server import MOUNT as KV
from tests.contracts.vault.server import Server
from tests.waiting import eventually


class Hurried:
    """Time that passes when somebody waits, and not otherwise; ``meanwhile`` learns how long."""

    def __init__(self, meanwhile: Callable[[float], object] = lambda _: None) -> None:
        self._now = 0.0
        self._meanwhile = meanwhile

    def clock(self) -> Clock:
        """Return the clock that the client takes."""
        return Clock(monotonic=lambda: self._now, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self._now += seconds
        self._meanwhile(seconds)


@pytest.fixture
def hurried(server: Server, tmp_path: Path) -> Iterator[VaultClient]:
    """Return a client that does not wait while it waits."""
    with VaultClient(server.settings(tmp_path), clock=Hurried().clock()) as client:
        yield client


def passing(stand_in: StandIn) -> Hurried:
    """Let the stand-in's time pass while a client waits, and what is due there by then be done."""

    def overdue() -> bool:
        engines = stand_in.state()["static_roles"].values()
        return any(role["overdue"] for engine in engines for role in engine.values())

    def pass_by(seconds: float) -> None:
        stand_in.advance(seconds)
        eventually(overdue, lambda due: not due)

    return Hurried(pass_by)


@pytest.fixture
def patient(pretended: Server, faults: StandIn, tmp_path: Path) -> Iterator[VaultClient]:
    """Return a client on the stand-in, where time passes while the client waits."""
    settings = pretended.settings(tmp_path, read_timeout=5.0)
    with VaultClient(settings, clock=passing(faults).clock()) as client:
        yield client


@pytest.fixture
def lasting(server: Server, tmp_path: Path) -> Iterator[VaultClient]:
    """Return a client that really waits, except on the stand-in, where time passes by itself."""
    clock = passing(server.stand_in).clock() if server.stand_in else Clock()
    with VaultClient(server.settings(tmp_path), clock=clock) as client:
        yield client


def test_reads_the_last_rotation(roles: Roles, client: VaultClient) -> None:
    """The version of a role is the moment of its last rotation; reading it changes nothing."""
    role = roles.make()
    found = client.metadata(role)
    assert found.versions == (found.current,)
    assert found.current.readable
    assert abs((found.current.created - datetime.now(UTC)).total_seconds()) < 60
    assert found.current.handle == role.at(int(found.current.created.timestamp() * 1000))
    assert client.metadata(role.at(5)) == found
    assert roles.changes(role) == 2  # when the account was made, and when the role was


def test_credential_signs_in(roles: Roles, client: VaultClient) -> None:
    """Username and password of the latest rotation, and of exactly that one, are the account's."""
    role = roles.make()
    current = client.metadata(role).current.handle
    for handle in (role, current):
        credential = client.credential(handle)
        assert credential.handle == current
        assert roles.signs_in(role, credential)
    assert roles.changes(role) == 2


def test_rotates(roles: Roles, client: VaultClient) -> None:
    """Rotating changes the password once and names a later version; the one before is told as gone."""
    role = roles.make()
    before = client.credential(role)
    made = client.rotate_static_role(role)
    assert client.metadata(role).current == made
    assert (made.handle.version or 0) > (before.handle.version or 0)
    after = client.credential(made.handle)
    assert roles.signs_in(role, after)
    assert not after.password.matches(before.password)
    assert roles.changes(role) == 3
    with pytest.raises(OutOfStep, match=f"newest={made.handle.version}") as refused:
        client.credential(before.handle)
    assert "rotated the role in between" in refused.value.what_to_do()


def test_rotation_that_never_was(roles: Roles, client: VaultClient) -> None:
    """A named version later than the last rotation is out of step."""
    role = roles.make()
    newest = client.metadata(role).current.handle.version or 0
    with pytest.raises(OutOfStep, match=f"newest={newest}"):
        client.credential(role.at(newest + 1000))


def test_never_rotated(roles: Roles, client: VaultClient) -> None:
    """A role that was taken over without a rotation has no password yet, until it is rotated."""
    role = roles.make(skip_import_rotation=True)
    for read in (client.metadata, client.credential):
        with pytest.raises(NotFound, match="found=never rotated") as refused:
            read(role)
        assert f"vault write -f ldap/rotate-role/{role.path}" in refused.value.what_to_do()
    made = client.rotate_static_role(role)
    assert roles.signs_in(role, client.credential(made.handle))


def test_unknown_role(roles: Roles, client: VaultClient) -> None:
    """A role that is not there is told by every call, with the command that lists the roles."""
    role = replace(roles.make(), path="nobody")
    for call in (client.metadata, client.credential, client.rotate_static_role):
        with pytest.raises(NotFound, match="found=no such role") as refused:
            call(role)
        assert "vault list ldap/static-role" in refused.value.what_to_do()


def test_role_that_goes(roles: Roles, client: VaultClient) -> None:
    """A role that was deleted is not found."""
    role = roles.make()
    roles.make()
    client.credential(role)
    roles.server.admin("DELETE", f"ldap/static-role/{role.path}")
    with pytest.raises(NotFound, match="found=no such role"):
        client.credential(role)


def test_wrong_mount(client: VaultClient) -> None:
    """A mount that is not there, and one of another engine, are told apart."""
    with pytest.raises(NotFound, match="found=no such mount"):
        client.metadata(SecretHandle("absent", "x", engine=Engine.LDAP))
    with pytest.raises(InvalidInput) as refused:
        client.metadata(SecretHandle(f"{KV}/elsewhere", "x", engine=Engine.LDAP))
    assert "correct the engine" in refused.value.what_to_do()


@pytest.mark.parametrize("name", ["SVC-A", "../../sys/seal", "a//b", ""])
def test_refuses_name(roles: Roles, client: VaultClient, name: str) -> None:
    """A name that Vault would look up as another one is refused."""
    role = replace(roles.make(), path=name)
    for call in (client.metadata, client.credential, client.rotate_static_role):
        with pytest.raises(InvalidInput):
            call(role)


def test_refuses_another_engine(client: VaultClient, secret: SecretHandle) -> None:
    """A KV secret is not rotated by Vault."""
    with pytest.raises(InvalidInput, match="rotate static role"):
        client.rotate_static_role(secret)


def test_denied(roles: Roles, client: VaultClient) -> None:
    """A right that is missing comes as the policy stanza that gives it."""
    role = roles.make(prefix="denied-")
    client.metadata(role)
    with pytest.raises(NotPermitted) as denied:
        client.rotate_static_role(role)
    wanted = f'path "ldap/rotate-role/{role.path}" {{ capabilities = ["update"] }}'
    assert wanted in denied.value.what_to_do()
    with pytest.raises(NotPermitted) as denied:
        client.credential(role)
    wanted = f'path "ldap/static-cred/{role.path}" {{ capabilities = ["read"] }}'
    assert wanted in denied.value.what_to_do()
    assert roles.changes(role) == 2


def test_directory_down(roles: Roles, hurried: VaultClient) -> None:
    """A rotation that Vault could not finish is unknown; asking again once it can goes through."""
    role = roles.make()
    before = hurried.credential(role)
    roles.directory.standin.arm("bind", "unreachable", times=0)
    with pytest.raises(Unknown, match="rotate static role: status=500") as failed:
        hurried.rotate_static_role(role)
    assert f"vault read ldap/static-role/{role.path}" in failed.value.what_to_do()
    assert roles.signs_in(role, hurried.credential(before.handle))
    roles.directory.standin.disarm()
    made = hurried.rotate_static_role(role)
    assert roles.signs_in(role, hurried.credential(made.handle))


def test_directory_changed_and_vault_does_not_know(roles: Roles, hurried: VaultClient) -> None:
    """Where the directory's answer was lost, Vault's next attempt sets the very same password."""
    role = roles.make()
    roles.directory.standin.arm("modify", "answer_lost")
    with pytest.raises(Unknown, match="status=500"):
        hurried.rotate_static_role(role)
    assert roles.changes(role) == 3
    assert not roles.signs_in(role, hurried.credential(role))  # the gap that Vault leaves
    made = hurried.rotate_static_role(role)
    assert roles.signs_in(role, hurried.credential(made.handle))


def test_waits_for_the_background(roles: Roles, lasting: VaultClient) -> None:
    """Vault tries again by itself some ten seconds later, and that is waited for."""
    role = roles.make()
    before = lasting.metadata(role).current.handle.version or 0
    roles.directory.standin.arm("modify", "answer_lost")
    made = lasting.rotate_static_role(role)
    assert (made.handle.version or 0) > before
    assert roles.signs_in(role, lasting.credential(made.handle))


def test_publish_gap(shaken_roles: Roles, faults: StandIn, patient: VaultClient) -> None:
    """A role that does not have the new password yet is waited for; the password stays the same."""
    role = shaken_roles.make()
    faults.arm("ldap.rotate_role", "publish_gap")
    made = patient.rotate_static_role(role)
    assert len(faults.calls("ldap.rotate_role")) == 1
    assert shaken_roles.signs_in(role, patient.credential(made.handle))


@pytest.mark.parametrize("kind", ["answer_lost", "status_after", "html"])
def test_lost_answer(shaken_roles: Roles, faults: StandIn, patient: VaultClient, kind: str) -> None:
    """A rotation whose answer was lost is observed, and Vault is not asked again."""
    role = shaken_roles.make()
    before = patient.metadata(role).current.handle.version or 0
    faults.arm("ldap.rotate_role", kind, status=502)
    if kind == "html":  # it never came to Vault
        with pytest.raises(Unknown, match="status=502"):
            patient.rotate_static_role(role)
        assert shaken_roles.changes(role) == 2
    else:
        made = patient.rotate_static_role(role)
        assert (made.handle.version or 0) > before
        assert shaken_roles.changes(role) == 3
    assert len(faults.calls("ldap.rotate_role")) == 1


def test_lost_answer_that_cannot_be_looked_up(
    shaken_roles: Roles, faults: StandIn, patient: VaultClient
) -> None:
    """Where even looking fails it stays unknown; a Vault that comes back in time is asked again."""
    role = shaken_roles.make()
    faults.arm("ldap.rotate_role", "answer_lost")
    faults.arm("ldap.static_role", "sealed", skip=1, times=0)
    with pytest.raises(Unknown) as failed:
        patient.rotate_static_role(role)
    assert failed.value.__context__ is None
    faults.disarm()
    faults.arm("ldap.rotate_role", "answer_lost")
    faults.arm("ldap.static_role", "sealed", skip=1, times=3)
    assert patient.rotate_static_role(role).handle.version
    faults.arm("ldap.rotate_role", "answer_lost")
    faults.arm("ldap.static_role", "denied", skip=1, times=0)
    with pytest.raises(Unknown):
        patient.rotate_static_role(role)


def test_sealed(shaken_roles: Roles, faults: StandIn, patient: VaultClient) -> None:
    """A sealed Vault did not rotate anything."""
    role = shaken_roles.make()
    faults.arm("ldap.rotate_role", "sealed")
    with pytest.raises(Unreachable, match="status=503"):
        patient.rotate_static_role(role)
    assert shaken_roles.changes(role) == 2


def test_standby_that_is_behind(shaken_roles: Roles, faults: StandIn, patient: VaultClient) -> None:
    """A node that still shows the rotation before is waited for, also when the credential is read."""
    role = shaken_roles.make()
    patient.rotate_static_role(role)
    faults.arm("ldap.static_role", "stale", skip=1, times=2)
    made = patient.rotate_static_role(role)
    assert patient.metadata(role).current == made
    for handle in (role, made.handle):
        faults.arm("ldap.static_cred", "stale", times=2)
        assert shaken_roles.signs_in(role, patient.credential(handle))


def test_standby_that_stays_behind(
    shaken_roles: Roles, faults: StandIn, patient: VaultClient
) -> None:
    """A node that stays behind gives out no older password, and Vault's word alone proves nothing."""
    role = shaken_roles.make()
    patient.rotate_static_role(role)
    faults.arm("ldap.static_cred", "stale", times=0)
    with pytest.raises(Unreachable) as behind:
        patient.credential(role)
    assert behind.value.retry_after
    faults.disarm()
    faults.arm("ldap.static_role", "stale", skip=1, times=0)
    with pytest.raises(Unknown) as failed:
        patient.rotate_static_role(role)
    assert "Vault said that it did it" in failed.value.what_to_do()


def test_rotates_on_read(shaken_roles: Roles, faults: StandIn, patient: VaultClient) -> None:
    """A role of Vault Enterprise that rotates whenever it is read is refused before it is read."""
    role = shaken_roles.make()
    handle = patient.metadata(role).current.handle
    faults.do("rotate_on_read", mount="ldap", role=role.path)
    faults.forget()
    for call in (patient.metadata, patient.credential, patient.rotate_static_role):
        with pytest.raises(InvalidInput, match="field=rotate_on_read") as refused:
            call(handle)
        wanted = f"vault write ldap/static-role/{role.path} rotate_on_read=false"
        assert wanted in refused.value.what_to_do()
    assert faults.calls("ldap.static_cred") == faults.calls("ldap.rotate_role") == []
    assert shaken_roles.changes(role) == 2


def test_values_stay_inside(
    shaken_roles: Roles, faults: StandIn, patient: VaultClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Metadata never asks for a value, and no log or error holds one."""
    caplog.set_level("DEBUG")
    role = shaken_roles.make()
    faults.forget()
    patient.metadata(role)
    made = patient.rotate_static_role(role)
    assert faults.calls("ldap.static_cred") == []
    first = patient.credential(made.handle)
    patient.rotate_static_role(role)
    with pytest.raises(OutOfStep) as refused:
        patient.credential(made.handle)
    passwords = [first.password.reveal(), patient.credential(role).password.reveal()]
    told = f"{caplog.text}{refused.value!r}{refused.value.__dict__}{first!r}"
    assert not any(password in told for password in passwords)


def test_node_behind_the_state_of_an_event(
    shaken_roles: Roles, faults: StandIn, patient: VaultClient
) -> None:
    """A node that has not seen the rotation that an event told of does not show the one before for it."""
    role = shaken_roles.make()
    before = patient.metadata(role).current
    made = patient.rotate_static_role(role)
    faults.arm("ldap.static_role", "lagging", times=2)
    assert patient.metadata(role).current == before
    with pytest.raises(Unreachable):
        patient.metadata(role, index="djE6MDAx")
    assert patient.metadata(role, index="djE6MDAx").current == made
