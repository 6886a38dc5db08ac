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
    bad_password_at: datetime | None = (
        None  # the last wrong password that this controller was shown
    )
    signed_in_at: datetime | None = None  # the last sign-in on this controller


@dataclass(frozen=True, slots=True)
class LockoutPolicy:
    """When this account locks. ``threshold`` 0 means never."""

    threshold: int
    window: timedelta
    duration: timedelta | None  # None: until an administrator unlocks it
    source: str  # "domain" or the DN of the password settings object
    certain: bool = True  # False: a password settings object applies that the reader may not read


@dataclass(frozen=True, slots=True)
class ControllerFacts:
    """What a domain controller tells a stranger about itself. Times are UTC."""

    where: str
    clock: datetime | None  # None: it does not say
    naming_context: str | None  # the head of its domain


class Right(StrEnum):
    """A right of the connection account: validation needs the first four, the vendor documents the others."""

    CREATE_USER = "create users"
    RESET_PASSWORD = "reset passwords"
    WRITE_ATTRIBUTES = "write user attributes"
    DELETE_USER = "delete users"
    MANAGE_USER = "write every user attribute"
    FORCE_CHANGE = "force a password change"
    READ_USER = "read all user information"
    CHANGE_MEMBERS = "change group members"
    CREATE_CONTACT = "create contacts"
    DELETE_CONTACT = "delete contacts"
    CREATE_GROUP = "create groups"
    DELETE_GROUP = "delete groups"
    CREATE_COMPUTER = "create computers"
    DELETE_COMPUTER = "delete computers"
    READ_EVERYTHING = "read everything"


VALIDATION_RIGHTS = (
    Right.CREATE_USER, Right.RESET_PASSWORD, Right.WRITE_ATTRIBUTES, Right.DELETE_USER,
)  # fmt: skip
"""What steps V1-V4 do in the validation OU."""

DOCUMENTED_RIGHTS = tuple(right for right in Right if right is not Right.WRITE_ATTRIBUTES)
"""What the vendor's two delegations give in each managed domain, as far as its article could be read."""


@dataclass(frozen=True, slots=True)
class Denial:
    """The entry that denies a right. One that is inherited is outweighed by a grant on the container."""

    trustee: str
    inherited: bool
    of_children: bool = (
        False  # deleting as a child of the container; on the object itself it is not denied
    )


@dataclass(frozen=True, slots=True)
class RightCheck:
    """One right on the objects of one container, as predicted without modifying anything.

    ``on_user``: the right is on one user, whose DN ``container`` is. ``managed``: it is one that the vendor
    documents for a managed domain, and stands for the containers below as well.
    """

    right: Right
    presence: Presence
    container: str
    how: str  # what was read to tell, for the report
    account: str = ""  # the name that was signed in with
    on_user: bool = False
    managed: bool = False
    denial: Denial | None = None


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
