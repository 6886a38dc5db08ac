"""How many more times an account may be tried before it could lock (DESIGN section 5, rule 7)."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

from connectors.entra.models import ProbeVerdict
from connectors.entra.settings import SYSTEM
from connectors.errors import BudgetSpent

SPACING = 60.0  # seconds; smart lockout's first lock lasts as long

_SPACED = {ProbeVerdict.INVALID, ProbeVerdict.UNKNOWN, ProbeVerdict.LOCKED}


class ProbeBudget:
    """Count the attempts that proved nothing, per account. Thread-safe; kept in memory only.

    An attempt is counted before it is made. One that proved the password is given back: the directory
    does not count it either. After a wrong or unknown answer the next attempt waits a minute; after
    a lockout there is no next one.
    """

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._clock = clock
        self._taken: dict[str, int] = {}
        self._not_before: dict[str, float] = {}
        self._lock = threading.Lock()

    def take(self, account: str) -> None:
        """Count one attempt; raise BudgetSpent, counting nothing, when there is none left now."""
        key = account.casefold()
        with self._lock:
            if self._taken.get(key, 0) >= self._limit:
                raise BudgetSpent(
                    SYSTEM,
                    "probe password",
                    account=account,
                    limit=self._limit,
                    advice="Find out why the sign-ins failed before another one is tried: Entra admin "
                    "centre > Users > the account > Sign-in logs. A new run has a new budget.",
                )
            wait = self._not_before.get(key, -math.inf) - self._clock()
            if wait > 0:
                raise BudgetSpent(
                    SYSTEM,
                    "probe password",
                    account=account,
                    wait_seconds=math.ceil(wait),
                    advice=f"Wait {math.ceil(wait)} seconds, then start the update again; wrong "
                    "passwords are tried at most once a minute.",
                )
            self._taken[key] = self._taken.get(key, 0) + 1

    def give_back(self, account: str) -> None:
        """Forget an attempt that cost nothing."""
        with self._lock:
            self._taken[account.casefold()] -= 1

    def settle(self, account: str, verdict: ProbeVerdict) -> None:
        """Take note of what the attempt proved."""
        if verdict is ProbeVerdict.VALID:
            self.give_back(account)
            return
        key = account.casefold()
        with self._lock:
            if verdict in _SPACED:
                self._not_before[key] = self._clock() + SPACING
            if verdict is ProbeVerdict.LOCKED:
                self._taken[key] = self._limit
