"""What the dispatcher has seen lately, for those who ask how the intake is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at another system: whether it was fine, when, and what a person does if not."""

    fine: bool
    at: float
    since: float
    kind: str = ""
    what_to_do: str = ""


class Status:
    """The last look at every system, by name. Threads may share it; times are on a monotonic clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, Seen] = {}
        self._alive: float | None = None

    def fine(self, system: str) -> None:
        """Note that a system answered as it should."""
        self._note(system, fine=True)

    def wrong(self, system: str, kind: str, what_to_do: str) -> None:
        """Note what is wrong with a system."""
        self._note(system, fine=False, kind=kind, what_to_do=what_to_do)

    def _note(self, system: str, *, fine: bool, kind: str = "", what_to_do: str = "") -> None:
        now = self._clock()
        with self._lock:
            last = self._seen.get(system)
            since = last.since if last and last.fine is fine else now
            self._seen[system] = Seen(fine, now, since, kind, what_to_do)

    def alive(self) -> None:
        """Note that the dispatcher goes round."""
        self._alive = self._clock()

    @property
    def last_round(self) -> float | None:
        """Seconds since the dispatcher went round; None when it never did."""
        return None if self._alive is None else self._clock() - self._alive

    def age(self, seen: Seen) -> float:
        """Return how many seconds ago it was."""
        return self._clock() - seen.at

    def all(self) -> dict[str, Seen]:
        """Return the last look at every system."""
        with self._lock:
            return dict(self._seen)
