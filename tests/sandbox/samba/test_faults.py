"""A real domain controller behind a wire that keeps, loses or cuts what a test wants kept, lost or cut."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ldap3
import pytest
from ldap3.core.exceptions import LDAPCommunicationError

from sandbox.standin.tls import client_context
from tests.sandbox.samba.domain import NEEDS_SAMBA, Running
from tests.waiting import eventually

pytestmark = NEEDS_SAMBA


@dataclass
class Client:
    """A client in a process of its own that has signed in and is about to reset a password."""

    process: subprocess.Popen[str]

    def send(self) -> None:
        """Let it send the reset."""
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        """Return the next line that it says."""
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        """End it as SIGKILL does."""
        self.process.kill()
        self.process.wait()


@dataclass
class Target:
    """An account whose password is to be reset, and how it was before."""

    running: Running
    dn: str
    username: str = field(init=False)
    new_password: str = field(repr=False)

    def __post_init__(self) -> None:
        """Remember when the password was changed last."""
        self.username = self.dn.partition(",")[0].removeprefix("CN=")
        self._before = self._changed_at()

    def _changed_at(self) -> float:
        return float(self.running.standin.state()["users"][self.username]["password_changed_at"])

    @property
    def reset(self) -> bool:
        """Say whether the password was reset; asked of the database, as SYSTEM, past every connection."""
        return self._changed_at() != self._before

    @contextmanager
    def client(self) -> Iterator[Client]:
        """Start a client that has signed in, with nothing on its way."""
        order = {
            "url": self.running.standin.url,
            "ca_file": self.running.config["ca_file"],
            "user": "CORP\\svc-reset",
            "password": self.running.password("svc-reset"),
            "dn": self.dn,
            "new_password": self.new_password,
        }
        with subprocess.Popen(
            [sys.executable, "-m", "tests.sandbox.samba.modifier"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        ) as process:
            assert process.stdin
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            client = Client(process)
            try:
                assert client.answer() == "bound"
                yield client
            finally:
                with suppress(OSError):
                    process.kill()

    def reset_as(self, connection: ldap3.Connection) -> None:
        """Reset the password over a connection of this process."""
        quoted = f'"{self.new_password}"'.encode("utf-16-le")
        connection.modify(self.dn, {"unicodePwd": [(ldap3.MODIFY_REPLACE, [quoted])]})


@pytest.fixture
def target(running: Running, new_password: Callable[[], str]) -> Iterator[Target]:
    """Return an account of this test's own, on a wire without faults."""
    username = f"svc-{new_password()[4:14].lower().replace('_', 'x')}"
    running.standin.do(
        "add_user", username=username, password=new_password(), container="OU=Validation"
    )
    base = running.standin.endpoints["base_dn"]
    yield Target(running, f"CN={username},OU=Validation,{base}", new_password())
    running.standin.disarm()
    running.standin.release()
    running.standin.forget()


def outcomes(running: Running) -> list[tuple[str, str]]:
    """Return how each fault that was met ended."""
    return [(entry["fault"], entry["outcome"]) for entry in running.standin.journal()]


def handshake(running: Running) -> None:
    """Connect and speak TLS; without ldap3, which leaves the socket of a failed handshake open."""
    address = ("127.0.0.1", int(running.standin.url.rpartition(":")[2]))
    context = client_context(Path(running.config["ca_file"]))
    with socket.create_connection(address, timeout=5) as raw:
        context.wrap_socket(raw, server_hostname="localhost").close()


def test_answers_are_held(running: Running, target: Target) -> None:
    """A reset whose answer is held has happened; other connections go on; then the client hears of it."""
    with target.client() as client:
        running.standin.arm("request", "hold_after")
        client.send()
        (held,) = eventually(running.standin.held, bool)

        assert (held["route"], held["kind"]) == ("request", "hold_after")
        assert target.reset
        assert running.sign_in(target.username, target.new_password) == "success"

        running.standin.release()
        assert client.answer() == "success"
    assert running.standin.held() == []
    assert outcomes(running) == [("hold_after", "released")]


def test_requests_are_held(running: Running, target: Target) -> None:
    """A reset that is held has not happened; other connections go on; released, it is carried out."""
    with target.client() as client:
        running.standin.arm("request", "hold_before")
        client.send()
        eventually(running.standin.held, bool)

        assert running.sign_in("svc-full") == "success"
        assert not target.reset

        running.standin.release()
        assert client.answer() == "success"
    assert target.reset
    assert running.standin.held() == []


@pytest.mark.parametrize(("kind", "happened"), [("hold_before", False), ("hold_after", True)])
def test_a_killed_client_ends_the_hold(
    running: Running, target: Target, kind: str, happened: bool
) -> None:
    """A request that was held when its client was killed never arrives; one that had arrived stays done."""
    with target.client() as client:
        running.standin.arm("request", kind)
        client.send()
        eventually(running.standin.held, bool)
        client.kill()
        eventually(running.standin.held, lambda held: not held)

    assert eventually(lambda: outcomes(running), bool) == [(kind, "client gone")]
    running.standin.release()  # there is nothing left to go on
    assert running.sign_in("svc-full") == "success"
    assert target.reset is happened


@pytest.mark.parametrize(("kind", "happened"), [("unreachable", False), ("answer_lost", True)])
def test_connections_break(running: Running, target: Target, kind: str, happened: bool) -> None:
    """Before the work or after it, the client sees the same broken connection."""
    with running.bound("svc-reset", running.password("svc-reset")) as connection:
        running.standin.arm("request", kind)
        with pytest.raises(LDAPCommunicationError):
            target.reset_as(connection)
    assert target.reset is happened
    assert running.sign_in("svc-full") == "success"


def test_everything_is_cut(running: Running, target: Target) -> None:
    """One command resets every open connection, the one whose answer is held too."""
    with (
        running.bound("svc-full", running.password("svc-full")) as idle,
        target.client() as client,
    ):
        running.standin.arm("request", "hold_after")
        client.send()
        eventually(running.standin.held, bool)

        assert running.standin.do("cut") == {"cut": 2}
        assert client.answer() == "no answer"
        with pytest.raises(LDAPCommunicationError):
            idle.search(target.dn, "(objectClass=*)")
    assert eventually(lambda: outcomes(running), bool) == [("hold_after", "cut")]
    assert target.reset
    assert running.sign_in("svc-full") == "success"


def test_nobody_gets_in(running: Running, target: Target) -> None:
    """Connections can be refused until the fault is disarmed; those that are open go on."""
    with running.bound("svc-reset", running.password("svc-reset")) as connection:
        running.standin.arm("connect", "unreachable", times=0)
        for _ in range(2):
            with pytest.raises(OSError, match=r"reset|EOF"):
                handshake(running)
        target.reset_as(connection)
        assert connection.result["description"] == "success"
    running.standin.disarm()
    handshake(running)


def test_a_slow_wire(running: Running, target: Target) -> None:
    """Connections and requests can be late, and arrive."""
    for route in ("connect", "request"):
        running.standin.arm(route, "delay", seconds=0.05)
    assert running.sign_in("svc-full") == "success"


@pytest.mark.parametrize("wrong", [("modify", "hold_after"), ("request", "busy"), ("*", "delay")])
def test_only_what_can_be_met_is_armed(running: Running, wrong: tuple[Any, Any]) -> None:
    """A fault of the stand-in that bytes cannot keep is refused, not silently never met."""
    with pytest.raises(ValueError, match="there are"):
        running.standin.arm(*wrong)
