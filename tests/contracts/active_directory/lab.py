"""One directory for the contract: stand-in or Samba, with the same seed and the same questions."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from connectors.active_directory.client import ActiveDirectoryClient
from connectors.active_directory.models import VALIDATION_RIGHTS, Right
from connectors.active_directory.session import Session
from connectors.active_directory.settings import DirectorySettings
from connectors.active_directory.transport import Transport
from connectors.models import Credential, SecretHandle
from connectors.secret import Secret
from sandbox.standin.process import StandIn
from tests.contracts.active_directory import delegated

HOME, VALIDATION, ELSEWHERE = "OU=Service Accounts", "OU=Validation", "OU=Elsewhere"
DOMAIN = "corp.example.test"
THRESHOLD = 6
_NUMBERS = itertools.count(1)

ALL = VALIDATION_RIGHTS
DELEGATIONS: Mapping[str, tuple[Right, ...]] = {
    "svc-full": ALL,
    "svc-create": (Right.CREATE_USER,),
    "svc-reset": (Right.RESET_PASSWORD,),
    "svc-write": (Right.WRITE_ATTRIBUTES,),
    "svc-delete": (Right.DELETE_USER,),
    "svc-two": (Right.RESET_PASSWORD, Right.WRITE_ATTRIBUTES),
    "svc-none": (),
}
PLAIN = (
    "reader", "svc-names", "svc-wrong", "svc-lock", "svc-budget", "svc-window", "svc-odd", "svc-old",
    "svc-once", "svc-target", "svc-lost", "svc-strict", "svc-operator", "svc-setter",
)  # fmt: skip

NAMES = ("Administrator", "svc-off", "svc-must", *PLAIN, *DELEGATIONS, *delegated.ACCOUNTS)


@dataclass
class Secrets:
    """A SecretSource in memory; the path is the username, or a name given to another credential."""

    passwords: dict[str, str]
    usernames: dict[str, str] = field(default_factory=dict)

    def credential(self, handle: SecretHandle) -> Credential:
        """Return the credential of a path."""
        name = self.usernames.get(handle.path, handle.path)
        return Credential(handle, name, Secret(self.passwords[handle.path]))

    def document(self, handle: SecretHandle) -> Mapping[str, Secret]:
        """Return the fields of a path."""
        return {"password": Secret(self.passwords[handle.path])}

    def put(self, path: str, username: str, password: str) -> SecretHandle:
        """Keep one more credential and return its handle."""
        self.passwords[path], self.usernames[path] = password, username
        return SecretHandle("kv", path, 1)


@dataclass(frozen=True)
class Lab:
    """The running directory and what is needed to ask it."""

    kind: str
    standin: StandIn
    secrets: Secrets
    settings: DirectorySettings

    @property
    def client(self) -> ActiveDirectoryClient:
        """A fresh client with the plain settings."""
        return self.client_with()

    def client_with(self, **changes: Any) -> ActiveDirectoryClient:
        """Return a fresh client with some settings changed."""
        settings = dataclasses.replace(self.settings, **changes)
        return ActiveDirectoryClient(settings, self.secrets)

    def handle(self, username: str) -> SecretHandle:
        """Return where an account's right password is."""
        return SecretHandle("kv", username, 1)

    def wrong(self, username: str, password: str) -> SecretHandle:
        """Return where a wrong password for an account is."""
        return self.secrets.put(f"wrong-{username}", username, password)

    def added(self, password: str, container: str = HOME) -> SecretHandle:
        """Add one account that no other test uses; return where its password is."""
        name = f"svc-own-{next(_NUMBERS)}"
        self.standin.do("add_user", username=name, password=password, container=container)
        return self.secrets.put(name, name, password)

    def setting_as(self, username: str = "svc-setter", **changes: Any) -> ActiveDirectoryClient:
        """Return a fresh client whose setter is this account."""
        return self.client_with(setter=self.handle(username), **changes)

    def dn_of(self, account: SecretHandle) -> str:
        """Return the DN of an account that was added."""
        return self.client.account_state(account.path).dn

    def last_set(self, account: SecretHandle) -> datetime | None:
        """Return when the password of an account that was added was set."""
        return self.client.account_state(account.path).password_last_set

    def dn(self, container: str) -> str:
        """Return the full DN of a container of the seed."""
        return f"{container},{self.settings.base_dn}"

    def expire_password(self, username: str) -> None:
        """Make an account's password older than the policy allows."""
        if self.kind == "samba":
            self.standin.do("age_password", username=username, days=100)
        else:
            self.standin.do("expire_password", username=username)

    def as_administrator(self) -> Session:
        """Return a session signed in as the administrator, to set a scene with."""
        session = next(Transport(self.settings).sessions("set scene"))
        credential = self.secrets.credential(self.handle("Administrator"))
        session.bind(credential, f"Administrator@{DOMAIN}", "set scene")
        return session

    def bad_passwords(self, username: str) -> int:
        """Return how many wrong passwords the directory has counted."""
        return self.client.account_state(username).bad_password_count


def seed(passwords: Mapping[str, str]) -> dict[str, Any]:
    """Return the part of the configuration that says what is in the domain."""

    def user(name: str, **state: bool) -> dict[str, Any]:
        return {"username": name, "password": passwords[name], "container": HOME, **state}

    return {
        "domain": DOMAIN,
        "netbios": "CORP",
        "administrator": {"username": "Administrator", "password": passwords["Administrator"]},
        "organizational_units": [HOME, VALIDATION, ELSEWHERE, *delegated.UNITS],
        "users": [
            *(user(name) for name in (*PLAIN, *DELEGATIONS, *delegated.ACCOUNTS)),
            user("svc-off", enabled=False),
            user("svc-must", must_change=True),
        ],
        "delegations": [
            {"trustee": name, "container": VALIDATION, "rights": [right.value for right in rights]}
            for name, rights in DELEGATIONS.items()
            if rights
        ]
        + [
            {"trustee": "svc-none", "container": ELSEWHERE, "rights": [r.value for r in ALL]},
            {"trustee": "svc-setter", "container": HOME, "rights": [Right.RESET_PASSWORD.value]},
        ],
        "groups": delegated.GROUPS,
        "access_entries": delegated.ENTRIES,
        "lockout_threshold": THRESHOLD,
        "lockout_window": 600,
        "lockout_duration": 600,
        "min_password_length": 7,
    }


def settings_of(standin: StandIn, ca_file: Path) -> DirectorySettings:
    """Return the connector's settings for a running directory."""
    return DirectorySettings(
        name="corp",
        base_dn=standin.endpoints["base_dn"],
        controllers=(standin.url,),
        reader=SecretHandle("kv", "reader", 1),
        ca_file=ca_file,
    )
