"""Static roles to test with: a fresh account in the directory, and a role of Vault's for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connectors.models import Credential, Engine, SecretHandle
from tests.contracts.vault.server import Server
from tests.sandbox.vault.directory import Directory, upn

MOUNT = "ldap"


@dataclass
class Roles:
    """The LDAP secrets engine of one server, mounted and told about the directory."""

    server: Server
    directory: Directory

    def __post_init__(self) -> None:
        if f"{MOUNT}/" not in self.server.admin("GET", "sys/mounts")["data"]:
            self.server.admin("POST", f"sys/mounts/{MOUNT}", {"type": "ldap"})
            self.server.admin("POST", f"{MOUNT}/config", self.directory.config)

    def make(self, prefix: str = "", **settings: Any) -> SecretHandle:
        """Make an account and its role, which rotates it at once unless told otherwise."""
        name = self.directory.account()
        body = {"username": upn(name), "rotation_period": "24h", **settings}
        role = SecretHandle(MOUNT, f"{prefix}{name}", engine=Engine.LDAP)
        self.server.admin("POST", f"{MOUNT}/static-role/{role.path}", body)
        return role

    def account(self, role: SecretHandle) -> str:
        """Return the name of the account of a role."""
        return role.path[role.path.index("svc-") :]

    def signs_in(self, role: SecretHandle, credential: Credential) -> bool:
        """Tell whether this is the account's current password, of this very account."""
        name = self.account(role)
        password = credential.password.reveal()
        return credential.username == upn(name) and self.directory.holds(name, password)

    def changes(self, role: SecretHandle) -> int:
        """Return how often the account's password has been set."""
        return self.directory.changes(self.account(role))
