"""What the connector makes of a Vault in trouble; only the stand-in can be told to be in it."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

import pytest

from connectors.errors import NotPermitted, Unknown, Unreachable
from connectors.models import SecretHandle
from connectors.secret import Secret
from connectors.vault.client import VaultClient
from connectors.vault.models import NodeState
from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority
from tests.contracts.vault.server import KINDS, Server, delayed_write, real, stand_in
from tests.ports import lasting_port


def fields() -> dict[str, Secret | str]:
    """Make a credential."""
    return {"username": "svc-a", "password": Secret(secrets.token_urlsafe())}


@pytest.fixture(params=KINDS)
def own_server(request: pytest.FixtureRequest, authority: Authority, tmp_path: Path) -> Server:
    """Return a Vault of this test's own, to be broken."""
    running = stand_in(authority) if request.param == "stand-in" else real(tmp_path)
    server = running.__enter__()
    request.addfinalizer(lambda: running.__exit__(None, None, None))
    return server


def test_sealed(own_server: Server, tmp_path: Path, secret: SecretHandle) -> None:
    """A sealed Vault is told as sealed, for reads, for writes and in its health."""
    with VaultClient(own_server.settings(tmp_path)) as client:
        client.write(secret, fields(), 0)
        if own_server.stand_in:
            own_server.stand_in.do("seal")
        else:
            own_server.admin("PUT", "sys/seal")
        for call in (lambda: client.credential(secret), lambda: client.write(secret, fields(), 1)):
            with pytest.raises(Unreachable, match="status=503") as failed:
                call()
            assert "vault operator unseal" in failed.value.what_to_do()
        assert client.health().state is NodeState.SEALED


def test_throttled(shaken: VaultClient, faults: StandIn, secret: SecretHandle) -> None:
    """A throttled call is not repeated here, and carries the wait that Vault asked for."""
    shaken.write(secret, fields(), 0)
    faults.arm("kv.read", "throttled", retry_after=7)
    with pytest.raises(Unreachable, match="status=429") as failed:
        shaken.credential(secret)
    assert failed.value.retry_after == 7.0
    assert len(faults.calls("kv.read")) == 1
    faults.arm("kv.write", "throttled", retry_after=7)
    with pytest.raises(Unreachable):
        shaken.write(secret, fields(), 1)


def test_lost_write_is_told_by_reading_back(
    shaken: VaultClient, faults: StandIn, secret: SecretHandle
) -> None:
    """A write whose answer is lost is unknown, is not repeated, and can be observed."""
    content = fields()
    faults.arm("kv.write", "answer_lost")
    with pytest.raises(Unknown, match="write secret"):
        shaken.write(secret, content, 0)
    assert len(faults.calls("kv.write")) == 1
    found = shaken.observe_write(secret, content, 0)
    assert found is not None
    assert found.handle == secret.at(1)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("unreachable", {}),
        ("status", {"status": 502}),
        ("html", {"status": 504}),
        ("no_active_node", {}),
    ],
)
def test_write_that_did_not_arrive(
    shaken: VaultClient,
    faults: StandIn,
    secret: SecretHandle,
    kind: str,
    settings: dict[str, int],
) -> None:
    """A write that broke on the way looks the same; reading back tells that it did not happen."""
    content = fields()
    faults.arm("kv.write", kind, **settings)
    with pytest.raises(Unknown):
        shaken.write(secret, content, 0)
    assert len(faults.calls("kv.write")) == 1
    assert shaken.observe_write(secret, content, 0) is None
    assert shaken.write(secret, content, 0).handle == secret.at(1)


def test_slow_write_is_unknown(
    pretended: Server, faults: StandIn, tmp_path: Path, secret: SecretHandle
) -> None:
    """A write that takes longer than the read timeout is unknown: it may happen later."""
    with VaultClient(pretended.settings(tmp_path, read_timeout=0.2)) as client:
        client.capabilities(["a"])
        faults.arm("kv.write", "delay", seconds=0.6)
        with pytest.raises(Unknown, match="cause=ReadTimeout"):
            client.write(secret, fields(), 0)
        assert delayed_write(faults) == "200"
        assert client.metadata(secret).current.handle == secret.at(1)


def test_broken_read_is_sent_once_more(
    shaken: VaultClient, faults: StandIn, secret: SecretHandle
) -> None:
    """A read whose connection broke is sent once more, and not a third time."""
    shaken.write(secret, fields(), 0)
    faults.arm("kv.read", "answer_lost")
    assert shaken.credential(secret).handle == secret.at(1)
    faults.forget()
    faults.arm("kv.read", "unreachable", times=0)
    with pytest.raises(Unreachable):
        shaken.credential(secret)
    assert len(faults.calls("kv.read")) == 2


