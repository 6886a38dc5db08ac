"""Password checks with smart lockout: counters, memory of wrong passwords, growing locks."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Any

from sandbox.entra.errors import SignInRefused, bad_request
from sandbox.entra.records import Record
from sandbox.standin.control import Control

_MEMORY = 3
# These are decided before the password is looked at; every other outcome needs the right password.
BEFORE_PASSWORD = frozenset({50034, 50053, 50056, 50057, 50196, 90033})


def hashed(password: str, salt: str | None = None) -> str:
    """Return a salted hash of a password; fast on purpose, these passwords live for minutes."""
    salt = salt or secrets.token_hex(8)
    return f"{salt}${hashlib.sha256(f'{salt}{password}'.encode()).hexdigest()}"


def matches(password: str, stored: str | None) -> bool:
    """Compare a password with a stored hash."""
    if not stored:
        return False
    return hmac.compare_digest(hashed(password, stored.split("$")[0]), stored)


def check_policy(password: object) -> str:
    """Return the password, or raise Graph's refusal: 8 to 256 characters, three of four classes."""
    text = password if isinstance(password, str) else ""
    classes = (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum())
    kinds = sum(any(kind(character) for character in text) for kind in classes)
    if not 8 <= len(text) <= 256 or kinds < 3:
        raise bad_request(
            "The specified password does not comply with password complexity requirements. "
            "Please provide a different password."
        )
    return text


@dataclass
class Counter:
    """What smart lockout knows about one user. ``attempts`` and ``wrong`` are only for the tests."""

    attempts: int = 0
    wrong: int = 0
    failures: int = 0
    locks: int = 0
    locked_until: float = 0.0
    remembered: list[str] = field(default_factory=list)


@dataclass
class Outcome:
    """What a user's next sign-ins end with; ``times`` 0 means until it is set again."""

    code: int
    times: int = 0


class Passwords:
    """The password gate of the tenant, one counter per user id."""

    def __init__(self, control: Control, threshold: int = 10, seconds: float = 60) -> None:
        self._control = control
        self.threshold, self.seconds = threshold, seconds
        self.pass_through = False
        self._counters: dict[str, Counter] = {}
        self.outcomes: dict[str, Outcome] = {}

    def counter(self, user_id: str) -> Counter:
        """Return a user's counter."""
        return self._counters.setdefault(user_id, Counter())

    def locked(self, user_id: str) -> bool:
        """Say whether smart lockout holds the user now."""
        return self.counter(user_id).locked_until > self._control.now()

    def forgive(self, user_id: str) -> None:
        """Clear lock, failures and memory, as an administrator's reset does; attempts stay counted."""
        before = self.counter(user_id)
        self._counters[user_id] = Counter(before.attempts, before.wrong)

    def check(self, user: Record, password: str, *, person: bool = False) -> None:
        """Raise SignInRefused unless the user may sign in with this password.

        ``person``: somebody sits at a browser, so a second factor can be given.
        """
        counter = self.counter(user["id"])
        counter.attempts += 1
        forced = self._forced(user)
        if self.locked(user["id"]):
            raise SignInRefused(50053)
        if forced in BEFORE_PASSWORD:
            raise SignInRefused(forced)
        # NOTE: sources disagree whether a disabled account tells about its password; here it does not.
        if not user["accountEnabled"]:
            raise SignInRefused(50057)
        if forced == 50126 or not matches(password, user["_password"]):
            self._count_wrong(user["id"], password)
            raise SignInRefused(50126)
        counter.failures, counter.locks, counter.locked_until = 0, 0, 0.0
        if user["_must_change"]:
            raise SignInRefused(50055)
        if forced and not (person and forced in (50076, 50079, 50158)):
            raise SignInRefused(forced)
        if user["_mfa"] and not person:
            raise SignInRefused(50076)

    def _forced(self, user: Record) -> int:
        outcome = self.outcomes.get(user["id"])
        if outcome is None:
            return 0
        if outcome.times == 1:
            del self.outcomes[user["id"]]
        outcome.times -= outcome.times > 0
        return outcome.code

    def _count_wrong(self, user_id: str, password: str) -> None:
        counter = self.counter(user_id)
        counter.wrong += 1
        if not self.pass_through:
            if any(matches(password, known) for known in counter.remembered):
                return
            counter.remembered = [*counter.remembered, hashed(password)][-_MEMORY:]
        counter.failures += 1
        # After a lock has passed, the first new failure locks again, and for longer.
        if counter.failures >= self.threshold or counter.locks:
            counter.locked_until = self._control.now() + self.seconds * 2**counter.locks
            counter.locks += 1

    def view(self, user_id: str) -> dict[str, Any]:
        """Return the counters for the state view."""
        counter = self.counter(user_id)
        return {
            "attempts": counter.attempts,
            "wrong": counter.wrong,
            "failures": counter.failures,
            "locks": counter.locks,
            "locked": self.locked(user_id),
        }
