"""The nouns that every room shares. Each connector keeps its own beside its client."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from connectors.secret import Secret


class Extension(StrEnum):
    """A connected system extension of Cayosoft Administrator that holds a connection account."""

    ACTIVE_DIRECTORY = "active_directory"
    MICROSOFT_365 = "microsoft_365"


class Engine(StrEnum):
    """The kind of secrets engine that a secret lives in."""

    KV = "kv"
    LDAP = "ldap"


@dataclass(frozen=True, slots=True)
class SecretHandle:
    """Where a secret is: mount, path and version. Never what it is.

    ``version`` None means the latest at the moment of reading. With the LDAP engine ``path`` is the name
    of a static role, and a version is the moment of its last rotation, in milliseconds since 1970.
    """

    mount: str
    path: str
    version: int | None = None
    engine: Engine = Engine.KV

    def at(self, version: int) -> SecretHandle:
        """Name one version of the same secret."""
        return replace(self, version=version)

    def __str__(self) -> str:
        return f"{self.mount}/{self.path}#{'latest' if self.version is None else self.version}"


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """One version of a secret, without its value."""

    handle: SecretHandle
    created: datetime
    readable: bool  # False once deleted or destroyed

    @property
    def label(self) -> str:
        """Name this version uniquely in time: numbering restarts when metadata is deleted."""
        return f"{self.handle}@{self.created.isoformat(timespec='milliseconds')}"


@dataclass(frozen=True, slots=True)
class Credential:
    """A username and password as read from Vault, with the version they came from."""

    handle: SecretHandle
    username: str
    password: Secret


@dataclass(frozen=True, slots=True)
class SignIn:
    """Proof that an account signed in: as whom, where and when (UTC)."""

    account: str
    where: str
    at: datetime


class Presence(StrEnum):
    """Whether a right or permission is there; ``UNTOLD`` when this identity may not read it."""

    PRESENT = "present"
    MISSING = "missing"
    UNTOLD = "could not be told"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong, and what a person does about it."""

    code: str  # stable and greppable, such as "consent.permission-missing"
    subject: str  # the account, permission or row that it is about
    detail: str
    advice: str

    def what_to_do(self) -> str:
        """Say what a person does about it, with the exact next command where there is one."""
        return self.advice
