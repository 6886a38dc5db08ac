"""Nobody is spoken to but over verified TLS: not a stranger, not another name, not an expired certificate."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest

from connectors.active_directory.client import ActiveDirectoryClient
from connectors.active_directory.settings import DirectorySettings
from connectors.cayosoft.bridge import BridgeConsole
from connectors.cayosoft.settings import BridgeSettings
from connectors.entra.client import EntraClient
from connectors.entra.settings import AppIdentity, CredentialKind, TenantSettings
from connectors.errors import InvalidInput, Unreachable
from connectors.models import SecretHandle
from connectors.vault.client import VaultClient
from connectors.vault.settings import VaultSettings
from sandbox.standin.tls import Authority
from tests.contracts.active_directory.lab import Secrets
from tests.unit.entra.support import PROBE, TENANT, VERIFIER, FakeVault

ACCOUNT = SecretHandle("kv", "account", 1)


@dataclass
class Eavesdropper:
    """A server with a certificate of somebody's choice that keeps whatever it is told."""

    certificate: tuple[Path, Path]
    host: str = "127.0.0.1"
    heard: list[bytes] = field(default_factory=list)
    met: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*self.certificate)
        self._server = socket.create_server((self.host, 0))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.getsockname()[1])

    def _listen(self) -> None:
        while True:
            try:
                raw, _ = self._server.accept()
            except OSError:
                return
            self.met.set()
            raw.settimeout(5)
            with (
                contextlib.suppress(OSError),
                raw,
                self._context.wrap_socket(raw, server_side=True) as told,
            ):
                if data := told.recv(65536):
                    self.heard.append(data)


def _vault(address: str, ca_file: Path, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text("s.a-token-that-nobody-may-hear")
    settings = VaultSettings(addr=address, ca_file=ca_file, auth="token", token_file=token)  # type: ignore[arg-type]
    with VaultClient(settings) as client:
        client.credential(ACCOUNT)


def _directory(address: str, ca_file: Path, _: Path) -> None:
    settings = DirectorySettings(
        name="corp",
        base_dn="DC=corp,DC=example,DC=test",
        controllers=(address.replace("https:", "ldaps:").replace("http:", "ldap:"),),
        reader=ACCOUNT,
        ca_file=ca_file,
    )
    secrets = Secrets({"account": "a password that nobody may hear"})
    ActiveDirectoryClient(settings, secrets).sign_in(ACCOUNT)


def _tenant(address: str, ca_file: Path, _: Path) -> None:
    settings = TenantSettings(
        name="north",
        tenant_id=TENANT,
        domain="corp.example.test",
        authority=address,
        graph=f"{address}/v1.0",
        ca_file=ca_file,
        verifier=AppIdentity(VERIFIER, ACCOUNT, CredentialKind.SECRET),
        probe_client_id=PROBE,
    )
    vault = FakeVault()
    vault.put(
        ACCOUNT, client_secret="a secret that nobody may hear", username="a@b", password="P-1"
    )
    with EntraClient(settings, vault) as client:
        problems = []
        for act in (client.check, lambda: client.probe_password(ACCOUNT)):
            try:
                act()
            except Unreachable as error:
                problems.append(error)
        assert len(problems) == 2
    raise problems[0]


def _console(address: str, ca_file: Path, _: Path) -> None:
    vault = FakeVault()
    vault.put(ACCOUNT, client_id="bridge", client_secret="a secret that nobody may hear")
    console = BridgeConsole(BridgeSettings(url=address, ca_file=ca_file, client=ACCOUNT), vault)
    try:
        console.sign_in()
    finally:
        console.close()


Connect = Callable[[str, Path, Path], None]
CONNECTORS: dict[str, Connect] = {
    "vault": _vault, "directory": _directory, "tenant": _tenant, "console": _console,
}  # fmt: skip


@pytest.fixture(params=CONNECTORS)
def connect(request: pytest.FixtureRequest) -> Connect:
    """Return each connector's way to say its first secret."""
    return CONNECTORS[request.param]


@pytest.fixture(params=["another authority", "another name", "expired"])
def bad(
    request: pytest.FixtureRequest, authority: Authority, tmp_path: Path
) -> Iterator[tuple[str, Eavesdropper]]:
    """Start a server that may not be trusted; return its address too."""
    host, issuer, days = "127.0.0.1", authority, 2
    if request.param == "another authority":
        issuer = Authority.create(tmp_path / "stranger")
    elif request.param == "another name":
        host = "127.0.0.2"
    else:
        days = -1
    certificate = issuer.issue(f"law-{request.param.replace(' ', '-')}", days=days)
    with Eavesdropper(certificate, host) as server:
        yield f"https://{host}:{server.port}", server


def test_an_untrusted_server_hears_nothing(
    connect: Connect, bad: tuple[str, Eavesdropper], authority: Authority, tmp_path: Path
) -> None:
    """Each connector turns away from a certificate that does not verify, before it has said a word."""
    address, server = bad

    with pytest.raises(Unreachable):
        connect(address, authority.ca_file, tmp_path)

    assert server.met.is_set()
    assert server.heard == []


def test_a_trusted_server_is_spoken_to(
    connect: Connect, authority: Authority, tmp_path: Path
) -> None:
    """The same server with a good certificate hears each of them: the law above can fail."""
    with Eavesdropper(authority.issue("law-good")) as server:
        with contextlib.suppress(Exception):
            connect(f"https://127.0.0.1:{server.port}", authority.ca_file, tmp_path)

        assert server.heard


@pytest.mark.parametrize("host", ["vault.example.test", "10.0.0.1"])
def test_plain_addresses_are_refused(
    connect: Connect, authority: Authority, tmp_path: Path, host: str
) -> None:
    """An http or ldap address is refused when the settings are read."""
    with pytest.raises(InvalidInput):
        connect(f"http://{host}:8200", authority.ca_file, tmp_path)


@pytest.mark.parametrize("name", ["_directory", "_tenant", "_console"])
def test_plain_loopback_is_refused_too(name: str, authority: Authority, tmp_path: Path) -> None:
    """Only Vault may be a plain server on this very machine, where nobody else listens."""
    act: Any = globals()[name]

    with pytest.raises(InvalidInput):
        act("http://127.0.0.1:8200", authority.ca_file, tmp_path)


def test_no_code_turns_verification_off() -> None:
    """No file of the product names a way to skip verification."""
    root = Path(__file__).parents[2]
    words = ("CERT_NONE", "verify=False", "_create_unverified_context", "check_hostname = False")
    found = [
        f"{path.relative_to(root)}: {word}"
        for room in ("connectors", "inventory", "report", "tasks", "flows", "intake", "cli")
        for path in (root / room).rglob("*.py")
        for word in words
        if word in path.read_text()
    ]

    assert found == []
