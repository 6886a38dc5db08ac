"""Bad networks: the next controller is asked when one cannot be reached, and nobody is trusted blindly."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from connectors.active_directory import users
from connectors.active_directory.session import Session
from connectors.active_directory.transport import Transport
from connectors.errors import InvalidInput, Unknown, Unreachable
from sandbox.standin.tls import Authority
from tests.contracts.active_directory.lab import DOMAIN, VALIDATION, Lab
from tests.contracts.active_directory.wire import LossyLine


@pytest.fixture
def hanging() -> Iterator[str]:
    """Yield the URL of a controller that accepts and then says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"ldaps://127.0.0.1:{server.getsockname()[1]}"


def test_next_controller(lab: Lab, closed: str):
    """A controller that refuses connections is passed over, and the proof names the one that answered."""
    proof = lab.client_with(controllers=(closed, lab.standin.url)).sign_in(lab.handle("svc-names"))

    assert proof.where == lab.standin.url


def test_hanging_controller(lab: Lab, hanging: str):
    """A controller that hangs costs its timeout once per connection, not for ever."""
    client = lab.client_with(controllers=(hanging, lab.standin.url), receive_timeout=1)
    started = time.monotonic()

    assert client.account_state("svc-names").read_from == lab.standin.url
    assert time.monotonic() - started < 4


def test_none_left(lab: Lab, closed: str):
    """With no controller left it is Unreachable, naming them all."""
    other = "ldaps://no-such-host.invalid"

    with pytest.raises(Unreachable) as caught:
        lab.client_with(controllers=(closed, other)).sign_in(lab.handle("svc-names"))

    assert caught.value.identifiers["controllers"] == f"{closed} {other}"
    assert caught.value.__context__ is None


def test_pinned(lab: Lab, closed: str):
    """A controller that was asked for is the only one asked, and must be one of the directory's."""
    client = lab.client_with(controllers=(closed, lab.standin.url))

    for look in (
        lambda where: client.sign_in(lab.handle("svc-names"), where=where),
        lambda where: client.account_state("svc-names", where=where),
        lambda where: client.rights(lab.handle("svc-names"), lab.dn(VALIDATION), where=where),
    ):
        with pytest.raises(Unreachable):
            look(closed)
        with pytest.raises(InvalidInput):
            look("ldaps://elsewhere")
        assert look(lab.standin.url)


def test_stranger(lab: Lab, tmp_path_factory: pytest.TempPathFactory):
    """A certificate of another authority is not trusted, and the advice says what to set."""
    stranger = Authority.create(tmp_path_factory.mktemp("stranger"))

    with pytest.raises(Unreachable) as caught:
        lab.client_with(ca_file=stranger.ca_file).sign_in(lab.handle("svc-names"))

    assert caught.value.identifiers["untrusted"] == lab.standin.url
    assert "ca_file" in caught.value.what_to_do()


def test_machine_store(lab: Lab):
    """Without a CA file the machine's own store decides, and it does not know the sandbox."""
    with pytest.raises(Unreachable):
        lab.client_with(ca_file=None).sign_in(lab.handle("svc-names"))


@pytest.fixture
def renamed(lab: Lab) -> str:
    """Return the controller under an address that its certificate does not carry."""
    return lab.standin.url.replace("127.0.0.1", "[::ffff:127.0.0.1]")


def test_wrong_name(lab: Lab, renamed: str):
    """A good certificate for another name is not trusted."""
    with pytest.raises(Unreachable) as caught:
        lab.client_with(controllers=(renamed,)).account_state("svc-names")

    assert caught.value.identifiers["untrusted"] == renamed


def test_further_name(lab: Lab, renamed: str):
    """A name in tls_names is accepted in its place, and only such a name."""
    good, bad = ("other.test", "dc1.corp.example.test"), ("other.test",)

    assert lab.client_with(controllers=(renamed,), tls_names=good).account_state("svc-names")
    with pytest.raises(Unreachable):
        lab.client_with(controllers=(renamed,), tls_names=bad).account_state("svc-names")


def test_no_ca_file(lab: Lab):
    """A CA file that is not there is refused when the client is made."""
    with pytest.raises(InvalidInput):
        lab.client_with(ca_file=lab.settings.ca_file.with_name("no.pem"))  # type: ignore[union-attr]


def signed_in(lab: Lab, line: LossyLine, username: str) -> Session:
    """Return a session over the line, signed in."""
    settings = lab.client_with(controllers=(line.url,))._settings
    session = next(Transport(settings).sessions("test"))
    session.bind(lab.secrets.credential(lab.handle(username)), f"{username}@{DOMAIN}", "test")
    return session


def test_lost_answers_to_changes(lab: Lab):
    """A change whose answer is lost is Unknown, and here it did happen."""
    container, admin = lab.dn(VALIDATION), lab.handle("Administrator")
    made = lab.client.create_user(admin, container, "lost-1")
    changes: list[Callable[[Session], object]] = [
        lambda session: users.create(session, container, "lost-2", DOMAIN),
        lambda session: users.reset_password(session, made.dn, None),
        lambda session: users.modify(session, made.dn, {"description": "lost"}),
        lambda session: session.delete(made.dn, "delete user"),
    ]
    for change in changes:
        with LossyLine(lab.standin.url) as line, signed_in(lab, line, "svc-full") as session:
            line.lose_answers()
            with pytest.raises(Unknown) as caught:
                change(session)
            assert caught.value.__context__ is None

    assert lab.client.find_user("lost-1") is None
    assert lab.client.delete_test_users(admin, container, "lost-")


def test_lost_answer_to_a_look(lab: Lab):
    """A look whose answer is lost is Unreachable: it may be repeated."""
    with LossyLine(lab.standin.url) as line, signed_in(lab, line, "reader") as session:
        line.lose_answers()
        with pytest.raises(Unreachable):
            session.read("", ("currentTime",), "test")


def test_lost_answer_to_a_sign_in(lab: Lab):
    """A sign-in whose answer is lost is Unreachable, and is not repeated on the next controller."""
    with LossyLine(lab.standin.url) as line:
        settings = lab.client_with(controllers=(line.url,))._settings
        with next(Transport(settings).sessions("test")) as session:
            line.lose_answers()
            with pytest.raises(Unreachable):
                session.bind(lab.secrets.credential(lab.handle("svc-lost")), "svc-lost@x", "test")
