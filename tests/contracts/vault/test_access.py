"""Signing in, tokens, wrapping and the system calls, as Vault really does them."""

from __future__ import annotations

import re
import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.errors import InvalidInput, NeedsPerson, NotFound, NotPermitted, Unreachable
from connectors.models import SecretHandle
from connectors.secret import Secret
from connectors.vault.auth import AuthMethod, Lease, method
from connectors.vault.client import VaultClient
from connectors.vault.clock import Clock
from connectors.vault.line import Line
from connectors.vault.models import NodeState
from connectors.vault.settings import AuthKind, VaultSettings
from sandbox.standin.tls import Authority
from tests.contracts.vault.server import MOUNT, ROLE, Server, private_file

FIELDS = {"username": "svc-a", "password": "made at run time elsewhere"}


class Watched:
    """A sign-in that keeps the tokens it got, for the test to look at."""

    def __init__(self, below: AuthMethod) -> None:
        self._below = below
        self.leases: list[Lease] = []

    def sign_in(self, line: Line) -> Lease:
        """Sign in, and remember."""
        lease = self._below.sign_in(line)
        self.leases.append(lease)
        return lease

    @property
    def token(self) -> str:
        """The newest token."""
        return self.leases[-1].token.reveal()


@pytest.fixture
def settings(server: Server, tmp_path: Path) -> VaultSettings:
    """Return settings that sign in with AppRole."""
    return server.settings(tmp_path)


@pytest.fixture
def watched(settings: VaultSettings) -> Watched:
    """Return the sign-in of the settings, watched."""
    return Watched(method(settings))


def test_revokes_its_token(server: Server, settings: VaultSettings, watched: Watched) -> None:
    """The token that signing in made is alive while the client is, and revoked afterwards."""
    with VaultClient(settings, auth=watched) as client:
        client.capabilities(["secret/data/apps/x"])
        assert server.alive(watched.token)
    assert not server.alive(watched.token)


def test_revoked_token_is_replaced(
    server: Server, settings: VaultSettings, watched: Watched, secret: SecretHandle
) -> None:
    """A token that somebody revoked is replaced by one sign-in, and the write goes through once."""
    with VaultClient(settings, auth=watched) as client:
        client.write(secret, FIELDS, 0)
        server.admin("POST", "auth/token/revoke", {"token": watched.token})
        assert client.write(secret, FIELDS, 1).handle == secret.at(2)
    assert len(watched.leases) == 2


def test_denial_is_no_reason_to_sign_in(settings: VaultSettings, watched: Watched) -> None:
    """A denial by policy does not use up another SecretID."""
    with VaultClient(settings, auth=watched) as client, pytest.raises(NotPermitted):
        client.metadata(SecretHandle(MOUNT, "other/x"))
    assert len(watched.leases) == 1


def test_renews(
    server: Server, settings: VaultSettings, watched: Watched, secret: SecretHandle
) -> None:
    """A token past half of its life is renewed, and stays the same token."""
    now = 0.0
    with VaultClient(settings, auth=watched, clock=Clock(monotonic=lambda: now)) as client:
        client.write(secret, FIELDS, 0)
        assert (watched.leases[0].seconds, watched.leases[0].renewable) == (3600.0, True)
        now = 1801.0
        client.metadata(secret)
        now = 3700.0
        client.metadata(secret)
        assert len(watched.leases) == 1
        assert server.alive(watched.token)


def test_threads_share_a_token(
    settings: VaultSettings, watched: Watched, secret: SecretHandle
) -> None:
    """Threads that start together sign in once and read the same secret."""
    with VaultClient(settings, auth=watched) as client, ThreadPoolExecutor(6) as pool:
        list(
            pool.map(
                lambda n: client.write(SecretHandle(MOUNT, f"{secret.path}/{n}"), FIELDS, 0),
                range(12),
            )
        )
        list(
            pool.map(
                lambda n: client.credential(SecretHandle(MOUNT, f"{secret.path}/{n}")),
                range(12),
            )
        )
    assert len(watched.leases) == 1


def test_wrong_secret_id(server: Server, tmp_path: Path) -> None:
    """A SecretID that Vault does not know is refused, and not shown."""
    wrong = secrets.token_urlsafe()
    settings = server.settings(tmp_path, secret_id_file=private_file(tmp_path / "wrong", wrong))
    with VaultClient(settings) as client, pytest.raises(NotPermitted) as refused:
        client.capabilities(["a"])
    assert wrong not in f"{refused.value} {refused.value.what_to_do()}"


def test_token_from_file(server: Server, tmp_path: Path, secret: SecretHandle) -> None:
    """A token in a file is used as it is, left alive, and looked up for its end."""
    made = server.admin("POST", "auth/token/create", {"policies": ["rotation"], "ttl": "30m"})
    token = made["auth"]["client_token"]
    settings = VaultSettings(
        addr=server.url,
        ca_file=server.ca_file,
        auth=AuthKind.TOKEN,
        token_file=private_file(tmp_path / "token", f"{token}\n"),
    )
    watched = Watched(method(settings))
    with VaultClient(settings, auth=watched) as client:
        client.write(secret, FIELDS, 0)
    assert 1700 < (watched.leases[0].seconds or 0) <= 1800
    assert server.alive(token)
    server.admin("POST", "auth/token/revoke", {"token": token})
    with VaultClient(settings) as client, pytest.raises(NotPermitted) as refused:
        client.credential(secret)
    assert str(settings.token_file) in refused.value.what_to_do()


