"""Test users that an earlier run left: listed by prefix, deleted with care, and nobody else's."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from connectors.entra.client import EntraClient
from connectors.entra.polling import SCHEDULE
from connectors.errors import InvalidInput, NotPermitted, Unknown, Unreachable
from tests.unit.entra.support import (
    VERIFIER,
    Clock,
    FakeVault,
    Wire,
    answer,
    broken,
    query,
    settings,
)

DOMAIN, PREFIX = "corp.example.test", "rot-1a2b-"
USERS = "/v1.0/users"
NEXT = "https://graph.example.test/v1.0/users?$skiptoken=page1"


def _id(number: int) -> str:
    return f"aaaaaaaa-0000-4000-8000-{number:012}"


def _user(number: int, name: str = "", domain: str = DOMAIN) -> dict[str, Any]:
    upn = f"{name or PREFIX + str(number)}@{domain}"
    return {
        "id": _id(number),
        "userPrincipalName": upn,
        "displayName": "Test",
        "department": None,
    }


def _listed(*users: dict[str, Any], more: bool = False) -> Any:
    return answer(body={"value": list(users)} | ({"@odata.nextLink": NEXT} if more else {}))


def _deletable(wire: Wire, *numbers: int) -> None:
    for number in numbers:
        wire.on("DELETE", f"{USERS}/{_id(number)}", answer(204))
        wire.on("GET", f"{USERS}/{_id(number)}", answer(404, "error-not-found"))


def _deleted(wire: Wire) -> list[str]:
    return [request.url.path for request in wire.requests if request.method == "DELETE"]


def test_none_left(entra: EntraClient, wire: Wire, clock: Clock) -> None:
    """With nobody there, two lists agree and nothing is deleted."""
    wire.on("GET", USERS, _listed())
    assert entra.delete_test_users(DOMAIN, PREFIX) == ()
    assert _deleted(wire) == []
    assert clock.slept == [1]


def test_filter_as_graph_wants_it(entra: EntraClient, wire: Wire) -> None:
    """The prefix goes into startsWith, quoted, as the verifier."""
    wire.on("GET", USERS, _listed())
    entra.delete_test_users(DOMAIN, "rot'-x")
    sent = wire.asked("GET", USERS)[0]
    assert query(sent)["$filter"] == "startsWith(userPrincipalName,'rot''-x')"
    assert "ConsistencyLevel" not in sent.headers


def test_every_page(entra: EntraClient, wire: Wire) -> None:
    """Users on further pages are deleted too, and their names returned."""
    wire.on("GET", USERS, _listed(_user(1), more=True), _listed(_user(2)), _listed())
    _deletable(wire, 1, 2)
    gone = entra.delete_test_users(DOMAIN, PREFIX)
    assert gone == (f"{PREFIX}1@{DOMAIN}", f"{PREFIX}2@{DOMAIN}")
    assert len(_deleted(wire)) == 2


@pytest.mark.parametrize(
    "other",
    [
        _user(9, "anna"),
        _user(9, "x-rot-1a2b-9"),
        _user(9, "rot-9999-1"),
        _user(9, domain="other.example.test"),
        _user(9, domain=f"sub.{DOMAIN}"),
        _user(9, domain=f"{DOMAIN}.evil"),
        _user(9, f"{PREFIX}9@{DOMAIN}", "guest.example.test"),
    ],
)
def test_nobody_else(entra: EntraClient, wire: Wire, other: dict[str, Any]) -> None:
    """Whoever a tenant lists besides, by a filter that it did not heed, is not touched."""
    wire.on("GET", USERS, _listed(other, _user(1)), _listed(other))
    _deletable(wire, 1)
    assert entra.delete_test_users(DOMAIN, PREFIX) == (f"{PREFIX}1@{DOMAIN}",)
    assert _deleted(wire) == [f"{USERS}/{_id(1)}"]


def test_own_user_stays(entra: EntraClient, wire: Wire) -> None:
    """The user of the run that cleans up stays, however its name is written."""
    wire.on("GET", USERS, _listed(_user(1)))
    assert entra.delete_test_users(DOMAIN, PREFIX, keep=f"{PREFIX}1@{DOMAIN}".upper()) == ()
    assert _deleted(wire) == []


def test_late_one_is_seen(entra: EntraClient, wire: Wire) -> None:
    """A user that only the second list shows is deleted as well."""
    wire.on("GET", USERS, _listed(), _listed(_user(1)), _listed())
    _deletable(wire, 1)
    assert entra.delete_test_users(DOMAIN, PREFIX) == (f"{PREFIX}1@{DOMAIN}",)


def test_still_listed_is_not_deleted_twice(entra: EntraClient, wire: Wire) -> None:
    """A replica that goes on listing what is deleted does not keep us."""
    wire.on("GET", USERS, _listed(_user(1)))
    _deletable(wire, 1)
    assert len(entra.delete_test_users(DOMAIN, PREFIX)) == 1
    assert len(_deleted(wire)) == 1


def test_listed_but_never_found_ends(entra: EntraClient, wire: Wire, clock: Clock) -> None:
    """A user that is listed and cannot be found by a deletion is given up after the schedule."""
    wire.on("GET", USERS, _listed(_user(1)))
    wire.on("DELETE", f"{USERS}/{_id(1)}", answer(404, "error-not-found"))
    assert entra.delete_test_users(DOMAIN, PREFIX) == ()
    assert tuple(clock.slept) == SCHEDULE


@pytest.mark.parametrize(("domain", "prefix"), [(DOMAIN, ""), (DOMAIN, "rot"), ("", PREFIX)])
def test_too_wide(entra: EntraClient, wire: Wire, domain: str, prefix: str) -> None:
    """A prefix that could mean other people's users, or no domain, is refused before anything is sent."""
    with pytest.raises(InvalidInput):
        entra.delete_test_users(domain, prefix)
    assert wire.requests == []


