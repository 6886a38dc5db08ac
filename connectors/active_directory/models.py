"""The nouns of Active Directory that the procedure needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from connectors.models import Presence


@dataclass(frozen=True, slots=True)
class AccountState:
    """What the directory says about one account, read by another identity."""

    dn: str
    username: str  # sAMAccountName
    upn: str | None
    enabled: bool
    locked: bool
    password_expired: bool
    must_change_password: bool
    account_expires: datetime | None  # None: never
    password_last_set: datetime | None  # None: must be changed first
    bad_password_count: int  # as this domain controller knows it
    read_from: str


@dataclass(frozen=True, slots=True)
class LockoutPolicy:
    """When this account locks. ``threshold`` 0 means never."""

    threshold: int
    window: timedelta
    duration: timedelta | None  # None: until an administrator unlocks it
    source: str  # "domain" or the DN of the password settings object
    certain: bool = True  # False: a password settings object applies that the reader may not read


class Right(StrEnum):
    """A documented least-privilege right of the connection account on a container."""

    CREATE_USER = "create users"
    RESET_PASSWORD = "reset passwords"
    WRITE_ATTRIBUTES = "write user attributes"
    DELETE_USER = "delete users"


@dataclass(frozen=True, slots=True)
class RightCheck:
    """One right on the users of one container, as predicted without modifying anything.

    ``on_user``: the right is on one user, whose DN ``container`` is.
    """

    right: Right
    presence: Presence
    container: str
    how: str  # what was read to tell, for the report
    account: str = ""  # the name that was signed in with
    on_user: bool = False


@dataclass(frozen=True, slots=True)
class DirectoryUser:
    """A test user as the directory shows it."""

    dn: str
    username: str
    upn: str | None
    description: str | None
    enabled: bool
    password_last_set: datetime | None
    created: datetime | None = None
