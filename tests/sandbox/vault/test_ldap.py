"""The LDAP secrets engine: static roles, with the answers of a real server, call by call."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from sandbox.standin.control import Control
from sandbox.standin.process import StandIn
from sandbox.vault.ldap import Ldap
from sandbox.vault.ldap_directory import DirectoryFailed
from sandbox.vault.ldap_model import Configuration, Role, configure
from sandbox.vault.server import build
from tests.sandbox.vault.conftest import Server, fresh
from tests.sandbox.vault.directory import CONTAINER, Directory, upn
from tests.waiting import eventually

LONG = (
    "1 error occurred:\n\t* unable to finish rotating credentials; retries will continue in the "
    "background but it is also safe to retry manually: "
)


@dataclass
class Mount:
    """One mount of the engine, of a test's own."""

    server: Server
    directory: Directory
    path: str

    def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """Call the engine as the administrator."""
        return self.server.raw(method, f"{self.path}/{path}", json=body)

    def told(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Call the engine and return the status and the errors."""
        answer = self.call(method, path, body)
        return answer.status_code, answer.json()["errors"]

    def role(self, **settings: Any) -> str:
        """Make an account and a role of the same name."""
        name = self.directory.account()
        body = {"username": upn(name), "rotation_period": "24h", **settings}
        assert self.call("POST", f"static-role/{name}", body).status_code == 204
        return name

    def read(self, kind: str, role: str) -> dict[str, Any]:
        """Read a role (``static-role``) or its credential (``static-cred``)."""
        answer = self.call("GET", f"{kind}/{role}")
        assert answer.status_code == 200
        data: dict[str, Any] = answer.json()["data"]
        return data

    def holds(self, role: str) -> bool:
        """Tell whether the directory has the password that the engine gives out."""
        return self.directory.holds(role, self.read("static-cred", role)["password"])


def mounted(server: Server, directory: Directory, kind: str = "ldap") -> Mount:
    """Mount the engine and tell it about the directory."""
    mount = Mount(server, directory, fresh("ldap"))
    assert server.raw("POST", f"sys/mounts/{mount.path}", json={"type": kind}).status_code == 204
    assert mount.call("POST", "config", directory.config).status_code == 204
    return mount


@pytest.fixture
def mount(server: Server, directory: Directory) -> Iterator[Mount]:
    """Return a mount on the stand-in, then on the real server; unmounted afterwards."""
    mount = mounted(server, directory)
    yield mount
    server.raw("DELETE", f"sys/mounts/{mount.path}")


@pytest.fixture
def pretended(stand_in: Server, directory: Directory) -> Iterator[Mount]:
    """Return a mount on the stand-in alone."""
    mount = mounted(stand_in, directory)
    yield mount
    stand_in.raw("DELETE", f"sys/mounts/{mount.path}")


@pytest.fixture
def machine(stand_in: Server) -> StandIn:
    """Return the side door."""
    assert stand_in.stand_in
    return stand_in.stand_in


@pytest.mark.parametrize("kind", ["ldap", "openldap"])
def test_mounts_under_either_name(server: Server, directory: Directory, kind: str) -> None:
    """Both names are the same engine, and the mount table says which was asked for."""
    mount = mounted(server, directory, kind)
    assert server.raw("GET", f"sys/mounts/{mount.path}").json()["data"]["type"] == kind
    assert mount.holds(mount.role())
    assert server.raw("DELETE", f"sys/mounts/{mount.path}").status_code == 204
    gone = f'no handler for route "{mount.path}/config". route entry not found.'
    assert mount.told("GET", "config") == (404, [gone])


def test_configuration(mount: Mount) -> None:
    """Everything is given out again but the password, with defaults; a change keeps the rest."""
    found = mount.call("GET", "config").json()["data"]
    config = mount.directory.config
    assert "bindpass" not in found
    assert found == {
        "anonymous_group_search": False,
        "binddn": config["binddn"],
        "case_sensitive_names": False,
        "certificate": config["certificate"],
        "connection_timeout": 5,
        "deny_null_bind": True,
        "dereference_aliases": "never",
        "discoverdn": False,
        "groupattr": "cn",
        "groupdn": "",
        "groupfilter": "(|(memberUid={{.Username}})(member={{.UserDN}})(uniqueMember={{.UserDN}}))",
        "insecure_tls": False,
        "max_page_size": 0,
        "request_timeout": 5,
        "schema": "ad",
        "skip_static_role_import_rotation": False,
        "starttls": False,
        "tls_max_version": "tls12",
        "tls_min_version": "tls12",
        "upndomain": "",
        "url": config["url"],
        "use_token_groups": False,
        "userattr": "userPrincipalName",
        "userdn": config["userdn"],
        "userfilter": "({{.UserAttr}}={{.Username}})",
        "username_as_alias": False,
    }
    assert mount.call("POST", "config", {"request_timeout": "7s"}).status_code == 204
    assert mount.call("GET", "config").json()["data"] == {**found, "request_timeout": 7}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schema": "foo"}, "the configured schema foo is not valid. Supported schemas: [openldap racf ad]"),
        ({"certificate": "x"}, "failed to parse server tls cert: failed to decode PEM block in the certificate"),
        ({"binddn": "", "userdn": ""}, "cannot derive UserBindDN"),
        ({"length": 20, "password_policy": "x"}, "cannot set both 'password_policy' and 'length'"),
    ],
)  # fmt: skip
def test_refuses_configuration(mount: Mount, change: dict[str, Any], why: str) -> None:
    """A configuration that cannot work is refused, and the one before stays."""
    assert mount.told("POST", "config", change) == (500, [f"1 error occurred:\n\t* {why}\n\n"])
    assert mount.holds(mount.role())


def test_unconfigured(server: Server, directory: Directory) -> None:
    """Without a configuration there is nothing to read and nothing to rotate."""
    mount = mounted(server, directory)
    name = mount.role()
    assert mount.call("DELETE", "config").status_code == 204
    assert mount.told("GET", "config") == (404, [])
    why = f"{LONG}the config is currently unset\n\n"
    assert mount.told("POST", f"rotate-role/{name}") == (500, [why])
    server.raw("DELETE", f"sys/mounts/{mount.path}")


def test_import_rotates(mount: Mount) -> None:
    """A new role changes its account's password at once, to 64 letters and digits."""
    name = mount.role()
    role, credential = mount.read("static-role", name), mount.read("static-cred", name)
    assert role == {
        "dn": "",
        "username": upn(name),
        "rotation_period": 86400,
        "last_vault_rotation": credential["last_vault_rotation"],
    }
    password = credential.pop("password")
    assert len(password) == 64
    assert password.isalnum()
    assert credential == {**role, "last_password": "", "ttl": 86400}
    assert mount.directory.holds(name, password)


def test_rotates(mount: Mount) -> None:
    """A rotation on demand sets another password and keeps the one before as the last."""
    name = mount.role()
    before = mount.read("static-cred", name)
    assert mount.call("POST", f"rotate-role/{name}").status_code == 204
    after = mount.read("static-cred", name)
    assert after["last_password"] == before["password"]
    assert after["last_vault_rotation"] > before["last_vault_rotation"]
    assert mount.holds(name)
    assert mount.directory.changes(name) == 3


def test_import_without_rotation(mount: Mount) -> None:
    """A role that takes an account over as it is has no time and no password."""
    name = mount.role(skip_import_rotation=True)
    assert "last_vault_rotation" not in mount.read("static-role", name)
    credential = mount.read("static-cred", name)
    assert credential["last_vault_rotation"] == "0001-01-01T00:00:00Z"
    assert (credential["password"], credential["ttl"]) == ("", 0)
    assert mount.directory.changes(name) == 1


def test_passwords_by_policy(mount: Mount) -> None:
    """With a password policy, passwords are made by it; one that is not there is told."""
    text = 'length = 20\nrule "charset" { charset = "abcdefgh" min-chars = 5 }\nrule "charset" { charset = "ABC123!" min-chars = 5 }'
    mount.server.raw("PUT", "sys/policies/password/short", json={"policy": text})
    mount.call("POST", "config", {"password_policy": "short"})
    assert mount.call("GET", "config").json()["data"]["password_policy"] == "short"
    name = mount.role()
    password = mount.read("static-cred", name)["password"]
    assert len(password) == 20
    assert set(password) <= set("abcdefghABC123!")
    mount.call("POST", "config", {"password_policy": "absent"})
    why = f"{LONG}unable to generate password: no password policy found\n\n"
    assert mount.told("POST", f"rotate-role/{name}") == (500, [why])


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({}, "username is a required field to manage a static account"),
        ({"username": ""}, "username must not be empty"),
        ({"username": "a"}, "rotation_period is required to create static accounts"),
        ({"username": "a", "rotation_period": 4}, "rotation_period must be 5 seconds or more"),
    ],
)
def test_refuses_role(mount: Mount, body: dict[str, Any], why: str) -> None:
    """A role that lacks something is not made."""
    assert mount.told("POST", "static-role/x", body) == (400, [why])
    assert mount.told("GET", "static-role/x") == (404, [])


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"username": "other"}, "cannot update static account username"),
        ({"dn": "CN=other"}, "cannot update static account distinguished name (dn)"),
        ({"skip_import_rotation": True}, "skip_import_rotation has no effect on updates"),
        ({"rotation_period": 1}, "rotation_period must be 5 seconds or more"),
    ],
)
def test_refuses_change(mount: Mount, body: dict[str, Any], why: str) -> None:
    """Only the period of a role changes, and changing it rotates nothing."""
    name = mount.role()
    assert mount.told("POST", f"static-role/{name}", body) == (400, [why])
    assert mount.call("POST", f"static-role/{name}", {"rotation_period": "48h"}).status_code == 204
    assert mount.read("static-role", name)["rotation_period"] == 172800
    assert mount.directory.changes(name) == 2