def wrapped_settings(server: Server, folder: Path, token: str) -> VaultSettings:
    """Return settings whose SecretID is delivered wrapped."""
    return server.settings(
        folder,
        secret_id_file=None,
        wrapped_secret_id_file=private_file(folder / "wrapped", token),
    )


def wrapping_token(server: Server, path: str) -> str:
    """Wrap the answer of a call and return the wrapping token."""
    made = server.admin("POST", path, {"x": "y"} if path.startswith("sys") else {}, wrap="120s")
    token: str = made["wrap_info"]["token"]
    return token


def test_wrapped_secret_id(server: Server, tmp_path: Path) -> None:
    """A wrapped SecretID signs in; the wrapping token, used up, is an alarm for the next process."""
    token = wrapping_token(server, f"auth/approle/role/{ROLE}/secret-id")
    settings = wrapped_settings(server, tmp_path, token)
    with VaultClient(settings) as client:
        client.capabilities(["a"])
    with VaultClient(settings) as client, pytest.raises(NeedsPerson) as alarm:
        client.capabilities(["a"])
    assert token not in f"{alarm.value} {alarm.value.what_to_do()}"


def test_wrapping_token_made_elsewhere(server: Server, tmp_path: Path) -> None:
    """A wrapping token that was made at another path is an alarm, and is left unused."""
    token = wrapping_token(server, "sys/wrapping/wrap")
    settings = wrapped_settings(server, tmp_path, token)
    with VaultClient(settings) as client, pytest.raises(NeedsPerson, match="look up"):
        client.capabilities(["a"])
    server.admin("POST", "sys/wrapping/lookup", {"token": token})


def test_wraps_and_unwraps_once(client: VaultClient) -> None:
    """What was wrapped is given out once; the second time is an alarm."""
    value = secrets.token_urlsafe()
    wrapping = client.wrap({"password": Secret(value)}, 90)
    assert (wrapping.seconds, wrapping.creation_path) == (90, "sys/wrapping/wrap")
    assert client.unwrap(wrapping.token)["password"].reveal() == value
    with pytest.raises(NeedsPerson):
        client.unwrap(wrapping.token)
    with pytest.raises(NeedsPerson):
        client.unwrap(Secret(secrets.token_urlsafe()))


def test_generates_passwords(client: VaultClient) -> None:
    """Each password obeys the policy, and is another one."""
    first, second = (client.generate_password("rotation") for _ in range(2))
    assert re.fullmatch(r"[a-z0-9]{24}", first.reveal())
    assert not first.matches(second)
    with pytest.raises(NotPermitted):
        client.generate_password("unknown")


def test_missing_password_policy(server: Server, tmp_path: Path) -> None:
    """A password policy that is not there is missing for an identity that may ask."""
    settings = VaultSettings(
        addr=server.url,
        ca_file=server.ca_file,
        auth=AuthKind.TOKEN,
        token_file=private_file(tmp_path / "root", server.root),
    )
    with VaultClient(settings) as client, pytest.raises(NotFound, match="policy=unknown"):
        client.generate_password("unknown")


def test_capabilities(client: VaultClient) -> None:
    """Capabilities are those of the policy; what is not granted is denied."""
    found = client.capabilities(["secret/data/apps/x", "secret/data/other"])
    assert set(found["secret/data/apps/x"]) == {"create", "read", "update"}
    assert found["secret/data/other"] == ("deny",)
    assert client.capabilities(["secret/metadata/apps/x"]) == {"secret/metadata/apps/x": ("read",)}


def test_health(client: VaultClient) -> None:
    """A development server is active and tells its version."""
    health = client.health()
    assert (health.state, health.serves) == (NodeState.ACTIVE, True)
    assert health.version
    assert health.clock
    assert abs(datetime.now(UTC) - health.clock) < timedelta(seconds=30)


def test_token(client: VaultClient, server: Server, tmp_path: Path) -> None:
    """The token that is used tells its policies and how long it lasts; a root token is one, and does not end."""
    facts = client.token()
    assert facts is not None
    assert "root" not in facts.policies
    assert facts.seconds
    assert facts.renewable
    settings = VaultSettings(
        addr=server.url,
        ca_file=server.ca_file,
        auth=AuthKind.TOKEN,
        token_file=private_file(tmp_path / "root", server.root),
    )
    with VaultClient(settings) as root:
        told = root.token()
    assert told is not None
    assert (told.policies, told.seconds) == (("root",), None)


def test_foreign_ca_is_refused(
    server: Server, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A certificate of another authority is not trusted, whatever the environment says."""
    foreign = Authority.create(tmp_path_factory.mktemp("foreign"))
    for ca_file in (foreign.ca_file, None):
        with (
            VaultClient(
                server.settings(tmp_path).model_copy(update={"ca_file": ca_file})
            ) as client,
            pytest.raises(Unreachable) as refused,
        ):
            client.health()
        assert "ROTATION_VAULT_CA_FILE" in refused.value.what_to_do()


def test_ca_of_the_environment_is_ignored(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CA bundles named for requests in the environment neither help nor hurt."""
    settings = server.settings(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with VaultClient(settings) as client:
        assert client.health().serves


def test_missing_ca_file(server: Server, tmp_path: Path) -> None:
    """A CA file that is not there is refused before anything is sent."""
    settings = server.settings(tmp_path).model_copy(update={"ca_file": tmp_path / "none.pem"})
    with pytest.raises(InvalidInput, match="CA"):
        VaultClient(settings)
