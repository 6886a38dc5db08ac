"""What is written down while the world of the saga goes on: everything that must never happen, when it happens."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from tests.laws.saga.timing import WorldTime

GRACE = timedelta(hours=24)
MOST_WRONG_AN_HOUR = 3
"""Different wrong passwords that runs may try on an account of a tenant."""


class By(StrEnum):
    """Who set a password."""

    SEED = "the beginning"
    ROTATION = "a rotation"
    NOBODY = "a retirement"  # a random one that nobody keeps
    PERSON = "a person"


@dataclass(frozen=True)
class Held:
    """A password that a directory holds."""

    value: str
    by: By
    at: datetime


@dataclass
class Watch:
    """The broken promises so far, in order, and what is needed to see them."""

    time: WorldTime
    broken: list[str] = field(default_factory=list)
    values: dict[str, set[str]] = field(default_factory=dict)
    """What was set in a directory, by rotation id."""
    in_use: str = ""
    relieved_at: dict[str, datetime] = field(default_factory=dict)
    """When consumers were given the other account instead of this one."""
    probes: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)
    """The wrong passwords of the last hour, by account."""
    left_at: dict[str, datetime] = field(default_factory=dict)
    """When the console stopped holding an account."""
    consumers_read: str = ""
    set_late: bool = False
    """Whether a call on its way set a password late: after another run's, or minutes after it was announced.

    That looks like somebody else's change; a person must say that it may be overwritten.
    """
    worst: int = 0
    """The most wrong passwords that an account had at one moment."""

    def breaks(self, what: str) -> None:
        """Write down a broken promise."""
        self.broken.append(f"{self.time.utc():%d %H:%M:%S}: {what}")

    def counted(self, account: str, bad: int, most: int) -> None:
        """Hear that a wrong password was counted on an account."""
        self.worst = max(self.worst, bad)
        if bad > most:
            self.breaks(f"{account} has {bad} wrong passwords, and {most} are allowed")

    def promoted(self, before: str, now: str) -> None:
        """Hear whose credential consumers are about to read instead of whose."""
        if before != now:
            self.relieved_at[before] = self.time.utc()

    def probed(self, account: str, wrong: str) -> None:
        """Hear that a run tried a wrong password on an account of a tenant."""
        now = self.time.utc()
        tried = [*self.probes.get(account, []), (now, wrong)]
        self.probes[account] = [it for it in tried if now - it[0] < timedelta(hours=1)]
        different = {value for _, value in self.probes[account]}
        if len(different) > MOST_WRONG_AN_HOUR:
            self.breaks(f"{len(different)} wrong passwords were tried on {account} in an hour")

    def set(self, rotation: str, account: str, value: str) -> None:
        """Hear that a rotation's password was set in a directory."""
        relieved = self.relieved_at.get(account)
        if rotation not in self.values and relieved and self.time.utc() - relieved < GRACE:
            self.breaks(f"{account} was changed before its grace period was over")
        found = self.values.setdefault(rotation, set())
        found.add(value)
        if len(found) > 1:
            self.breaks(f"rotation {rotation} has set {len(found)} passwords")

    def scrambled(self, account: str) -> None:
        """Hear that an account is about to be retired."""
        if account in (self.in_use, self.consumers_read):
            self.breaks(f"{account} is in use, and was retired")
        left = self.left_at.get(account)
        if left is None or self.time.utc() - left < GRACE:
            self.breaks(f"{account} was retired before its grace period was over (left {left})")

    def uses(self, account: str) -> None:
        """Hear which account the console holds now."""
        if account != self.in_use:
            self.left_at[self.in_use] = self.time.utc()
        self.in_use = account

    def invent(self) -> str:
        """Return a random password that is kept nowhere else."""
        return secrets.token_hex(16)