def test_one_role_per_account(mount: Mount) -> None:
    """A second role for the same account is refused."""
    name = mount.role()
    body = {"username": upn(name), "rotation_period": "24h"}
    why = f'"{upn(name)}" is already managed by the secrets engine'
    assert mount.told("POST", "static-role/second", body) == (400, [why])


def test_account_that_is_not_there(mount: Mount) -> None:
    """A role whose account is not found in the directory is not made."""
    body = {"username": upn("nobody"), "rotation_period": "24h"}
    why = "1 error occurred:\n\t* expected one matching entry, but received 0\n\n"
    assert mount.told("POST", "static-role/nobody", body) == (500, [why])
    assert mount.told("GET", "static-role/nobody") == (404, [])


def test_account_by_its_dn(mount: Mount) -> None:
    """With another user attribute than the UPN, a role's DN says which account it is."""
    mount.call("POST", "config", {"userattr": "cn"})
    name = mount.directory.account()
    dn = f"CN={name},{CONTAINER},{mount.directory.base_dn}"
    body = {"username": name, "dn": dn, "rotation_period": "24h"}
    assert mount.call("POST", f"static-role/{name}", body).status_code == 204
    assert mount.read("static-role", name)["dn"] == dn
    assert mount.holds(name)
    mount.call("POST", "config", {"userattr": "userPrincipalName"})
    why = f"{LONG}expected one matching entry, but received 0\n\n"
    assert mount.told("POST", f"rotate-role/{name}") == (500, [why])


