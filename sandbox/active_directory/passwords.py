"""Passwords: what AD remembers of them, which one signs in, what the policy demands of a new one.

Only digests are kept. A domain controller keeps an unsalted hash too; this one is SHA-256 of the UTF-8
form, so that a test can ask about a password by its digest.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass, field
from enum import Enum

from sandbox.active_directory.results import CONSTRAINT_VIOLATION, UNWILLING, Refusal

POLICY, WRONG_OLD, NOT_QUOTED, LOCKED_OUT = "0000052D", "00000056", "00002035", "00000775"
FOREVER = -0x8000000000000000
_TICKS = 10_000_000


class Match(Enum):
    """How a password relates to what the account has had."""

    CURRENT = "current"
    PREVIOUS = "previous"  # n-1, still accepted
    OLDER = "older"  # n-1 too late, or n-2: refused, not counted
    NONE = "none"


@dataclass(frozen=True)
class Version:
    """One password that was set. ``origin``: the replica that took it, None for every one at once."""

    number: int
    digest: bytes
    at: float
    origin: int | None


@dataclass
class Credentials:
    """The passwords of one account, oldest first."""

    versions: list[Version] = field(default_factory=list)

    def set(self, password: str, at: float, origin: int | None) -> None:
        """Make ``password`` the newest."""
        number = self.versions[-1].number + 1 if self.versions else 1
        self.versions.append(Version(number, digest(password), at, origin))

    def seen(self, replica: int, now: float, lag: float) -> list[Version]:
        """Return the passwords that have reached one replica."""
        return [
            version
            for version in self.versions
            if version.origin in (None, replica) or version.at + lag <= now
        ]


@dataclass(frozen=True)
class Policy:
    """The password and lockout policy in force for one account. Times in seconds."""

    threshold: int
    window: float
    duration: float | None  # None: until somebody unlocks
    maximum_age: float | None  # None: passwords do not expire
    minimum_age: float
    minimum_length: int
    history: int
    complexity: bool


def digest(password: str) -> bytes:
    """Return what is kept of a password."""
    return hashlib.sha256(password.encode()).digest()


def span(ticks: int) -> float | None:
    """Turn AD's negative 100 ns into seconds; None for never."""
    return None if ticks in (0, FOREVER) else -ticks / _TICKS


def ticks(seconds: float | None) -> int:
    """Turn seconds into AD's negative 100 ns; None and 0 mean never."""
    return FOREVER if not seconds else -int(seconds * _TICKS)


def match(versions: list[Version], proof: bytes, now: float, grace: float) -> Match:
    """Find out which password a digest is; ``grace`` is how long n-1 lives, in seconds."""
    same = [hmac.compare_digest(version.digest, proof) for version in versions[-3:]][::-1]
    if same and same[0]:
        return Match.CURRENT
    if same[1:2] == [True]:
        return Match.PREVIOUS if now < versions[-1].at + grace else Match.OLDER
    return Match.OLDER if same[2:3] == [True] else Match.NONE


def unquote(raw: bytes) -> str:
    """Read a value of unicodePwd: the password in double quotes, as UTF-16."""
    try:
        text = raw.decode("utf-16-le")
    except UnicodeDecodeError:
        text = ""
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        raise Refusal(UNWILLING, NOT_QUOTED, "SvcErr: unicodePwd is not a quoted UTF-16 text")
    return text[1:-1]


def _broken(why: str) -> Refusal:
    text = f"Constraint violation - check_password_restrictions: {why}"
    return Refusal(CONSTRAINT_VIOLATION, POLICY, text)


def demand_quality(password: str, policy: Policy, account: str, display_name: str | None) -> None:
    """Raise result 19 unless a new password has the length and the complexity that policy wants."""
    if len(password) < policy.minimum_length:
        raise _broken(f"the password is shorter than {policy.minimum_length} characters")
    if not policy.complexity:
        return
    if sum(any(kind(char) for char in password) for kind in _KINDS) < 3:
        raise _broken("the password is not complex enough")
    low = password.casefold()
    tokens = re.split(r"[,.\-_ #\t]+", display_name or "")
    if any(len(word) >= 3 and word.casefold() in low for word in (account, *tokens)):
        raise _broken("the password contains the name of the account")


_KINDS = (
    str.isupper,
    str.islower,
    str.isdigit,
    lambda char: char.isascii() and not char.isalnum(),
    lambda char: (
        not char.isascii() and unicodedata.category(char) in ("Lo", "Lm", "Lt", "So", "Cs")
    ),
)


def demand_change(versions: list[Version], old: str, new: str, policy: Policy, now: float) -> None:
    """Raise result 19 unless a user may change ``old`` to ``new`` now; quality is asked elsewhere."""
    current = versions[-1] if versions else None
    if current is None or not hmac.compare_digest(current.digest, digest(old)):
        raise Refusal(CONSTRAINT_VIOLATION, WRONG_OLD, "AtrErr: the old password is not right")
    if policy.minimum_age and now < current.at + policy.minimum_age:
        raise _broken("the password is too young to change")
    if policy.history and digest(new) in [one.digest for one in versions[-policy.history :]]:
        raise _broken("the password was used before")
