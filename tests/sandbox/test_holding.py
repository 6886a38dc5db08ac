"""Calls that are held: not answered, seen to be held, let go, or ended with their client."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sandbox.standin.control import Control, Fault
from sandbox.standin.http import App, Request, Response
from sandbox.standin.tls import Authority, client_context, server_context
from tests.waiting import eventually


class Place:
    """A server with one route that counts how often it was carried out."""

    def __init__(self, url: str, control: Control, context: ssl.SSLContext) -> None:
        self.url, self.control, self.done = url, control, 0
        self.client = httpx.Client(base_url=url, verify=context, trust_env=False, timeout=30)

    def ask(self) -> tuple[threading.Thread, list[int]]:
        """Send a request from a thread; the list holds the status once there is an answer."""
        answers: list[int] = []

        def send() -> None:
            try:
                answers.append(self.client.post("/work").status_code)
            except httpx.TransportError:
                answers.append(0)

        thread = threading.Thread(target=send)
        thread.start()
        return thread, answers


@pytest.fixture
def place(authority: Authority) -> Iterator[Place]:
    """Serve the route over TLS."""
    control = Control()
    app = App(control)
    certificate, key = authority.issue("holding")
    server = app.serve(0, server_context(Path(certificate), Path(key)))
    url = f"https://127.0.0.1:{server.server_address[1]}"
    place = Place(url, control, client_context(authority.ca_file))

    @app.route("POST", "/work", "work")
    def work(_request: Request) -> Response:
        place.done += 1
        return Response(204)

    yield place
    place.client.close()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("kind", "done"), [("hold_before", 0), ("hold_after", 1)])
def test_held_until_released(place: Place, kind: str, done: int) -> None:
    """A held call has no answer, done or not, until it is released; then it is answered as ever."""
    place.control.arm(Fault("work", kind))
    thread, answers = place.ask()
    (held,) = eventually(place.control.holds.held, bool)
    assert (held["route"], held["kind"], place.done, answers) == ("work", kind, done, [])

    assert place.control.holds.release() == 1
    thread.join(10)

    assert (answers, place.done) == ([204], 1)
    assert place.control.holds.held() == []


@pytest.mark.parametrize(("kind", "done"), [("hold_before", 0), ("hold_after", 1)])
def test_client_that_goes(place: Place, kind: str, done: int, authority: Authority) -> None:
    """When the client is gone the call ends: one that was not carried out never is."""
    place.control.arm(Fault("work", kind))
    context = client_context(authority.ca_file)
    impatient = httpx.Client(base_url=place.url, verify=context, trust_env=False, timeout=0.2)
    with impatient, pytest.raises(httpx.ReadTimeout):
        impatient.post("/work")

    eventually(place.control.holds.held, lambda held: not held)
    eventually(place.control.journal, bool)

    assert place.done == done
    assert [entry["outcome"] for entry in place.control.journal()] == ["hung up"]


def test_others_go_on(place: Place) -> None:
    """Only the call that meets the fault is held; the next one is answered at once."""
    place.control.arm(Fault("work", "hold_before"))
    thread, answers = place.ask()
    eventually(place.control.holds.held, bool)

    assert place.client.post("/work").status_code == 204
    assert answers == []
    place.control.holds.release()
    thread.join(10)
    assert answers == [204]
