"""A directory for Vault's LDAP engine to change passwords in: the stand-in for Active Directory."""

from __future__ import annotations

import hashlib
import itertools
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority

CONTAINER = "OU=Service Accounts"
DOMAIN = "corp.example.test"


@dataclass
class Directory:
    """A running directory, and the one account in it that may reset passwords for Vault."""

    standin: StandIn
    ca_file: Path
    password: str = field(repr=False)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    @property
    def base_dn(self) -> str:
        """The DN of the domain."""
        base_dn: str = self.standin.endpoints["base_dn"]
        return base_dn

    @property
    def config(self) -> dict[str, Any]:
        """What the engine is told about this directory."""
        return {
            "schema": "ad",
            "url": self.standin.url,
            "certificate": self.ca_file.read_text(),
            "binddn": f"CN=vault-binder,{CONTAINER},{self.base_dn}",
            "bindpass": self.password,
            "userdn": self.base_dn,
            "connection_timeout": 5,
            "request_timeout": 5,
        }

    def account(self) -> str:
        """Add a user that no other test uses, and return its name."""
        name = f"svc-{next(self._numbers)}"
        self.standin.do(
            "add_user",
            username=name,
            password=f"Aa1!{secrets.token_urlsafe(24)}",
            container=CONTAINER,
            upn=upn(name),
        )
        return name

    def holds(self, name: str, password: str) -> bool:
        """Tell whether this very password is the user's current one."""
        proof = hashlib.sha256(password.encode()).hexdigest()
        found = self.standin.do("would_sign_in", username=name, password_sha256=proof)
        return bool(found["signs_in"] and found["match"] == "current")

    def changes(self, name: str) -> int:
        """Return how often the user's password has been set."""
        changes: int = self.standin.state()["users"][name]["password_version"]
        return changes


def upn(name: str) -> str:
    """Return the user principal name of a user."""
    return f"{name}@{DOMAIN}"


@contextmanager
def running(authority: Authority, new_password: Callable[[], str]) -> Iterator[Directory]:
    """Run a directory of the test session's own."""
    certificate, key = authority.issue("vault-directory")
    password = new_password()
    config = {
        "domain": DOMAIN,
        "netbios": "CORP",
        "administrator": {"username": "Administrator", "password": new_password()},
        "organizational_units": [CONTAINER],
        "users": [{"username": "vault-binder", "password": password, "container": CONTAINER}],
        "delegations": [
            {"trustee": "vault-binder", "container": CONTAINER, "rights": ["reset passwords"]}
        ],
        "tls": {"cert": str(certificate), "key": str(key)},
    }
    with StandIn.start("sandbox.active_directory", config) as standin:
        yield Directory(standin, authority.ca_file, password)
