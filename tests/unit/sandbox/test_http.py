"""The HTTP kit: routes, certificates, and misbehaving on purpose."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import httpx
import pytest

from sandbox.standin.control import Control, Fault
from sandbox.standin.http import App, Request, Response, redirect
from sandbox.standin.tls import Authority, client_context, server_context


class Site:
    """One app over TLS that counts what it did."""

    def __init__(self, authority: Authority, name: str = "unit-site", days: int = 2) -> None:
        self.control, self.done = Control(), 0
        app = App(self.control)

        @app.route("GET POST", "/things/{name}", "thing")
        def thing(request: Request) -> Response:
            self.done += 1
            return Response(200, {"name": request.params["name"], "q": request.query.get("q")})

        @app.route("GET", "/files/{path:path}", "file")
        def file(request: Request) -> Response:
            return Response(200, {"path": request.params["path"]})

        self.server = app.serve(0, server_context(*authority.issue(name, days=days)))
        self.url = f"https://127.0.0.1:{self.server.server_address[1]}"

    def client(self, authority: Authority) -> httpx.Client:
        """Return a client that trusts the sandbox CA alone."""
        return httpx.Client(
            base_url=self.url, verify=client_context(authority.ca_file), trust_env=False, timeout=10
        )


@pytest.fixture
def site(authority: Authority) -> Iterator[Site]:
    """Serve for one test."""
    made = Site(authority)
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def client(site: Site, authority: Authority) -> Iterator[httpx.Client]:
    """Return a client of the site."""
    with site.client(authority) as made:
        yield made


def test_routes(site: Site, client: httpx.Client) -> None:
    """A segment and a path are told apart, quoting is undone, and what is not there is said."""
    assert client.get("/things/a%2Fb?q=1&q=2").json() == {"name": "a/b", "q": "2"}
    assert client.get("/files/a/b/c").json() == {"path": "a/b/c"}
    assert client.get("/things/a/b").status_code == 404
    assert client.delete("/things/a").status_code == 405
    assert [e["outcome"] for e in site.control.journal()] == ["200", "200", "404", "405"]


@pytest.mark.parametrize(("kind", "done"), [("unreachable", 0), ("answer_lost", 1)])
def test_hanging_up(site: Site, client: httpx.Client, kind: str, done: int) -> None:
    """A connection is closed before or after the work is done; the journal says so; the next call works."""
    site.control.arm(Fault("thing", kind))
    with pytest.raises(httpx.TransportError):
        client.post("/things/a")
    assert site.done == done
    assert site.control.journal()[0]["fault"] == kind
    assert client.post("/things/a").status_code == 200


@pytest.mark.parametrize(("kind", "done"), [("status", 0), ("status_after", 1), ("html", 0)])
def test_wrong_answers(site: Site, client: httpx.Client, kind: str, done: int) -> None:
    """An answer may be replaced, before or after the work is done."""
    site.control.arm(Fault("thing", kind, status=502, retry_after=1.5))
    answer = client.get("/things/a")
    assert answer.status_code == 502
    assert site.done == done
    if kind != "html":
        assert answer.headers["Retry-After"] == "1.5"


@pytest.mark.parametrize(
    "sent", ["ours=1", 'a={"b": 1}; ours=1; c', "ours=0; ours=1", ";ours = 1 ;"]
)
def test_cookies(sent: str) -> None:
    """Cookies of others, however odd, do not hide ours."""
    request = Request("GET", "/", {}, {}, {"cookie": sent}, b"")
    assert request.cookies()["ours"] == "1"
    assert "ours" not in Request("GET", "/", {}, {}, {}, b"").cookies()


def test_redirect() -> None:
    """A form that was dealt with leads to a page, and the journal is told what it was about."""
    answer = redirect("/there", account="a")
    assert (answer.status, answer.headers, answer.encoded()) == (303, {"Location": "/there"}, b"")
    assert answer.note == {"account": "a"}


def test_only_the_sandbox_is_trusted(site: Site) -> None:
    """A client with the machine's own trust store refuses the sandbox's certificate."""
    context = ssl.create_default_context()
    with pytest.raises(httpx.ConnectError), httpx.Client(verify=context, trust_env=False) as other:
        other.get(site.url)


def test_a_certificate_that_has_expired(authority: Authority) -> None:
    """An expired certificate is refused by a client that trusts its CA."""
    site = Site(authority, "unit-expired", days=-1)
    try:
        with pytest.raises(httpx.ConnectError), site.client(authority) as client:
            client.get("/things/a")
    finally:
        site.server.shutdown()
        site.server.server_close()


def test_keys_are_for_their_owner(authority: Authority) -> None:
    """The key of a server certificate is readable by its owner alone."""
    _, key = authority.issue("unit-key")
    assert key.stat().st_mode & 0o077 == 0
