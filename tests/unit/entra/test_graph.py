"""The thin Graph client: one place that judges every answer."""

from __future__ import annotations

import logging
import uuid
from typing import Any

import httpx
import pytest

from connectors.entra import endpoints
from connectors.entra.client import EntraClient
from connectors.entra.endpoints import Endpoint
from connectors.errors import (
    InvalidInput,
    NotFound,
    NotPermitted,
    RotationError,
    Unreachable,
)
from tests.unit.entra.support import TOKEN, UPN, VERIFIER, Wire, answer, broken, query

ACCOUNT = f"/v1.0/users/{UPN}"
APPS = "/v1.0/servicePrincipals"
ALL = [item for item in vars(endpoints).values() if isinstance(item, Endpoint)]


def test_reads_an_account(entra: EntraClient, wire: Wire) -> None:
    """An account is read with exactly the fields that are needed."""
    wire.on("GET", ACCOUNT, answer(body="read_account"))
    account = entra.account(UPN)
    assert (account.upn, account.enabled, account.cloud_only) == (UPN, True, True)
    assert account.password_last_changed is not None
    (sent,) = wire.asked("GET", ACCOUNT)
    assert query(sent) == {
        "$select": "id,userPrincipalName,accountEnabled,onPremisesSyncEnabled,"
        "lastPasswordChangeDateTime"
    }
    assert uuid.UUID(sent.headers["client-request-id"])
    assert "ConsistencyLevel" not in sent.headers


@pytest.mark.parametrize("endpoint", ALL, ids=lambda item: item.operation)
def test_endpoint_is_complete(endpoint: Endpoint) -> None:
    """Every read says what it selects, every call names the permission it needs."""
    assert endpoint.permission
    selects = endpoint.method == "GET" and endpoint is not endpoints.CONSENTS
    assert bool(endpoint.select) == selects
    assert (endpoint.effect.name == "READ") == (endpoint.method == "GET")


def test_guest_names_are_encoded(entra: EntraClient, wire: Wire) -> None:
    """A guest's name holds a #, which must not cut the address off."""
    guest = "jo_x.test#EXT#@corp.example.test"
    wire.on("GET", f"/v1.0/users/{guest}", answer(body="read_account"))
    entra.account(guest)
    assert b"jo_x.test%23EXT%23@corp" in wire.requests[-1].url.raw_path


def test_quotes_are_doubled(entra: EntraClient, wire: Wire) -> None:
    """A quote in a name stays inside the filter."""
    wire.on("GET", APPS, answer(body="find_apps"))
    entra.find_apps("O'Brien' or 1 eq 1")
    assert query(wire.requests[-1])["$filter"] == "displayName eq 'O''Brien'' or 1 eq 1'"


@pytest.mark.parametrize("body", ["error-forbidden", "error-forbidden-lower-case"])
def test_forbidden_names_the_permission(entra: EntraClient, wire: Wire, body: str) -> None:
    """A 403 says which permission whose application lacks, however the answer is spelled."""
    wire.on("GET", ACCOUNT, answer(403, body))
    with pytest.raises(NotPermitted) as refused:
        entra.account(UPN)
    facts = refused.value.identifiers
    assert (facts["permission"], facts["client_id"]) == ("User.Read.All", VERIFIER)
    assert facts["code"] == "Authorization_RequestDenied"
    assert facts["request_id"] == "dddddddd-0000-4000-8000-000000000001"
    assert "User.Read.All" in refused.value.what_to_do()
    assert "canary" not in f"{refused.value} {refused.value.what_to_do()}"


def test_missing_account(entra: EntraClient, wire: Wire) -> None:
    """A 404 is NotFound, with what to correct."""
    wire.on("GET", ACCOUNT, answer(404, "error-not-found"))
    with pytest.raises(NotFound) as missing:
        entra.account(UPN)
    assert UPN in missing.value.what_to_do()


def test_throttled(entra: EntraClient, wire: Wire) -> None:
    """A 429 is Unreachable with the wait that Graph asks for, and is not repeated in here."""
    wire.on("GET", ACCOUNT, answer(429, "error-throttled", Retry_After="12"))
    with pytest.raises(Unreachable) as busy:
        entra.account(UPN)
    assert busy.value.retry_after == 12
    assert len(wire.asked("GET", ACCOUNT)) == 1