def test_names(mount: Mount) -> None:
    """Roles are listed; names are kept in lower case, except where a rotation looks for one."""
    assert mount.told("LIST", "static-role") == (404, [])
    name = mount.role()
    assert mount.call("LIST", "static-role").json()["data"] == {"keys": [name]}
    assert mount.call("GET", "static-role?list=true").json()["data"] == {"keys": [name]}
    assert mount.read("static-role", name.upper()) == mount.read("static-role", name)
    assert mount.read("static-cred", name.upper())["username"] == upn(name)
    why = f"role doesn't exist: {name.upper()}"
    assert mount.told("POST", f"rotate-role/{name.upper()}") == (400, [why])
    for path in ("static-role/a/b", "static-cred/a/b", "static-role/a b", "other"):
        why = "1 error occurred:\n\t* unsupported path\n\n"
        assert mount.told("GET", path) == (404, [why])


def test_unknown_role(mount: Mount) -> None:
    """A role that is not there is 404 to read, 400 as a credential and to rotate, 500 to delete."""
    assert mount.told("GET", "static-role/x") == (404, [])
    assert mount.told("GET", "static-cred/x") == (400, ["unknown role: x"])
    assert mount.told("POST", "rotate-role/x") == (400, ["role doesn't exist: x"])
    name = mount.role()
    assert mount.call("DELETE", f"static-role/{name}").status_code == 204
    why = "1 error occurred:\n\t* queue is empty\n\n"
    assert mount.told("DELETE", f"static-role/{name}") == (500, [why])
    assert mount.told("GET", f"static-cred/{name}") == (400, [f"unknown role: {name}"])
    assert mount.directory.changes(name) == 2


