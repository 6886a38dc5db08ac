"""Setting the password of a connection account: every answer, and nothing of it told."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.entra.client import EntraClient
from connectors.entra.polling import SCHEDULE
from connectors.errors import (
    InvalidInput,
    NotFound,
    NotPermitted,
    PolicyRefused,
    RotationError,
    SignInRefused,
    Unknown,
    Unreachable,
)
from connectors.models import SecretHandle
from tests.unit.entra.support import (
    SETTER,
    SETTER_SECRET,
    TOKEN,
    UPN,
    Answer,
    Clock,
    FakeVault,
    Wire,
    answer,
    broken,
    fixture,
    form,
    settings,
)

ACCOUNT = "aaaaaaaa-0000-4000-8000-000000000001"
PATCH = ("PATCH", f"/v1.0/users/{ACCOUNT}")
READ = f"/v1.0/users/{UPN}"
NEW = SecretHandle("kv", "rotation/entra", 3)
BEFORE = datetime(2026, 10, 31, 8, 9, 10, tzinfo=UTC)
LATER = BEFORE + timedelta(days=1)


@pytest.fixture
def password(vault: FakeVault, new_password: Callable[[], str]) -> str:
    """Return a new password that waits in the Vault."""
    password = new_password()
    vault.put(NEW, username=UPN, password=password)
    return password


def test_sets(entra: EntraClient, wire: Wire, vault: FakeVault, password: str) -> None:
    """The secret's password is sent once, by the setter, and needs no change at the next sign-in."""
    wire.on(*PATCH, answer(204))
    assert vault.reads == []
    entra.set_password(ACCOUNT, NEW)
    (sent,) = wire.asked(*PATCH)
    body = json.loads(sent.content)
    assert body["passwordProfile"].pop("password") == password
    assert body == fixture("set_password-request")
    assert sent.url.query == b""
    assert [form(token)["client_id"] for token in wire.asked("POST", TOKEN)] == [SETTER]
    assert [path for path in vault.reads if path == NEW.path] == [NEW.path]


def test_scrambles(entra: EntraClient, wire: Wire, vault: FakeVault) -> None:
    """A random password is set that no Vault holds, another one each time."""
    wire.on(*PATCH, answer(204))
    for _ in range(2):
        entra.scramble_password(ACCOUNT)
    bodies = [json.loads(request.content) for request in wire.asked(*PATCH)]
    first, second = (body["passwordProfile"].pop("password") for body in bodies)
    assert bodies[0] == fixture("set_password-request")
    assert first != second
    assert min(len(first), len(second)) > 40
    assert set(vault.reads) == {SETTER_SECRET.path}


@pytest.mark.parametrize(
    "lost",
    [
        broken(httpx.ReadTimeout),
        broken(httpx.WriteError),
        broken(httpx.RemoteProtocolError),
        answer(500, b""),
        answer(502, b""),
        answer(504, b"", Retry_After="5"),
        answer(200, {}),
        answer(302, b"", Location="https://elsewhere.example.test"),
    ],
)
def test_lost_answer_is_unknown(
    entra: EntraClient, wire: Wire, password: str, lost: Answer
) -> None:
    """A password whose answer was lost or not understood may have been set, and is not sent again."""
    wire.on(*PATCH, lost)
    with pytest.raises(Unknown) as told:
        entra.set_password(ACCOUNT, NEW)
    assert told.value.identifiers["user"] == ACCOUNT
    assert len(wire.asked(*PATCH)) == 1
    _says_nothing(told.value, password)


@pytest.mark.parametrize(
    ("refused", "wait"),
    [
        (answer(429, "error-throttled", Retry_After="7"), 7),
        (answer(429, "error-throttled"), None),
        (answer(503, b"", Retry_After="11"), 11),
        (answer(503, b""), None),
        (broken(httpx.ConnectError), None),
        (broken(httpx.ConnectTimeout), None),
    ],
)
def test_put_off_is_unreachable(
    entra: EntraClient, wire: Wire, password: str, refused: Answer, wait: float | None
) -> None:
    """A password that certainly was not set may be sent again, after the wait that was asked for."""
    wire.on(*PATCH, refused)
    with pytest.raises(Unreachable) as busy:
        entra.set_password(ACCOUNT, NEW)
    assert busy.value.retry_after == wait
    assert len(wire.asked(*PATCH)) == 1
    _says_nothing(busy.value, password)


