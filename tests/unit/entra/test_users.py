"""Test users, and the patience that a directory needs."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from connectors.entra.client import EntraClient
from connectors.entra.polling import SCHEDULE, settled
from connectors.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    NotPermitted,
    RotationError,
    Unknown,
    Unreachable,
)
from tests.unit.entra.support import (
    VALIDATOR,
    Clock,
    FakeVault,
    Wire,
    answer,
    broken,
    fixture,
    settings,
)

UPN = "test-1@corp.example.test"
USER = "aaaaaaaa-0000-4000-8000-000000000009"
USERS, BY_NAME, BY_ID = "/v1.0/users", f"/v1.0/users/{UPN}", f"/v1.0/users/{USER}"
GONE = answer(404, "error-not-found")
SEEN = answer(body="find_user")


def test_finds_and_misses(entra: EntraClient, wire: Wire) -> None:
    """A user is found, or is None; each is one read."""
    wire.on("GET", BY_NAME, SEEN, GONE)
    found = entra.find_user(UPN)
    assert found is not None
    assert (found.id, found.display_name, found.department) == (USER, "Test 1", None)
    assert entra.find_user(UPN) is None


def test_creates(entra: EntraClient, wire: Wire, clock: Clock) -> None:
    """A user is created once and returned when two reads in a row have seen it."""
    wire.on("POST", USERS, answer(201, "find_user"))
    wire.on("GET", BY_ID, GONE, SEEN, GONE, SEEN, SEEN)
    assert entra.create_user(UPN, "Test 1").id == USER
    (sent,) = wire.asked("POST", USERS)
    body = json.loads(sent.content)
    assert len(body["passwordProfile"].pop("password")) > 40
    assert body == fixture("create_user-request")
    assert clock.slept == [1, 1, 2, 1]
    assert len(wire.asked("GET", BY_ID)) == 5


def test_passwords_differ(entra: EntraClient, wire: Wire) -> None:
    """Every test user has a random password of its own."""
    wire.on("POST", USERS, answer(201, "find_user"))
    wire.on("GET", BY_ID, SEEN)
    for _ in range(2):
        entra.create_user(UPN, "Test 1")
    first, second = (json.loads(request.content) for request in wire.asked("POST", USERS))
    assert first["passwordProfile"]["password"] != second["passwordProfile"]["password"]


def test_slow_directory_is_no_failure(entra: EntraClient, wire: Wire, clock: Clock) -> None:
    """A user that stays invisible for two minutes was created all the same."""
    wire.on("POST", USERS, answer(201, "find_user"))
    wire.on("GET", BY_ID, GONE)
    assert entra.create_user(UPN, "Test 1").id == USER
    assert tuple(clock.slept) == SCHEDULE


@pytest.mark.parametrize("trouble", [answer(503, b""), broken(httpx.ReadTimeout), answer(403, {})])
def test_unseen_is_not_undone(entra: EntraClient, wire: Wire, trouble: Any) -> None:
    """Reads that fail after a change do not make the change look undone."""
    wire.on("POST", USERS, answer(201, "find_user"))
    wire.on("GET", BY_ID, trouble, SEEN)
    assert entra.create_user(UPN, "Test 1").id == USER


@pytest.mark.parametrize(
    "lost",
    [
        broken(httpx.ReadTimeout),
        broken(httpx.RemoteProtocolError),
        answer(504, b""),
        answer(503, b""),
        answer(201, b"<html/>"),
        answer(200, "find_user"),
    ],
)
def test_lost_creation_is_unknown(entra: EntraClient, wire: Wire, lost: Any) -> None:
    """A creation whose answer was lost or not understood may have happened, and is not repeated."""
    wire.on("POST", USERS, lost)
    with pytest.raises(Unknown):
        entra.create_user(UPN, "Test 1")
    assert len(wire.asked("POST", USERS)) == 1


@pytest.mark.parametrize("refused", [broken(httpx.ConnectError), answer(429, {}, Retry_After="3")])
def test_creation_that_never_began(entra: EntraClient, wire: Wire, refused: Any) -> None:
    """A creation that certainly did not happen may be asked for again."""
    wire.on("POST", USERS, refused)
    with pytest.raises(Unreachable):
        entra.create_user(UPN, "Test 1")


@pytest.mark.parametrize(("there", "kind"), [(SEEN, Conflict), (GONE, InvalidInput)])
def test_name_taken(entra: EntraClient, wire: Wire, there: Any, kind: type[RotationError]) -> None:
    """A bad request is a taken name when the directory shows the user, else a bad request."""
    wire.on("POST", USERS, answer(400, "error-bad-request"))
    wire.on("GET", BY_NAME, there)
    with pytest.raises(kind) as refused:
        entra.create_user(UPN, "Test 1")
    assert refused.value.__context__ is None


def test_modifies(entra: EntraClient, wire: Wire) -> None:
    """An attribute is set, and awaited until readers see it."""
    wire.on("PATCH", BY_ID, answer(204))
    wire.on("GET", BY_ID, SEEN, answer(body="find_user-modified"))
    entra.modify_user(USER, {"department": "Proof"})
    (sent,) = wire.asked("PATCH", BY_ID)
    assert json.loads(sent.content) == fixture("modify_user-request")
    assert len(wire.asked("GET", BY_ID)) == 3


def test_lost_modification_may_be_repeated(entra: EntraClient, wire: Wire) -> None:
    """Setting the same value again has the same result."""
    wire.on("PATCH", BY_ID, broken(httpx.ReadTimeout))
    with pytest.raises(Unreachable):
        entra.modify_user(USER, {"department": "Proof"})


@pytest.mark.parametrize(
    "attributes",
    [{}, {"passwordProfile": "x"}, {"accountEnabled": "false"}, {"userPrincipalName": "a@b"}],
)
def test_only_plain_attributes(entra: EntraClient, wire: Wire, attributes: dict[str, str]) -> None:
    """What a user signs in with is never touched."""
    with pytest.raises(InvalidInput):
        entra.modify_user(USER, attributes)
    assert wire.requests == []


def test_modifies_nobody(entra: EntraClient, wire: Wire) -> None:
    """A user that is not there cannot be modified."""
    wire.on("PATCH", BY_ID, GONE)
    with pytest.raises(NotFound):
        entra.modify_user(USER, {"department": "Proof"})


def test_deletes(entra: EntraClient, wire: Wire, clock: Clock) -> None:
    """A user is deleted, and gone when two reads in a row do not see it."""
    wire.on("DELETE", BY_ID, answer(204))
    wire.on("GET", BY_ID, SEEN, GONE)
    entra.delete_user(USER)
    assert clock.slept == [1, 1]
    assert wire.asked("DELETE", BY_ID)[0].content == b""


def test_already_gone(entra: EntraClient, wire: Wire, clock: Clock) -> None:
    """Deleting what is gone is success at once."""
    wire.on("DELETE", BY_ID, GONE)
    entra.delete_user(USER)
    assert clock.slept == []


def test_deletes_what_was_never_seen(entra: EntraClient, wire: Wire) -> None:
    """A user of ours that no reader saw yet is not left behind because a replica does not know it."""
    wire.on("POST", USERS, answer(201, "find_user"))
    wire.on("GET", BY_ID, GONE)
    entra.create_user(UPN, "Test 1")
    wire.on("DELETE", BY_ID, GONE, GONE, answer(204))
    entra.delete_user(USER)
    assert len(wire.asked("DELETE", BY_ID)) == 3


@pytest.mark.parametrize("lost", [broken(httpx.ReadTimeout), answer(504, b"")])
def test_lost_deletion_is_unknown(entra: EntraClient, wire: Wire, lost: Any) -> None:
    """A deletion whose answer was lost has to be looked at."""
    wire.on("DELETE", BY_ID, lost)
    with pytest.raises(Unknown):
        entra.delete_user(USER)


def test_without_validator(wire: Wire, vault: FakeVault) -> None:
    """Without an identity for it, nothing can be changed, and nothing is sent."""
    with EntraClient(settings(validator=None), vault, transport=wire.transport()) as client:
        for attempt in (
            lambda: client.create_user(UPN, "Test 1"),
            lambda: client.modify_user(USER, {"department": "Proof"}),
            lambda: client.delete_user(USER),
        ):
            with pytest.raises(NotPermitted):
                attempt()
    assert wire.requests == []


def test_writes_as_the_validator(entra: EntraClient, wire: Wire) -> None:
    """A refused write names the validator's application, not the verifier's."""
    wire.on("DELETE", BY_ID, answer(403, "error-forbidden"))
    with pytest.raises(NotPermitted) as refused:
        entra.delete_user(USER)
    assert refused.value.identifiers["client_id"] == VALIDATOR
    assert refused.value.identifiers["permission"] == "User.DeleteRestore.All"


@pytest.mark.parametrize(
    ("reads", "outcome", "waits"),
    [
        ([True, True], True, [1]),
        ([False, True, True], True, [1, 1]),
        ([True, False, True, True], True, [1, 1, 1]),
        ([False] * 9, False, [1, 2, 4, 8, 15, 30, 30, 30]),
    ],
)
def test_patience(clock: Clock, reads: list[bool], outcome: bool, waits: list[float]) -> None:
    """Two good reads in a row are needed, and the waits grow on a schedule that ends."""
    script = iter(reads)
    assert settled(lambda: next(script), clock.timing()) is outcome
    assert clock.slept == waits