@pytest.mark.parametrize("kind", ["stale", "behind"])
def test_waits_for_a_standby(
    shaken: VaultClient, faults: StandIn, secret: SecretHandle, kind: str
) -> None:
    """A named version is waited for while the node that answers is behind."""
    for number in range(2):
        shaken.write(secret, fields(), number)
    faults.arm("kv.read", kind, times=2)
    assert shaken.credential(secret.at(2)).handle == secret.at(2)
    assert len(faults.calls("kv.read")) == 3


def test_standby_that_stays_behind(
    shaken: VaultClient, faults: StandIn, secret: SecretHandle
) -> None:
    """A node that stays behind is asked later by somebody else; an older version is never given."""
    for number in range(2):
        shaken.write(secret, fields(), number)
    faults.arm("kv.read", "stale", times=0)
    with pytest.raises(Unreachable) as failed:
        shaken.credential(secret.at(2))
    assert failed.value.retry_after
    assert shaken.credential(secret.at(1)).handle == secret.at(1)


def test_redirect_is_not_followed(
    shaken: VaultClient, faults: StandIn, secret: SecretHandle
) -> None:
    """A redirect names the other host in the advice, and nothing is sent there."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.setblocking(False)
        host = f"127.0.0.1:{other.getsockname()[1]}"
        for route in ("kv.read", "kv.write", "approle.login"):
            faults.arm(route, "redirect", times=0, args={"location": f"http://{host}"})
        with pytest.raises(Unreachable, match="status=307") as failed:
            shaken.credential(secret)
        assert host in failed.value.what_to_do()
        with pytest.raises(BlockingIOError):
            other.accept()


def test_token_that_ends_mid_way(
    shaken: VaultClient, faults: StandIn, secret: SecretHandle
) -> None:
    """A token that ended between two calls is replaced once; the call that was refused is repeated."""
    shaken.write(secret, fields(), 0)
    faults.do("revoke_tokens", role="rotation")
    shaken.credential(secret)
    assert len(faults.calls("approle.login")) == 2


def test_policy_that_changes_mid_way(
    shaken: VaultClient, faults: StandIn, secret: SecretHandle
) -> None:
    """A right that is taken away is a denial, without another sign-in."""
    shaken.write(secret, fields(), 0)
    faults.arm("kv.read", "denied")
    with pytest.raises(NotPermitted):
        shaken.credential(secret)
    assert len(faults.calls("approle.login")) == 1
    assert shaken.credential(secret).handle == secret.at(1)


def test_standby_health(shaken: VaultClient, faults: StandIn) -> None:
    """A standby says that it is one."""
    faults.arm("sys.health", "standby")
    assert shaken.health().state is NodeState.STANDBY


def test_node_down(pretended: Server, tmp_path: Path, secret: SecretHandle) -> None:
    """A node that is down is unreachable, for writes too: nothing was sent."""
    nobody = f"https://127.0.0.1:{lasting_port()}"
    settings = pretended.settings(tmp_path).model_copy(update={"addr": nobody})
    with VaultClient(settings) as client:
        for call in (lambda: client.credential(secret), lambda: client.write(secret, fields(), 0)):
            with pytest.raises(Unreachable):
                call()


def test_journal_and_errors_hold_no_secret(
    shaken: VaultClient, faults: StandIn, secret: SecretHandle, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither logs nor errors hold a value that went through the connector, whatever broke."""
    caplog.set_level("DEBUG")
    value = secrets.token_urlsafe()
    told = []
    for kind in ("answer_lost", "status", "redirect", "sealed", "throttled"):
        faults.arm("kv.write", kind, status=500, args={"location": "http://127.0.0.1:9"})
        with pytest.raises((Unknown, Unreachable)) as failed:
            shaken.write(SecretHandle("secret", f"{secret.path}/{kind}"), {"a": Secret(value)}, 0)
        assert failed.value.__context__ is None
        told.append(f"{failed.value} {failed.value.what_to_do()} {failed.value.__dict__}")
    assert value not in caplog.text + "".join(told)


def test_reads_the_state_of_an_event(client: VaultClient, secret: SecretHandle) -> None:
    """A server that knows no index of states answers all the same."""
    client.write(secret, fields(), 0)
    assert client.metadata(secret, index="djE6MDAx").current.handle == secret.at(1)


def test_node_behind_the_state_of_an_event(
    shaken: VaultClient, faults: StandIn, secret: SecretHandle
) -> None:
    """A node that has not seen what an event told of says so, where it would show the old version else."""
    shaken.write(secret, fields(), 0)
    shaken.write(secret, fields(), 1)
    faults.arm("kv.metadata", "lagging", times=2)
    assert shaken.metadata(secret).current.handle == secret.at(1)
    with pytest.raises(Unreachable):
        shaken.metadata(secret, index="djE6MDAx")
    assert shaken.metadata(secret, index="djE6MDAx").current.handle == secret.at(2)