def test_other_changes_stay_unknown(entra: EntraClient, wire: Wire) -> None:
    """What a 503 means for a password it does not mean for a deletion, which cannot be set again."""
    wire.on("DELETE", PATCH[1], answer(503, b"", Retry_After="3"))
    with pytest.raises(Unknown):
        entra.delete_user(ACCOUNT)


@pytest.mark.parametrize("body", ["error-bad-request", b"<html/>", {}])
def test_policy_said_no(entra: EntraClient, wire: Wire, password: str, body: Any) -> None:
    """A bad request is the directory's policy, whatever its words, and both policies are named."""
    wire.on(*PATCH, answer(400, body))
    with pytest.raises(PolicyRefused) as refused:
        entra.set_password(ACCOUNT, NEW)
    facts = refused.value.identifiers
    assert (facts["user"], facts["secret"], facts["status"]) == (ACCOUNT, str(NEW), "400")
    for word in ("8 to 256", "three of the four", "banned", "vault write sys/policies/password/"):
        assert word in refused.value.what_to_do()
    _says_nothing(refused.value, password)


def test_not_permitted(entra: EntraClient, wire: Wire, password: str) -> None:
    """A refusal names permission and role, and the Graph calls that give them."""
    wire.on(*PATCH, answer(403, "error-forbidden"))
    with pytest.raises(NotPermitted) as refused:
        entra.set_password(ACCOUNT, NEW)
    facts = refused.value.identifiers
    assert facts["client_id"] == SETTER
    assert facts["permission"] == "User-PasswordProfile.ReadWrite.All"
    for word in (
        "User-PasswordProfile.ReadWrite.All",
        "Privileged Authentication Administrator",
        "/appRoleAssignedTo",
        "POST /roleManagement/directory/roleAssignments",
        "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
        f"servicePrincipals(appId='{SETTER}')",
    ):
        assert word in refused.value.what_to_do()
    _says_nothing(refused.value, password)


def test_no_such_account(entra: EntraClient, wire: Wire, password: str) -> None:
    """An account that is not there is NotFound."""
    wire.on(*PATCH, answer(404, "error-not-found"))
    with pytest.raises(NotFound) as refused:
        entra.set_password(ACCOUNT, NEW)
    assert "GET /users/" in refused.value.what_to_do()
    _says_nothing(refused.value, password)


def test_other_refusals_keep_their_meaning(entra: EntraClient, wire: Wire, password: str) -> None:
    """A request that is too large, or in a wrong form, is not called a password policy."""
    wire.on(*PATCH, answer(415, {}))
    with pytest.raises(InvalidInput) as refused:
        entra.set_password(ACCOUNT, NEW)
    _says_nothing(refused.value, password)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, "token-secret-expired", InvalidInput),
        (400, "token-wrong-password", SignInRefused),
        (400, "token-tenant-unknown", InvalidInput),
    ],
)
def test_setter_that_cannot_sign_in(
    entra: EntraClient, wire: Wire, password: str, status: int, body: str, kind: type[RotationError]
) -> None:
    """Trouble with the setter's own credential is told as such, and no password is sent."""
    wire.on("POST", TOKEN, answer(status, body))
    with pytest.raises(kind) as refused:
        entra.set_password(ACCOUNT, NEW)
    assert type(refused.value) is kind
    assert refused.value.identifiers["client_id"] == SETTER
    assert wire.asked(*PATCH) == []
    _says_nothing(refused.value, password)


def test_expired_token(entra: EntraClient, wire: Wire, password: str) -> None:
    """A token that was refused before anything was done is renewed once."""
    wire.on(*PATCH, answer(401, "error-token"), answer(204))
    entra.set_password(ACCOUNT, NEW)
    assert len(wire.asked("POST", TOKEN)) == 2


def test_no_such_secret(entra: EntraClient, wire: Wire) -> None:
    """A secret that is not in the Vault stops everything before a request is sent."""
    with pytest.raises(NotFound) as missing:
        entra.set_password(ACCOUNT, NEW)
    assert missing.value.system == "vault"
    assert wire.requests == []