def test_second_401_is_final(entra: EntraClient, wire: Wire) -> None:
    """A new token that is refused too is not renewed again; a claims challenge is named."""
    challenge = 'Bearer error="insufficient_claims", claims="eyJ"'
    wire.on("GET", ACCOUNT, answer(401, "error-token", WWW_Authenticate=challenge))
    with pytest.raises(NotPermitted) as refused:
        entra.account(UPN)
    assert refused.value.identifiers["claims_challenge"] == "present"
    assert len(wire.asked("GET", ACCOUNT)) == len(wire.asked("POST", TOKEN)) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"<html>canary</html>",
        b"",
        ["canary"],
        {"id": "no guid", "userPrincipalName": UPN, "accountEnabled": True},
        {"userPrincipalName": UPN, "accountEnabled": True},
        {"id": str(uuid.uuid4()), "userPrincipalName": UPN, "accountEnabled": None},
    ],
)
def test_unexpected_shape_fails_closed(entra: EntraClient, wire: Wire, body: Any) -> None:
    """An answer that does not fit is refused whole, and nothing of it is repeated."""
    wire.on("GET", ACCOUNT, answer(200, body))
    with pytest.raises(Unreachable) as garbled:
        entra.account(UPN)
    assert "canary" not in repr(vars(garbled.value))
    assert garbled.value.__context__ is None


@pytest.mark.parametrize("status", [204, 206, 302])
def test_unexpected_success_fails_closed(entra: EntraClient, wire: Wire, status: int) -> None:
    """Any other status than the documented one is no success."""
    wire.on("GET", ACCOUNT, answer(status, b"", Location="https://elsewhere.example.test"))
    with pytest.raises(Unreachable):
        entra.account(UPN)


@pytest.mark.parametrize(
    "link",
    [
        "https://elsewhere.example.test/v1.0/servicePrincipals?$skiptoken=2",
        "https://graph.example.test:8443/v1.0/servicePrincipals?$skiptoken=2",
        "http://graph.example.test/v1.0/servicePrincipals?$skiptoken=2",
        "https://graph.example.test/beta/servicePrincipals?$skiptoken=2",
        "https://graph.example.test@elsewhere.example.test/v1.0/servicePrincipals",
    ],
)
def test_next_page_elsewhere(entra: EntraClient, wire: Wire, link: str) -> None:
    """A link to another host is not followed: it would be shown our token."""
    wire.on("GET", APPS, answer(body={"value": [], "@odata.nextLink": link}))
    with pytest.raises(Unreachable):
        entra.find_apps("any")
    assert len(wire.asked("GET", APPS)) == 1


def test_pages_in_a_circle(entra: EntraClient, wire: Wire) -> None:
    """Pages that point at each other end."""
    link = "https://graph.example.test/v1.0/servicePrincipals?$skiptoken=2"
    wire.on("GET", APPS, answer(body={"value": [], "@odata.nextLink": link}))
    with pytest.raises(Unreachable):
        entra.find_apps("any")
    assert len(wire.asked("GET", APPS)) == 2


def test_finds_apps(entra: EntraClient, wire: Wire) -> None:
    """Apps are found with their two ids apart."""
    wire.on("GET", APPS, answer(body="find_apps"))
    (app,) = entra.find_apps("Cayosoft Administrator API Access")
    assert app.app_id != app.service_principal_id
    assert app.enabled


@pytest.mark.parametrize(
    ("status", "body"), [(400, "error-bad-request"), (410, b"canary"), (418, {"error": "canary"})]
)
def test_other_refusals(entra: EntraClient, wire: Wire, status: int, body: Any) -> None:
    """Any other refusal is one, with its status."""
    wire.on("GET", ACCOUNT, answer(status, body))
    with pytest.raises(InvalidInput) as refused:
        entra.account(UPN)
    assert refused.value.identifiers["status"] == str(status)
    assert "canary" not in repr(vars(refused.value))


@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ReadTimeout, httpx.ReadError])
def test_lost_read(
    entra: EntraClient, wire: Wire, kind: type[httpx.TransportError], caplog: Any
) -> None:
    """A lost read changed nothing; the token is in no log."""
    caplog.set_level(logging.DEBUG)
    wire.on("GET", ACCOUNT, broken(kind))
    with pytest.raises(RotationError) as lost:
        entra.account(UPN)
    assert type(lost.value) is Unreachable
    token = wire.asked("GET", ACCOUNT)[0].headers["Authorization"].removeprefix("Bearer ")
    assert token not in caplog.text
    assert lost.value.identifiers["client_request_id"] in caplog.text