def test_methods(mount: Mount) -> None:
    """Only the methods of an endpoint are taken."""
    name = mount.role()
    why = "1 error occurred:\n\t* unsupported operation\n\n"
    assert mount.told("GET", f"rotate-role/{name}") == (405, [why])
    assert mount.told("POST", f"static-cred/{name}", {}) == (405, [why])


def test_rights(mount: Mount) -> None:
    """Reading a role, reading its password and rotating it are three rights."""
    name = mount.role()
    rules = {
        "static-role": ("GET", '["read"]'),
        "static-cred": ("GET", '["read"]'),
        "rotate-role": ("POST", '["update"]'),
    }
    for granted, (_, capabilities) in rules.items():
        path = f"{mount.path}/{granted}/{name}"
        policy = mount.server.policy(f'path "{path}" {{ capabilities = {capabilities} }}')
        token = mount.server.token("default", policy)
        for asked, (method, _) in rules.items():
            answer = mount.server.raw(method, f"{mount.path}/{asked}/{name}", token=token)
            assert (answer.status_code == 403) == (asked != granted)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"bindpass": "wrong"}, 'failed to bind with current password: 1 error occurred:\n\t* LDAP Result Code 49 "Invalid Credentials"'),
        ({"certificate": ""}, "tls: failed to verify certificate: x509: certificate signed by unknown authority"),
        ({"url": "ldaps://127.0.0.1:1"}, "dial tcp 127.0.0.1:1: connect: connection refused"),
    ],
)  # fmt: skip
def test_directory_that_cannot_be_used(mount: Mount, change: dict[str, str], why: str) -> None:
    """A rotation that did not come to the directory is the long 500; the role is as it was."""
    name = mount.role()
    before = mount.read("static-cred", name)
    mount.call("POST", "config", change)
    status, errors = mount.told("POST", f"rotate-role/{name}")
    assert status == 500
    assert errors[0].startswith(LONG)
    assert why in errors[0]
    assert {**mount.read("static-cred", name), "ttl": 0} == {**before, "ttl": 0}
    mount.call("POST", "config", mount.directory.config)
    assert mount.call("POST", f"rotate-role/{name}").status_code == 204
    assert mount.holds(name)


def test_directory_that_refuses(mount: Mount) -> None:
    """A password that the directory does not take is the long 500 too, with its words."""
    name = mount.role()
    mount.directory.standin.arm("modify", "busy")
    status, errors = mount.told("POST", f"rotate-role/{name}")
    assert (status, errors[0].startswith(f'{LONG}LDAP Result Code 51 "Busy": ')) == (500, True)


def test_lost_answer_of_the_directory(mount: Mount) -> None:
    """The directory may have the new password after the long 500; asking again settles it."""
    name = mount.role()
    mount.directory.standin.arm("modify", "answer_lost")
    assert mount.told("POST", f"rotate-role/{name}")[0] == 500
    assert mount.directory.changes(name) == 3
    assert not mount.holds(name)
    assert mount.call("POST", f"rotate-role/{name}").status_code == 204
    assert mount.holds(name)
    assert mount.directory.changes(name) == 4


