"""Probing a password: once, to the authority only, and never oversold."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from connectors.entra.client import EntraClient
from connectors.entra.models import ProbeVerdict
from connectors.errors import (
    BudgetSpent,
    InvalidInput,
    NotPermitted,
    RotationError,
    Unreachable,
)
from tests.unit.entra.support import (
    ACCOUNT_SECRET,
    DISCOVERY,
    PROBE,
    REALM,
    TOKEN,
    UPN,
    Clock,
    FakeVault,
    Wire,
    answer,
    broken,
    form,
    settings,
)


def test_token_proves_it(entra: EntraClient, wire: Wire, vault: FakeVault) -> None:
    """A token is the only proof, and what was sent is one plain password grant without refresh."""
    probe = entra.probe_password(ACCOUNT_SECRET)
    assert (probe.account, probe.verdict, probe.codes) == (UPN, ProbeVerdict.VALID, ())
    (sent,) = wire.asked("POST", TOKEN)
    fields = form(sent)
    password = vault.documents[ACCOUNT_SECRET.path]["password"]
    assert fields.pop("password") == password.reveal()
    assert set(fields.pop("scope").split()) == {
        "openid",
        "profile",
        "https://graph.microsoft.com/User.Read",
    }
    assert fields == {
        "client_id": PROBE,
        "grant_type": "password",
        "username": UPN,
        "client_info": "1",
    }
    assert probe.correlation_id == sent.headers["client-request-id"]


def test_wrong_password(entra: EntraClient, wire: Wire) -> None:
    """A rejected password is a verdict, not an error."""
    wire.on("POST", TOKEN, answer(400, "token-wrong-password"))
    probe = entra.probe_password(ACCOUNT_SECRET)
    assert (probe.verdict, probe.codes) == (ProbeVerdict.INVALID, (50126,))


def test_each_attempt_reaches_the_tenant(entra: EntraClient, wire: Wire, clock: Clock) -> None:
    """The same wrong password is really tried again after a minute, not answered from memory."""
    token = {"access_token": "t", "token_type": "Bearer", "expires_in": 60}
    wire.on("POST", TOKEN, answer(400, "token-wrong-password"), answer(body=token))
    assert entra.probe_password(ACCOUNT_SECRET).verdict is ProbeVerdict.INVALID
    clock.pass_by(60)
    assert entra.probe_password(ACCOUNT_SECRET).verdict is ProbeVerdict.VALID
    assert len(wire.asked("POST", TOKEN)) == 2


def test_budget_stops_before_anything_is_sent(entra: EntraClient, wire: Wire) -> None:
    """Within the minute nothing is sent at all, not even discovery."""
    wire.on("POST", TOKEN, answer(400, "token-wrong-password"))
    entra.probe_password(ACCOUNT_SECRET)
    sent = len(wire.requests)
    with pytest.raises(BudgetSpent):
        entra.probe_password(ACCOUNT_SECRET)
    assert len(wire.requests) == sent


@pytest.mark.parametrize(
    ("codes", "verdict"),
    [
        ([50076, 50126], ProbeVerdict.INVALID),
        ([50076, 50079], ProbeVerdict.VALID_MFA_REQUIRED),
        ([50076, 424242], ProbeVerdict.UNKNOWN),
        (["50126"], ProbeVerdict.UNKNOWN),
        ([], ProbeVerdict.UNKNOWN),
        (None, ProbeVerdict.UNKNOWN),
    ],
)
def test_classifies_numbers_only(
    entra: EntraClient, wire: Wire, codes: Any, verdict: ProbeVerdict
) -> None:
    """Only error_codes decide; a missing or odd list proves nothing."""
    body = {"error": "invalid_grant", "error_description": "AADSTS50126: no", "error_codes": codes}
    wire.on("POST", TOKEN, answer(400, body))
    assert entra.probe_password(ACCOUNT_SECRET).verdict is verdict


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        (answer(200, {"token_type": "Bearer"}), ProbeVerdict.UNKNOWN),
        (answer(200, b"<html>canary</html>"), ProbeVerdict.UNKNOWN),
        (answer(403, b"<html>canary</html>"), ProbeVerdict.UNKNOWN),
        (answer(400, ["canary"]), ProbeVerdict.UNKNOWN),
        (answer(302, b"", Location="https://elsewhere.example.test/"), ProbeVerdict.UNKNOWN),
        (answer(429, {}, Retry_After="17"), ProbeVerdict.TRANSIENT),
        (answer(503, b"canary"), ProbeVerdict.TRANSIENT),
    ],
)
def test_answered_attempt_never_raises(
    entra: EntraClient,
    wire: Wire,
    reply: Any,
    verdict: ProbeVerdict,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever is answered is a verdict; it is sent once, and no body is logged."""
    caplog.set_level(logging.DEBUG)
    wire.on("POST", TOKEN, reply)
    probe = entra.probe_password(ACCOUNT_SECRET)
    assert probe.verdict is verdict
    assert len(wire.asked("POST", TOKEN)) == 1
    assert "canary" not in caplog.text


def test_throttled_attempt_says_how_long(entra: EntraClient, wire: Wire) -> None:
    """The wait that a busy service asks for is part of the answer."""
    wire.on("POST", TOKEN, answer(429, {}, Retry_After="17"))
    assert entra.probe_password(ACCOUNT_SECRET).retry_after == 17


def test_token_with_a_bad_id_token_still_proves_it(entra: EntraClient, wire: Wire) -> None:
    """An issued token counts even when MSAL cannot make sense of what came with it."""
    wire.on("POST", TOKEN, answer(body={"access_token": "t", "id_token": "not.a.token"}))
    assert entra.probe_password(ACCOUNT_SECRET).verdict is ProbeVerdict.VALID


