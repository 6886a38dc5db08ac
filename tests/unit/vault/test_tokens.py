"""One token for all: fetched once, renewed in time, replaced when it ended, revoked when it is ours."""

from __future__ import annotations

import secrets
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest
from requests import exceptions as transport

from connectors.errors import InvalidInput, NotPermitted, RotationError, Unreachable
from connectors.vault.client import VaultClient
from connectors.vault.settings import VaultSettings
from connectors.vault.tokens import TokenKeeper
from tests.unit.vault.fake_vault import (
    DATA,
    LOGIN,
    LOOKUP,
    METADATA,
    RENEW,
    REVOKE,
    SECRET,
    FakeClock,
    FakeVault,
    Reply,
    Sent,
    metadata,
    private_file,
    signed_in,
)

DENIED = Reply(403, {"errors": ["permission denied"]})


@pytest.fixture(autouse=True)
def _metadata(vault: FakeVault) -> None:
    vault.on("GET", METADATA, metadata(1))


def tokens(vault: FakeVault, path: str = METADATA) -> list[str | None]:
    """Return the tokens that came with the calls to a path."""
    return [sent.token for sent in vault.calls(path)]


def threads_in(function: Callable[..., object]) -> int:
    """Count the threads that wait inside a function, the calls below it aside."""
    return sum(frame.f_code is function.__code__ for frame in sys._current_frames().values())


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, ten seconds at most."""
    deadline = monotonic() + 10
    while not condition():
        assert monotonic() < deadline, "it did not happen"


def test_signs_in_once(vault: FakeVault, client: VaultClient) -> None:
    """Nothing is sent before the first call, and one sign-in serves all calls."""
    assert vault.sent == []
    for _ in range(3):
        client.metadata(SECRET)
    assert tokens(vault) == ["token-1"] * 3
    assert vault.calls(LOGIN)[0].body["role_id"] == "role"


def test_many_threads_sign_in_once(vault: FakeVault, client: VaultClient) -> None:
    """Threads that start together wait for one sign-in and share its token."""
    together = threading.Barrier(8)

    def call(_: int) -> None:
        together.wait(10)
        client.metadata(SECRET)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(8)))
    assert len(vault.calls(LOGIN)) == 1
    assert set(tokens(vault)) == {"token-1"}


def test_many_threads_share_a_refusal(vault: FakeVault, client: VaultClient) -> None:
    """A refused sign-in is not tried again by every thread that waited for it."""
    waiting, go = threading.Event(), threading.Event()

    def refuse(_: Sent) -> Reply:
        waiting.set()
        go.wait(10)
        return Reply(400, {"errors": ["invalid role or secret ID"]})

    vault.on("POST", LOGIN, refuse)

    def call(_: int) -> RotationError | None:
        try:
            client.metadata(SECRET)
        except RotationError as error:
            return error
        return None

    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(call, 0)
        assert waiting.wait(10)
        others = [pool.submit(call, n) for n in range(4)]
        until(lambda: threads_in(TokenKeeper.current) == 4)
        go.set()
        errors = [future.result(10) for future in (first, *others)]
    assert all(isinstance(error, NotPermitted) for error in errors)
    assert len(vault.calls(LOGIN)) == 1
    assert len({id(error) for error in errors}) == 5


def test_refused_sign_in_says_what_to_do(vault: FakeVault, client: VaultClient) -> None:
    """A SecretID that Vault does not take comes with the command that makes a new one."""
    vault.on("POST", LOGIN, Reply(400, {"errors": ["invalid role or secret ID"]}))
    with pytest.raises(NotPermitted) as refused:
        client.metadata(SECRET)
    assert "auth/approle/role/ROLE/secret-id" in refused.value.what_to_do()
    with pytest.raises(NotPermitted):
        client.metadata(SECRET)
    assert len(vault.calls(LOGIN)) == 2


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(200, {"data": {}}), Unreachable),
        (Reply(200, {"auth": {"client_token": "", "mfa_requirement": {}}}), NotPermitted),
    ],
)
def test_sign_in_without_token(
    vault: FakeVault, client: VaultClient, reply: Reply, error: type[RotationError]
) -> None:
    """An answer to a sign-in that holds no token is an error of ours, not a stumble."""
    vault.on("POST", LOGIN, reply)
    with pytest.raises(error):
        client.metadata(SECRET)


def test_renews_at_half_life(vault: FakeVault, client: VaultClient, time: FakeClock) -> None:
    """A token is renewed when half of its life is over, and again half a life later."""
    vault.on("POST", RENEW, signed_in("token-1", 3600))
    client.metadata(SECRET)
    time.now += 1799
    client.metadata(SECRET)
    assert vault.calls(RENEW) == []
    for wait in (2, 1801):
        time.now += wait
        client.metadata(SECRET)
        client.metadata(SECRET)
    assert tokens(vault, RENEW) == ["token-1"] * 2
    assert len(vault.calls(LOGIN)) == 1


def test_signs_in_when_renewal_is_capped(
    vault: FakeVault, client: VaultClient, time: FakeClock
) -> None:
    """A renewal that adds nothing is not repeated; the token ends, then there is a new one."""
    vault.on("POST", RENEW, signed_in("token-1", 1500))
    client.metadata(SECRET)
    for wait in (2100, 800, 700):
        time.now += wait
        client.metadata(SECRET)
    assert len(vault.calls(RENEW)) == 1
    assert len(vault.calls(LOGIN)) == 2


def test_renewal_trouble_is_survived(
    vault: FakeVault, client: VaultClient, time: FakeClock
) -> None:
    """A renewal that got no answer is tried later; the token serves until it ends."""
    vault.on("POST", RENEW, transport.ReadTimeout(), signed_in("token-1", 3600))
    client.metadata(SECRET)
    time.now += 1801
    client.metadata(SECRET)
    client.metadata(SECRET)
    assert len(vault.calls(RENEW)) == 1
    time.now += 500
    client.metadata(SECRET)
    assert len(vault.calls(RENEW)) == 2
    assert len(vault.calls(LOGIN)) == 1


@pytest.mark.parametrize(("status", "logins"), [(400, 1), (403, 2)])
def test_refused_renewal(
    vault: FakeVault, client: VaultClient, time: FakeClock, status: int, logins: int
) -> None:
    """A token that may not be renewed serves on; one that has ended is replaced."""
    vault.on("POST", RENEW, Reply(status, {"errors": []}))
    client.metadata(SECRET)
    time.now += 1801
    client.metadata(SECRET)
    client.metadata(SECRET)
    assert len(vault.calls(RENEW)) == 1
    assert len(vault.calls(LOGIN)) == logins


def test_signs_in_before_the_end(vault: FakeVault, client: VaultClient, time: FakeClock) -> None:
    """A token that cannot be renewed is replaced shortly before it ends."""
    vault.on(
        "POST", LOGIN, signed_in("a", 100, renewable=False), signed_in("b", 100, renewable=False)
    )
    client.metadata(SECRET)
    time.now += 94
    client.metadata(SECRET)
    time.now += 2
    client.metadata(SECRET)
    assert tokens(vault) == ["a", "a", "b"]


def test_token_without_end(vault: FakeVault, client: VaultClient, time: FakeClock) -> None:
    """A lease of zero seconds is one that does not end."""
    vault.on("POST", LOGIN, signed_in("a", 0))
    client.metadata(SECRET)
    time.now += 1e9
    client.metadata(SECRET)
    assert len(vault.calls(LOGIN)) == 1


def test_ended_token_is_replaced_once(vault: FakeVault, client: VaultClient) -> None:
    """A call that is refused because the token ended is repeated with a new one, a write too."""
    vault.on("GET", LOOKUP, DENIED)
    facts = {"version": 1, "created_time": "2026-05-01T10:00:00Z"}
    vault.on("POST", DATA, DENIED, Reply(body={"data": facts}))
    client.write(SECRET, {"a": "b"}, 0)
    assert tokens(vault, DATA) == ["token-1", "token-2"]


def test_second_refusal_is_final(vault: FakeVault, client: VaultClient) -> None:
    """Refused with the new token as well, the call is not repeated again."""
    vault.on("GET", LOOKUP, DENIED)
    vault.on("GET", METADATA, DENIED)
    with pytest.raises(NotPermitted):
        client.metadata(SECRET)
    assert tokens(vault) == ["token-1", "token-2"]


def test_policy_refusal_costs_no_sign_in(vault: FakeVault, client: VaultClient) -> None:
    """A refusal by policy, which the look-up of the token tells, uses up no SecretID."""
    vault.on("GET", METADATA, DENIED)
    for _ in range(2):
        with pytest.raises(NotPermitted):
            client.metadata(SECRET)
    assert len(vault.calls(LOGIN)) == 1
    assert tokens(vault) == ["token-1"] * 2


def test_revokes_own_token(vault: FakeVault, settings: VaultSettings) -> None:
    """Leaving the client revokes the token that it made, once."""
    with vault.client(settings) as client:
        client.metadata(SECRET)
    client.close()
    assert tokens(vault, REVOKE) == ["token-1"]


def test_a_late_thread_is_not_signed_in(vault: FakeVault, settings: VaultSettings) -> None:
    """A call that begins while the token is given back gets no other one, which nobody would revoke."""

    def call_meanwhile(_: Sent) -> Reply:
        with pytest.raises(InvalidInput) as refused:
            client.metadata(SECRET)
        assert "was closed" in refused.value.what_to_do()
        return Reply(204)

    vault.on("POST", REVOKE, call_meanwhile)
    with vault.client(settings) as client:
        client.metadata(SECRET)
    assert (len(vault.calls(REVOKE)), len(vault.calls(LOGIN))) == (1, 1)


def test_unused_client_signs_in_for_nothing(vault: FakeVault, settings: VaultSettings) -> None:
    """A client that never called anything leaves without a word."""
    with vault.client(settings):
        pass
    assert vault.sent == []


def test_failed_revocation_is_survived(
    vault: FakeVault, client: VaultClient, caplog: pytest.LogCaptureFixture
) -> None:
    """A revocation that fails is logged, and closing goes on."""
    vault.on("POST", REVOKE, transport.ConnectionError())
    client.metadata(SECRET)
    client.close()
    assert "own token not revoked" in caplog.text


def test_token_file_is_not_revoked(vault: FakeVault, token_settings: VaultSettings) -> None:
    """A token from a file belongs to somebody else: it is used, and not revoked."""
    assert token_settings.token_file
    token = token_settings.token_file.read_text()
    with vault.client(token_settings) as client:
        client.metadata(SECRET)
    assert tokens(vault) == [token]
    assert (vault.calls(LOGIN), vault.calls(REVOKE)) == ([], [])


def test_renewed_token_of_a_file_is_not_revoked(
    vault: FakeVault, token_settings: VaultSettings, time: FakeClock
) -> None:
    """Renewing a token that belongs to somebody else does not make it ours."""
    vault.on("POST", RENEW, signed_in("the same", 3600))
    with vault.client(token_settings, time.clock()) as client:
        client.metadata(SECRET)
        time.now += 1801
        client.metadata(SECRET)
    assert (len(vault.calls(RENEW)), vault.calls(REVOKE)) == (1, [])


def test_token_file_is_read_again(vault: FakeVault, token_settings: VaultSettings) -> None:
    """When the token has ended, a new one in the file is used at once."""
    assert token_settings.token_file
    old, new = token_settings.token_file.read_text(), secrets.token_urlsafe()

    def by_token(sent: Sent) -> Reply:
        ended = sent.token == old and len(vault.calls(METADATA)) > 1
        return DENIED if ended else Reply(body={"data": {"ttl": 0}})

    vault.on("GET", LOOKUP, by_token)
    vault.on("GET", METADATA, metadata(1), DENIED, metadata(1))
    client = vault.client(token_settings)
    client.metadata(SECRET)
    private_file(token_settings.token_file, new)
    client.metadata(SECRET)
    assert tokens(vault) == [old, old, new]


def test_ended_token_in_file(vault: FakeVault, token_settings: VaultSettings) -> None:
    """A token in a file that has ended is told with the file's name."""
    vault.on("GET", LOOKUP, DENIED)
    with pytest.raises(NotPermitted, match="vault: look up own token") as refused:
        vault.client(token_settings).metadata(SECRET)
    assert str(token_settings.token_file) in refused.value.what_to_do()