def test_without_setter(wire: Wire, vault: FakeVault, password: str) -> None:
    """Without an identity for it no password is set, nothing is sent, and the setter is asked for."""
    with EntraClient(settings(setter=None), vault, transport=wire.transport()) as client:
        for attempt in (
            lambda: client.set_password(ACCOUNT, NEW),
            lambda: client.scramble_password(ACCOUNT),
        ):
            with pytest.raises(NotPermitted) as refused:
                attempt()
            assert "`setter`" in refused.value.what_to_do()
    assert wire.requests == []
    assert vault.reads == []


def test_never_logged(
    entra: EntraClient, wire: Wire, password: str, caplog: pytest.LogCaptureFixture
) -> None:
    """At the most talkative level, neither the password nor the answer's words are logged."""
    wire.on(*PATCH, answer(400, "error-bad-request"), answer(204))
    with caplog.at_level(logging.DEBUG):
        with pytest.raises(PolicyRefused):
            entra.set_password(ACCOUNT, NEW)
        entra.set_password(ACCOUNT, NEW)
    assert "set password" in caplog.text
    assert password not in caplog.text
    assert "canary" not in caplog.text


def test_renews_every_identity(wire: Wire, vault: FakeVault, entra: EntraClient) -> None:
    """New tokens are fetched for the setter too, and for no identity that is not there."""
    entra.renew_tokens()
    assert SETTER in {form(token)["client_id"] for token in wire.asked("POST", TOKEN)}
    few = settings(setter=None, validator=None)
    wire.requests.clear()
    with EntraClient(few, vault, transport=wire.transport()) as client:
        client.renew_tokens()
    assert len(wire.asked("POST", TOKEN)) == 1


def _shown(changed: datetime | None) -> Answer:
    told = changed and changed.isoformat().replace("+00:00", "Z")
    return answer(body=fixture("read_account") | {"lastPasswordChangeDateTime": told})


@pytest.mark.parametrize(
    ("reads", "waits"),
    [
        ([LATER, LATER], [1]),
        ([BEFORE, LATER, LATER], [1, 1]),
        ([None, LATER, BEFORE, LATER, LATER], [1, 1, 2, 1]),
        # A replica that is further behind than the one that told ``before``.
        ([BEFORE - timedelta(days=9), LATER, LATER], [1, 1]),
    ],
)
def test_awaits_the_change(
    entra: EntraClient,
    wire: Wire,
    clock: Clock,
    reads: list[datetime | None],
    waits: list[float],
) -> None:
    """The change is believed when two reads in a row show it."""
    wire.on("GET", READ, *(_shown(moment) for moment in reads))
    assert entra.await_password_change(UPN, BEFORE) == LATER
    assert clock.slept == waits
    assert len(wire.asked("GET", READ)) == len(reads)


def test_first_password(entra: EntraClient, wire: Wire) -> None:
    """Any change is one, for an account that showed none before."""
    wire.on("GET", READ, _shown(None), _shown(LATER))
    assert entra.await_password_change(UPN, None) == LATER


@pytest.mark.parametrize("shown", [BEFORE, None])
def test_never_shown(entra: EntraClient, wire: Wire, clock: Clock, shown: datetime | None) -> None:
    """A tenant that goes on showing the old state is given up after the schedule."""
    wire.on("GET", READ, _shown(shown))
    assert entra.await_password_change(UPN, BEFORE) is None
    assert tuple(clock.slept) == SCHEDULE


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (answer(503, b"", Retry_After="3"), Unreachable),
        (answer(403, "error-forbidden"), NotPermitted),
        (answer(404, "error-not-found"), NotFound),
    ],
)
def test_account_that_cannot_be_read(
    entra: EntraClient, wire: Wire, trouble: Answer, kind: type[RotationError]
) -> None:
    """A read that fails is told; it is never taken for a password that did not change."""
    wire.on("GET", READ, _shown(BEFORE), trouble)
    with pytest.raises(kind):
        entra.await_password_change(UPN, BEFORE)


def _says_nothing(error: RotationError, password: str) -> None:
    """Look for the password, and for the answer's words, wherever an error could carry them."""
    trail = "".join(traceback.format_exception(error))
    told = f"{error} {error.__dict__} {error.what_to_do()} {trail} {pickle.dumps(error)!r}"
    assert password not in told
    assert "canary" not in told
    assert (error.__cause__, error.__context__) == (None, None)
    assert error.what_to_do()