@pytest.mark.parametrize("kind", [httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError])
def test_lost_answer(
    entra: EntraClient, wire: Wire, kind: type[httpx.TransportError], clock: Clock
) -> None:
    """A lost answer is Unreachable, is not repeated inside, and is counted."""
    wire.on("POST", TOKEN, broken(kind))
    for attempt in range(1, 4):
        with pytest.raises(Unreachable) as lost:
            entra.probe_password(ACCOUNT_SECRET)
        assert lost.value.__context__ is None
        assert len(wire.asked("POST", TOKEN)) == attempt
    with pytest.raises(BudgetSpent):
        entra.probe_password(ACCOUNT_SECRET)


@pytest.mark.parametrize("path", [REALM, DISCOVERY])
def test_trouble_before_the_attempt_costs_nothing(
    entra: EntraClient, wire: Wire, path: str
) -> None:
    """What fails before the password leaves uses nothing of the budget."""
    wire.on("GET", path, broken(httpx.ReadTimeout))
    for _ in range(5):
        with pytest.raises(Unreachable):
            entra.probe_password(ACCOUNT_SECRET)
    assert wire.asked("POST", TOKEN) == []


def test_unconnected_attempt_costs_nothing(entra: EntraClient, wire: Wire) -> None:
    """A password that never left uses nothing of the budget."""
    wire.on("POST", TOKEN, broken(httpx.ConnectError))
    for _ in range(5):
        with pytest.raises(Unreachable):
            entra.probe_password(ACCOUNT_SECRET)


def test_federated_account_is_refused(entra: EntraClient, wire: Wire) -> None:
    """A federated account is refused before its password goes anywhere."""
    wire.on("GET", REALM, answer(body="user_realm-federated"))
    with pytest.raises(NotPermitted) as refused:
        entra.probe_password(ACCOUNT_SECRET)
    assert "federated_allowed" in refused.value.what_to_do()
    assert [request.method for request in wire.requests] == ["GET"]


def test_realm_that_changes_its_mind(entra: EntraClient, wire: Wire) -> None:
    """The password goes by the realm that was checked, not by one that MSAL asks for again."""
    managed, federated = answer(body="user_realm-managed"), answer(body="user_realm-federated")
    wire.on("GET", REALM, managed, federated)
    assert entra.probe_password(ACCOUNT_SECRET).verdict is ProbeVerdict.VALID
    assert {request.url.host for request in wire.requests} == {"sign-in.example.test"}


def test_realm_not_offered(entra: EntraClient, wire: Wire) -> None:
    """A service without user realms is asked directly."""
    wire.on("GET", REALM, answer(404, b"no such page"))
    assert entra.probe_password(ACCOUNT_SECRET).verdict is ProbeVerdict.VALID


def test_federated_when_allowed(wire: Wire, vault: FakeVault) -> None:
    """Where it is allowed, a federation server's trouble is no verdict about the password."""
    wire.on("GET", REALM, answer(body="user_realm-federated"))
    wire.on("GET", "/adfs/services/trust/mex", answer(404, b"<html/>"))
    allowed = EntraClient(settings(federated_allowed=True), vault, transport=wire.transport())
    with allowed as client, pytest.raises(RotationError):
        client.probe_password(ACCOUNT_SECRET)
    assert wire.asked("POST", TOKEN) == []


def test_token_endpoint_elsewhere(entra: EntraClient, wire: Wire) -> None:
    """A discovery document cannot lead the password to another host."""
    elsewhere = "https://elsewhere.example.test/token"
    document = {"authorization_endpoint": elsewhere, "token_endpoint": elsewhere}
    wire.on("GET", DISCOVERY, answer(body=document))
    with pytest.raises(Unreachable):
        entra.probe_password(ACCOUNT_SECRET)
    assert {request.method for request in wire.requests} == {"GET"}


def test_unknown_tenant(entra: EntraClient, wire: Wire) -> None:
    """A tenant that does not exist is the configuration's mistake."""
    wire.on("GET", DISCOVERY, answer(400, "token-tenant-unknown"))
    with pytest.raises(InvalidInput) as refused:
        entra.probe_password(ACCOUNT_SECRET)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("change", [lambda p: f" {p}", lambda p: f"{p} ", lambda _: ""])
def test_password_that_cannot_be_sent(
    entra: EntraClient, wire: Wire, vault: FakeVault, change: Callable[[str], str]
) -> None:
    """A password that the protocol would change on the way is not tried."""
    password = vault.documents[ACCOUNT_SECRET.path]["password"].reveal()
    vault.put(ACCOUNT_SECRET, username=UPN, password=change(password))
    with pytest.raises(InvalidInput):
        entra.probe_password(ACCOUNT_SECRET)
    assert wire.requests == []


def test_nothing_of_the_secret_is_logged(
    entra: EntraClient, wire: Wire, vault: FakeVault, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the password nor the account's name in an URL is logged, at any level."""
    caplog.set_level(logging.DEBUG)
    entra.probe_password(ACCOUNT_SECRET)
    wire.on("POST", TOKEN, answer(400, "token-wrong-password"))
    entra.probe_password(ACCOUNT_SECRET)
    assert vault.documents[ACCOUNT_SECRET.path]["password"].reveal() not in caplog.text
    assert "userrealm" not in caplog.text
    assert "canary" not in caplog.text
    assert "entra: probe password" in caplog.text
