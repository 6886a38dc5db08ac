"""Time in the world of the saga: it passes by waiting and by calls, and everybody has the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connectors.entra.polling import Timing
from tasks._wait import Clock

START = datetime(2026, 1, 1, tzinfo=UTC)
CALL = 0.02
"""Seconds that a call of another system takes."""


class WorldTime:
    """The one clock of a world."""

    def __init__(self) -> None:
        self._elapsed = timedelta(0)

    def now(self) -> float:
        """Return seconds that only grow."""
        return self._elapsed.total_seconds()

    def utc(self) -> datetime:
        """Return the date and time."""
        return START + self._elapsed

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self._elapsed += timedelta(seconds=seconds)

    def of_steps(self) -> Clock:
        """Return this clock as the steps want it."""
        return Clock(self.now, self.sleep, self.utc)

    def of_entra(self) -> Timing:
        """Return this clock as the Entra connector wants it."""
        return Timing(now=self.utc, monotonic=self.now, sleep=self.sleep)
