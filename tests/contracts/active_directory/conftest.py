"""The two directories that must keep the same promises."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connectors.models import SecretHandle
from sandbox import samba
from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority
from tests.contracts.active_directory.lab import NAMES, Lab, Secrets, seed, settings_of


@pytest.fixture(
    scope="session",
    params=["active_directory", pytest.param("samba", marks=pytest.mark.samba)],
)
def lab(
    request: pytest.FixtureRequest,
    authority: Authority,
    new_password: Callable[[], str],
    tmp_path_factory: pytest.TempPathFactory,
    samba_golden: Path,
) -> Iterator[Lab]:
    """Start one directory for the session; Samba only where it is installed."""
    kind: str = request.param
    if kind == "samba" and (missing := samba.available()):
        pytest.skip(f"samba: {missing}")
    secrets = Secrets({name: new_password() for name in NAMES})
    certificate, key = authority.issue(f"dc-{kind}", "dc1.corp.example.test")
    config = {
        **seed(secrets.passwords),
        "port": 0,
        "tls": {"cert": str(certificate), "key": str(key)},
        "ca_file": str(authority.ca_file),
        "golden": str(samba_golden),
    }
    log = tmp_path_factory.mktemp("directory") / "log"
    with StandIn.start(f"sandbox.{kind}", config, log) as standin:
        yield Lab(kind, standin, secrets, settings_of(standin, authority.ca_file))


@pytest.fixture
def closed() -> str:
    """Return the URL of a port where nobody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return f"ldaps://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def account(lab: Lab, new_password: Callable[[], str]) -> SecretHandle:
    """Return where the password of an account is that no other test uses."""
    return lab.added(new_password())


@pytest.fixture
def new(lab: Lab, account: SecretHandle, new_password: Callable[[], str]) -> SecretHandle:
    """Return where the new password of that account is."""
    return lab.secrets.put(f"new-{account.path}", account.path, new_password())