def test_same_password_until_it_is_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password is remembered before the directory hears of it; only another policy makes another one."""
    sent: list[str] = []

    def refuse(_config: Configuration, _role: Role, password: str) -> None:
        sent.append(password)
        raise DirectoryFailed("busy")

    monkeypatch.setattr("sandbox.vault.ldap.reset_password", refuse)
    _, vault = build(Control(), secrets.token_urlsafe())
    vault.passwords["policy"] = 'length = 20\nrule "charset" { charset = "abcdefgh" }'
    engine = Ldap(vault)
    engine.close()
    config = {"schema": "ad", "url": "ldaps://dc", "binddn": "b", "bindpass": "p"}
    engine._config = configure(None, config)
    role = engine._roles["role"] = Role("svc", "", 86400)
    for policy in ("", "", "policy", "policy"):
        engine._config = configure(engine._config, {"password_policy": policy})
        with pytest.raises(DirectoryFailed):
            engine._rotate("role", role)
        assert engine._roles["role"] is role
    assert sent[0] == sent[1] != sent[2] == sent[3]
    monkeypatch.setattr("sandbox.vault.ldap.reset_password", lambda *_: None)
    assert engine._rotate("role", role).password == sent[3]
    assert engine._rotate("role", role).last_password == sent[3]


def test_tries_again_by_itself(pretended: Mount, machine: StandIn) -> None:
    """Ten seconds after a failure it tries again, with the same password, as often as it takes."""
    name = pretended.role()
    pretended.directory.standin.arm("bind", "unreachable", times=2)
    assert pretended.told("POST", f"rotate-role/{name}")[0] == 500
    assert state(machine, pretended, name)["unsettled"]
    for _ in range(2):
        machine.advance(11)
        eventually(lambda: state(machine, pretended, name)["overdue"], lambda overdue: not overdue)
    settled = eventually(
        lambda: state(machine, pretended, name), lambda shown: not shown["unsettled"]
    )
    assert settled["rotations"] == 2
    assert pretended.holds(name)


def test_rotates_by_its_period(pretended: Mount, machine: StandIn) -> None:
    """When its period is over a role is rotated by itself, and its time to live begins anew."""
    name = pretended.role(rotation_period="1h")
    machine.advance(1800)
    assert pretended.read("static-cred", name)["ttl"] in (1799, 1800)
    machine.advance(1801)
    eventually(lambda: state(machine, pretended, name)["rotations"], lambda count: count == 2)
    assert pretended.read("static-cred", name)["ttl"] in (3599, 3600)
    assert pretended.holds(name)


def test_sealed_rotates_nothing(pretended: Mount, machine: StandIn) -> None:
    """A sealed server does not rotate; once unsealed it does what has become due."""
    name = pretended.role(rotation_period="1h")
    machine.do("seal")
    machine.advance(3601)
    assert pretended.call("GET", f"static-role/{name}").status_code == 503
    assert pretended.directory.changes(name) == 2
    machine.do("unseal")
    eventually(lambda: pretended.directory.changes(name), lambda count: count == 3)


def test_publish_gap(pretended: Mount, machine: StandIn) -> None:
    """The gap between directory and role: the new password signs in, and the old one is given out."""
    name = pretended.role()
    machine.arm("ldap.rotate_role", "publish_gap")
    status, errors = pretended.told("POST", f"rotate-role/{name}")
    assert (status, errors[0].startswith(LONG)) == (500, True)
    assert pretended.directory.changes(name) == 3
    assert not pretended.holds(name)
    assert state(machine, pretended, name)["unsettled"]
    assert pretended.call("POST", f"rotate-role/{name}").status_code == 204
    assert pretended.holds(name)
    assert not state(machine, pretended, name)["unsettled"]


@pytest.mark.parametrize(
    ("kind", "changes"), [("answer_lost", 3), ("status_after", 3), ("unreachable", 2)]
)
def test_lost_answers(pretended: Mount, machine: StandIn, kind: str, changes: int) -> None:
    """An answer can be lost before or after the rotation was carried out."""
    name = pretended.role()
    machine.arm("ldap.rotate_role", kind)
    try:
        assert pretended.call("POST", f"rotate-role/{name}").status_code == 503
    except httpx.TransportError:
        assert kind != "status_after"
    assert pretended.directory.changes(name) == changes
    assert pretended.holds(name)


def test_stale_reads(pretended: Mount, machine: StandIn) -> None:
    """A standby that lags shows the rotation before, in the role and in the credential."""
    name = pretended.role()
    first = {kind: pretended.read(kind, name) for kind in ("static-role", "static-cred")}
    pretended.call("POST", f"rotate-role/{name}")
    machine.arm("ldap.static_*", "stale", times=2)
    for kind, before in first.items():
        assert {**pretended.read(kind, name), "ttl": 0} == {**before, "ttl": 0}
    assert pretended.read("static-role", name) != first["static-role"]
    assert pretended.holds(name)


def test_rotates_on_read(pretended: Mount, machine: StandIn) -> None:
    """A role of Vault Enterprise can be one that changes whenever its credential is read."""
    name = pretended.role()
    assert "rotate_on_read" not in pretended.read("static-role", name)
    machine.do("rotate_on_read", mount=pretended.path, role=name)
    assert pretended.read("static-role", name)["rotate_on_read"] is True
    passwords = {pretended.read("static-cred", name)["password"] for _ in range(3)}
    assert len(passwords) == 3
    assert pretended.directory.changes(name) == 5


def test_slow_directory_stops_nobody_else(pretended: Mount) -> None:
    """While one rotation waits for the directory, other calls are answered."""
    name = pretended.role()
    directory = pretended.directory.standin
    directory.arm("modify", "hold_before")
    answers: list[int] = []
    url = f"{pretended.server.url}/v1/{pretended.path}/rotate-role/{name}"
    headers = {"X-Vault-Token": pretended.server.root_token}
    waiting = threading.Thread(
        target=lambda: answers.append(httpx.post(url, headers=headers, trust_env=False).status_code)
    )
    waiting.start()
    eventually(directory.held, bool)
    assert pretended.read("static-role", name)["username"] == upn(name)
    assert pretended.server.raw("POST", "kv/data/x", json={"data": {}}).status_code == 200
    assert answers == []
    directory.release()
    waiting.join()
    assert answers == [204]
    assert pretended.holds(name)


def test_verifies_the_directory(pretended: Mount, new_password: Callable[[], str]) -> None:
    """What would send a password over an unverified line is refused."""
    for change in ({"insecure_tls": True}, {"starttls": True}, {"url": "ldap://127.0.0.1"}):
        status, errors = pretended.told("POST", "config", {**change, "bindpass": new_password()})
        assert (status, "LDAPS only" in errors[0]) == (500, True)
    assert pretended.holds(pretended.role())


def test_state_and_journal_hold_no_password(pretended: Mount, machine: StandIn) -> None:
    """State and journal name roles and calls, and no password of anybody."""
    name = pretended.role()
    pretended.call("POST", f"rotate-role/{name}")
    credential = pretended.read("static-cred", name)
    hidden = [credential["password"], credential["last_password"], pretended.directory.password]
    shown = f"{machine.state()}{machine.journal()}"
    assert not any(password in shown for password in hidden)
    assert state(machine, pretended, name) == {
        "username": upn(name),
        "last_vault_rotation": state(machine, pretended, name)["last_vault_rotation"],
        "rotations": 2,
        "unsettled": False,
        "overdue": False,
    }
    with pytest.raises(ValueError, match="no LDAP engine"):
        machine.do("rotate_on_read", mount=secrets.token_hex(4), role=name)


def state(machine: StandIn, mount: Mount, role: str) -> dict[str, Any]:
    """Return what the stand-in shows of a role."""
    shown: dict[str, Any] = machine.state()["static_roles"][f"{mount.path}/"][role]
    return shown