def test_lost_deletion(entra: EntraClient, wire: Wire) -> None:
    """A deletion whose answer was lost is Unknown; the next call looks first and goes on."""
    wire.on("GET", USERS, _listed(_user(1)), _listed())
    wire.on("DELETE", f"{USERS}/{_id(1)}", broken(httpx.ReadTimeout))
    with pytest.raises(Unknown):
        entra.delete_test_users(DOMAIN, PREFIX)
    assert entra.delete_test_users(DOMAIN, PREFIX) == ()
    assert len(_deleted(wire)) == 1


def test_list_that_fails(entra: EntraClient, wire: Wire) -> None:
    """A list that cannot be read is Unreachable; half a list is never acted on."""
    wire.on("GET", USERS, _listed(_user(1), more=True), answer(503, b""))
    with pytest.raises(Unreachable):
        entra.delete_test_users(DOMAIN, PREFIX)
    assert _deleted(wire) == []


def test_without_validator(wire: Wire, vault: FakeVault) -> None:
    """Without an identity for it nothing is deleted: none is success, some are named."""
    wire.on("GET", USERS, _listed(), _listed(_user(1), _user(2)))
    with EntraClient(settings(validator=None), vault, transport=wire.transport()) as client:
        assert client.delete_test_users(DOMAIN, PREFIX) == ()
        with pytest.raises(NotPermitted) as refused:
            client.delete_test_users(DOMAIN, PREFIX)
    assert refused.value.identifiers["users"] == f"{PREFIX}1@{DOMAIN} {PREFIX}2@{DOMAIN}"
    assert _deleted(wire) == []


def test_may_not_list(entra: EntraClient, wire: Wire) -> None:
    """A refused list names the verifier's application and the permission."""
    wire.on("GET", USERS, answer(403, "error-forbidden"))
    with pytest.raises(NotPermitted) as refused:
        entra.delete_test_users(DOMAIN, PREFIX)
    assert refused.value.identifiers["client_id"] == VERIFIER
    assert refused.value.identifiers["permission"] == "User.Read.All"
