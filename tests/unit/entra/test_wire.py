"""The clients that MSAL is given."""

from __future__ import annotations

import logging

import httpx
import pytest

from connectors.entra.wire import MsalHttp, ProbeHttp
from tests.unit.entra.support import AUTHORITY, TOKEN, Wire, answer, form

HOST = AUTHORITY.removeprefix("https://")


def _probe(wire: Wire, *, federated: bool = False) -> ProbeHttp:
    client = httpx.Client(transport=wire.transport())
    return ProbeHttp(client, "probe", host=HOST, realm={}, federated=federated)


def test_bytes_are_sent_as_text(wire: Wire) -> None:
    """The client assertion, which MSAL hands over as bytes, is not sent as Python source."""
    http = MsalHttp(httpx.Client(transport=wire.transport()), "sign in")
    http.post(f"{AUTHORITY}{TOKEN}", data={"client_assertion": b"abc", "n": 1}, headers={"a": None})
    (sent,) = wire.requests
    assert form(sent) == {"client_assertion": "abc", "n": "1"}
    http.close()


def test_one_post(wire: Wire) -> None:
    """A probe's second POST is refused before it is sent."""
    http = _probe(wire)
    http.post(f"{AUTHORITY}{TOKEN}", data={})
    with pytest.raises(RuntimeError):
        http.post(f"{AUTHORITY}{TOKEN}", data={})
    assert len(wire.requests) == 1


@pytest.mark.parametrize("host", ["https://sign-in.example.test", "https://elsewhere.example.test"])
def test_one_host(wire: Wire, host: str) -> None:
    """A probe's POST to another host or port is refused before it is sent."""
    with pytest.raises(RuntimeError):
        _probe(wire).post(f"{host}{TOKEN}", data={})
    assert wire.requests == []


def test_federated_fence(wire: Wire) -> None:
    """Signing in through a federation server takes one POST there and one here."""
    wire.on("POST", "/adfs", answer(200, b"<xml/>"))
    http = _probe(wire, federated=True)
    http.post("https://sts.example.test/adfs", data={})
    http.post(f"{AUTHORITY}{TOKEN}", data={})
    assert http.token_issued
    with pytest.raises(RuntimeError):
        http.post(f"{AUTHORITY}{TOKEN}", data={})


def test_library_logs_are_quiet() -> None:
    """Httpx would log every URL, and some hold account names."""
    assert logging.getLogger("httpx").getEffectiveLevel() >= logging.WARNING
    assert logging.getLogger("httpcore").getEffectiveLevel() >= logging.WARNING
