"""Patience with a directory that shows a write to its readers only after a while.

Microsoft promises no number. A write's own reply is trusted; reads are repeated on a fixed schedule until
two in a row agree.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

# Seconds between reads: two minutes in all.
SCHEDULE: tuple[float, ...] = (1, 2, 4, 8, 15, 30, 30, 30)
CONFIRM_AFTER = 1.0


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Timing:
    """The clocks and the sleep of one client; the test seam for everything that waits."""

    now: Callable[[], datetime] = _now
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    schedule: tuple[float, ...] = SCHEDULE


def settled(seen: Callable[[], bool], timing: Timing) -> bool:
    """Repeat ``seen`` until it is true twice in a row; False when the schedule ran out first."""
    waits = iter(timing.schedule)
    in_a_row = 0
    while True:
        in_a_row = in_a_row + 1 if seen() else 0
        if in_a_row == 2:
            return True
        wait = CONFIRM_AFTER if in_a_row else next(waits, None)
        if wait is None:
            return False
        timing.sleep(wait)
