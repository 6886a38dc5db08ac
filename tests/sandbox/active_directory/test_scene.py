"""The side door: faults, journal, state, the clock, several domain controllers."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import nullcontext

import pytest
from ldap3.core.exceptions import LDAPCommunicationError

from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority
from tests.sandbox.active_directory.lab import (
    MANAGED,
    Lab,
    answer,
    configuration,
    passwords_of,
    quoted,
    replaced,
)

OK, WRONG, LOCKED = (0, ""), (49, "52e"), (49, "775")


def sha256(password: str) -> str:
    """Return the digest by which a test asks about a password."""
    return hashlib.sha256(password.encode()).hexdigest()


def would_sign_in(lab: Lab, username: str, password: str, replica: int = 1) -> bool:
    """Ask whether a password signs in, without spending an attempt."""
    question = {"username": username, "password_sha256": sha256(password), "replica": replica}
    return bool(lab.standin.do("would_sign_in", **question)["signs_in"])


def of(lab: Lab, username: str) -> dict[str, object]:
    """Return what the state view says of one account."""
    return dict(lab.standin.state()["users"][username])


@pytest.mark.parametrize(("kind", "happened"), [("unreachable", False), ("answer_lost", True)])
def test_connections_break(own: Lab, kind: str, happened: bool) -> None:
    """Before the work or after it, the client sees the same broken connection."""
    user, new = own.user(), own.new_password()
    with own.acting_as("svc-reset") as connection:
        own.standin.arm("modify", kind)
        with pytest.raises(LDAPCommunicationError):
            connection.modify(user.dn, {"unicodePwd": replaced(quoted(new))})
    assert would_sign_in(own, user.username, new) is happened
    own.standin.arm("bind", kind)
    with pytest.raises(LDAPCommunicationError):
        own.sign_in(user.upn, user.password)
    assert own.sign_in(user.upn, user.password) == OK


def test_the_first_handshake_can_fail(own: Lab) -> None:
    """A domain controller can be made to drop connections before TLS begins."""
    address = ("127.0.0.1", int(own.standin.url.rpartition(":")[2]))
    context = ssl.create_default_context(cafile=own.ca_file)
    own.standin.arm("connect", "unreachable")
    for outcome in (pytest.raises(OSError, match=r"reset|EOF"), nullcontext()):
        with outcome, socket.create_connection(address, timeout=5) as raw:
            context.wrap_socket(raw, server_hostname="localhost").close()


def test_busy_and_slow(own: Lab) -> None:
    """A busy server does nothing and says 51; a slow one answers late, but does the work."""
    user = own.user()
    own.standin.arm("modify", "busy")
    assert own.modify("svc-full", user.dn, description="x") == (51, "0000200E")
    assert of(own, user.username)["description"] is None
    own.standin.arm("modify", "delay", seconds=0.05)
    assert own.modify("svc-full", user.dn, description="x") == OK
    assert of(own, user.username)["description"] == "x"


def test_every_operation_can_fail(own: Lab) -> None:
    """Each route has a name for faults, and a fault is used up."""
    user = own.user()
    dn = f"CN=new,{MANAGED}"
    with own.acting_as("svc-full") as connection:
        for route, act in (
            ("search", lambda: connection.search(MANAGED, "(objectClass=*)")),
            ("add", lambda: connection.add(dn, ["user"])),
            ("rename", lambda: connection.modify_dn(dn, "CN=newer")),
            ("delete", lambda: connection.delete(user.dn)),
        ):
            own.standin.arm(route, "busy")
            act()
            assert answer(connection) == (51, "0000200E"), route
            act()
            assert answer(connection) == OK, route


def test_the_journal_tells_who_did_what(own: Lab) -> None:
    """Route, caller, entry, result and machine code are written down; passwords never are."""
    user, new = own.user(), own.new_password()
    own.standin.forget()
    own.sign_in(user.upn, new)
    own.reset("svc-reset", user.dn, new)
    own.modify("plain", user.dn, description="x")
    journal = own.standin.journal()
    lines = [
        (entry["route"], entry["detail"]["who"], entry["detail"]["dn"], entry["detail"]["result"],
         entry["detail"]["data"])
        for entry in journal
    ]  # fmt: skip
    assert lines == [
        ("bind", user.upn, user.dn, 49, "52e"),
        ("bind", "svc-reset@corp.example.test", f"CN=svc-reset,{MANAGED}".replace("Validation", "Service Accounts"), 0, None),
        ("modify", "svc-reset@corp.example.test", user.dn, 0, None),
        ("bind", "plain@corp.example.test", f"CN=plain,{MANAGED}".replace("Validation", "Service Accounts"), 0, None),
        ("modify", "plain@corp.example.test", user.dn, 50, "00002098"),
    ]  # fmt: skip
    shown = json.dumps([journal, own.standin.state()])
    assert not [
        secret for secret in (new, user.password, *own.passwords.values()) if secret in shown
    ]


def test_the_state_tells_the_truth(own: Lab) -> None:
    """Counter, lock, switch and password version follow what happened."""
    user = own.user()
    assert of(own, user.username)["password_version"] == 1
    for _ in range(3):
        own.sign_in(user.upn, own.new_password())
    state = of(own, user.username)
    assert (state["locked"], state["bad_password_count"], state["enabled"]) == (True, 3, True)
    own.reset("svc-reset", user.dn, own.new_password())
    own.modify("svc-write", user.dn, pwdLastSet="0")
    state = of(own, user.username)
    assert (state["password_version"], state["must_change"], state["sign_ins"]) == (2, True, 0)


def test_asking_spends_nothing(own: Lab) -> None:
    """Asking whether a password signs in leaves every counter alone."""
    user = own.user()
    before = of(own, user.username)
    for _ in range(5):
        assert would_sign_in(own, user.username, user.password)
        assert not would_sign_in(own, user.username, own.new_password())
    assert of(own, user.username) == before


def test_scenes(own: Lab) -> None:
    """Each set-up command makes the account answer accordingly."""
    for command, data in (
        ("lock", "775"),
        ("disable", "533"),
        ("must_change", "773"),
        ("expire_password", "532"),
        ("expire_account", "701"),
    ):
        user = own.user()
        own.standin.do(command, username=user.username)
        assert own.sign_in(user.upn, user.password) == (49, data), command
    user, new = own.user(), own.new_password()
    own.standin.do("set_password", username=user.username, password=new)
    own.standin.do("lock", username=user.username)
    own.standin.do("unlock", username=user.username)
    own.standin.do("disable", username=user.username)
    own.standin.do("enable", username=user.username)
    assert own.sign_in(user.upn, new) == OK
    own.standin.do("add_user", username="made", password=new, container="OU=Other")
    assert own.sign_in("made@corp.example.test", new) == OK
    with pytest.raises(ValueError, match="no command"):
        own.standin.do("surprise")


def test_time_passes(own: Lab) -> None:
    """Failures, locks, the previous password and passwords themselves all end with time."""
    user, new = own.user(), own.new_password()
    own.sign_in(user.upn, own.new_password())
    own.sign_in(user.upn, own.new_password())
    own.standin.advance(601)
    assert own.sign_in(user.upn, own.new_password()) == WRONG
    assert of(own, user.username)["bad_password_count"] == 1
    own.sign_in(user.upn, own.new_password())
    own.sign_in(user.upn, own.new_password())
    assert own.sign_in(user.upn, user.password) == LOCKED
    own.standin.advance(601)
    assert own.sign_in(user.upn, user.password) == OK
    own.reset("svc-reset", user.dn, new)
    own.standin.advance(3599)
    assert own.sign_in(user.upn, user.password) == OK
    own.standin.advance(2)
    assert own.sign_in(user.upn, user.password) == WRONG
    own.standin.advance(42 * 86400)
    assert own.sign_in(user.upn, new) == (49, "532")


def test_locks_can_last(own: Lab) -> None:
    """With a duration of 0 only an administrator unlocks; the domain shows it as AD does."""
    own.standin.do("set_policy", lockout_duration=0, lockout_threshold=1)
    user = own.user()
    own.sign_in(user.upn, own.new_password())
    own.standin.advance(10 * 86400)
    assert own.sign_in(user.upn, user.password) == LOCKED
    shown = own.read(MANAGED.partition(",")[2], "lockoutDuration")["lockoutDuration"]
    assert shown == [b"-9223372036854775808"]


@pytest.fixture
def two(authority: Authority, new_password: Callable[[], str]) -> Iterator[Lab]:
    """Return a domain with two domain controllers, five minutes apart for passwords."""
    config = configuration(authority.issue("dc1"), new_password, replicas=2)
    with StandIn.start("sandbox.active_directory", config) as standin:
        standin.do("set_lag", seconds=300)
        lab = Lab(standin, str(authority.ca_file), passwords_of(config), new_password)
        yield lab
        lab.close()


def test_passwords_travel(two: Lab) -> None:
    """A new password signs in at once where it was set, and elsewhere after the lag."""
    first, second = two.standin.endpoints["urls"]
    name, old, new = "plain@corp.example.test", two.passwords["plain"], two.new_password()
    dn = f"CN=plain,{MANAGED}".replace("Validation", "Service Accounts")
    assert two.reset("Administrator", dn, new) == OK
    assert two.sign_in(name, new, first) == OK
    assert two.sign_in(name, new, second) == WRONG
    assert two.sign_in(name, old, second) == OK
    assert not would_sign_in(two, "plain", new, 2)
    two.standin.advance(301)
    assert would_sign_in(two, "plain", new, 2)
    assert two.sign_in(name, new, second) == OK


def test_controllers_count_for_themselves(two: Lab) -> None:
    """The counter of bad passwords belongs to one domain controller; a lockout is everywhere at once."""
    first, second = two.standin.endpoints["urls"]
    name, password = "plain@corp.example.test", two.passwords["plain"]
    two.sign_in(name, two.new_password(), first)
    two.sign_in(name, two.new_password(), second)
    counts = {"dc1": 1, "dc2": 1}
    assert of(two, "plain")["bad_password_counts"] == counts
    two.sign_in(name, two.new_password(), second)
    two.sign_in(name, two.new_password(), second)
    assert two.sign_in(name, password, first) == LOCKED


def test_one_controller_can_fail(two: Lab) -> None:
    """A fault that names a domain controller leaves the other alone."""
    first, second = two.standin.endpoints["urls"]
    name, password = "plain@corp.example.test", two.passwords["plain"]
    two.standin.arm("dc1.bind", "unreachable", times=0)
    with pytest.raises(LDAPCommunicationError):
        two.sign_in(name, password, first)
    assert two.sign_in(name, password, second) == OK


def test_password_settings_are_seeded(
    authority: Authority, new_password: Callable[[], str]
) -> None:
    """A PSO of the configuration rules the accounts it names, through groups as well."""
    more = {
        "groups": [{"name": "Operators", "members": ["plain"]}],
        "password_settings": [
            {"name": "strict", "applies_to": "Operators", "lockout_threshold": 1, "precedence": 2}
        ],
    }
    config = configuration(authority.issue("dc1"), new_password, **more)
    with StandIn.start("sandbox.active_directory", config) as standin:
        lab = Lab(standin, str(authority.ca_file), passwords_of(config), new_password)
        assert lab.sign_in("plain@corp.example.test", new_password()) == WRONG
        assert lab.sign_in("svc-full@corp.example.test", new_password()) == WRONG
        locked = {name for name, user in standin.state()["users"].items() if user["locked"]}
    assert locked == {"plain"}
