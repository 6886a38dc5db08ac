"""A Vault to test against: the stand-in, or a real bao or vault in development mode."""

from __future__ import annotations

import secrets
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.vault.settings import VaultSettings
from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority
from tests.ports import lasting_port
from tests.waiting import eventually

MOUNT = "secret"  # the KV v2 mount that every development server starts with
ROLE = "rotation"
POLICY = """
path "secret/data/apps/*" { capabilities = ["create", "update", "read"] }
path "secret/metadata/apps/*" { capabilities = ["read"] }
path "secret/data/rotation/*" { capabilities = ["create", "update", "read"] }
path "secret/metadata/rotation/*" { capabilities = ["read", "delete"] }
path "sys/policies/password/rotation/generate" { capabilities = ["read"] }
path "ldap/static-role/*" { capabilities = ["read"] }
path "ldap/static-cred/*" { capabilities = ["read"] }
path "ldap/rotate-role/*" { capabilities = ["update"] }
path "ldap/static-cred/denied-*" { capabilities = ["deny"] }
path "ldap/rotate-role/denied-*" { capabilities = ["deny"] }
path "absent/*" { capabilities = ["read", "delete"] }
path "secret/data/approvals/+/+" { capabilities = ["read"] }
path "secret/metadata/approvals/*" { capabilities = ["list", "read"] }
path "secret/elsewhere/*" { capabilities = ["read"] }
"""
PASSWORD_POLICY = 'length = 24\nrule "charset" { charset = "abcdefghijklmnopqrstuvwxyz0123456789" }'


BINARY = shutil.which("bao") or shutil.which("vault")
ABSENT = "no bao or vault on PATH: the Vault contracts ran on the stand-in only"
KINDS = [
    "stand-in",
    pytest.param(
        "openbao",
        marks=[pytest.mark.openbao, *([] if BINARY else [pytest.mark.skip(reason=ABSENT)])],
    ),
]


@dataclass
class Server:
    """One running Vault with the role, the policies and the mounts of the suite."""

    url: str
    ca_file: Path
    root: str
    stand_in: StandIn | None = None

    def __post_init__(self) -> None:
        self._admin = httpx.Client(
            base_url=f"{self.url}/v1/",
            headers={"X-Vault-Token": self.root},
            verify=self.trust(),
            trust_env=False,
        )

    def trust(self) -> ssl.SSLContext:
        """Return what tells that it is this server."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def admin(
        self, method: str, path: str, body: Any = None, wrap: str | None = None
    ) -> dict[str, Any]:
        """Call Vault's API as its administrator."""
        headers = {"X-Vault-Wrap-TTL": wrap} if wrap else {}
        answer = self._admin.request(method, path, json=body, headers=headers)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def prepare(self) -> None:
        """Write the role and the policies of the suite."""
        self.admin("PUT", "sys/policies/acl/rotation", {"policy": POLICY})
        self.admin("PUT", "sys/policies/password/rotation", {"policy": PASSWORD_POLICY})
        self.admin("POST", "sys/auth/approle", {"type": "approle"})
        role = {"token_policies": "rotation", "token_ttl": "1h"}
        self.admin("POST", f"auth/approle/role/{ROLE}", role)

    def role_id(self) -> str:
        """Return the RoleID of the suite's role."""
        role_id: str = self.admin("GET", f"auth/approle/role/{ROLE}/role-id")["data"]["role_id"]
        return role_id

    def secret_id(self) -> str:
        """Make a SecretID of the suite's role."""
        made = self.admin("POST", f"auth/approle/role/{ROLE}/secret-id", {})
        secret_id: str = made["data"]["secret_id"]
        return secret_id

    def alive(self, token: str) -> bool:
        """Tell whether a token still signs in."""
        try:
            self.admin("POST", "auth/token/lookup", {"token": token})
        except httpx.HTTPStatusError:
            return False
        return True

    def settings(self, folder: Path, **changes: Any) -> VaultSettings:
        """Return settings that sign in with a new SecretID."""
        return VaultSettings(
            addr=self.url,
            ca_file=self.ca_file,
            **{
                "role_id": self.role_id(),
                "secret_id_file": private_file(folder / "secret-id", self.secret_id()),
                "stale_read_patience": 0.3,
                **changes,
            },
        )

    def close(self) -> None:
        """Close the administrator's connection."""
        self._admin.close()


def private_file(path: Path, content: str) -> Path:
    """Write a file that only its owner can read."""
    path.touch(mode=0o600)
    path.write_text(content)
    return path


@contextmanager
def stand_in(authority: Authority) -> Iterator[Server]:
    """Run the stand-in."""
    certificate, key = authority.issue("vault")
    root = secrets.token_urlsafe()
    config = {"root_token": root, "tls": {"cert": str(certificate), "key": str(key)}}
    with StandIn.start("sandbox.vault", config) as process:
        server = Server(process.url, authority.ca_file, root, process)
        server.prepare()
        yield server
        server.close()


@contextmanager
def real(folder: Path) -> Iterator[Server]:
    """Run a real server in development mode with TLS."""
    assert BINARY, ABSENT
    port = lasting_port()
    root = secrets.token_urlsafe()
    command = [
        BINARY, "server", "-dev", "-dev-tls", f"-dev-tls-cert-dir={folder}", "-dev-no-store-token",
        f"-dev-root-token-id={root}", f"-dev-listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={"HOME": str(folder)})
    try:
        ca_file = folder / "vault-ca.pem"
        _wait_until_ready(f"https://127.0.0.1:{port}/v1/sys/health", ca_file, process)
        server = Server(f"https://127.0.0.1:{port}", ca_file, root)
        server.prepare()
        yield server
        server.close()
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_ready(url: str, ca_file: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            context = ssl.create_default_context(cafile=str(ca_file))
            if httpx.get(url, verify=context, trust_env=False).is_success:
                return
        except (OSError, httpx.HTTPError):
            time.sleep(0.05)  # polling a process that is starting
    raise AssertionError("the real server did not start")


def delayed_write(faults: StandIn) -> str:
    """Wait until the write that was delayed has arrived, and return how it was answered."""

    def answers() -> list[str]:
        return [call["outcome"] for call in faults.calls("kv.write") if call["fault"] == "delay"]

    return eventually(answers, bool)[0]
