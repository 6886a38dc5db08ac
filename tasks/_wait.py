"""Wait for a condition of another system, never for a guess of how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from connectors.errors import Refused, Unknown, Unreachable
from tasks.settings import RetrySettings

T = TypeVar("T")


def _utc() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as the steps see it: seconds that only grow, waiting for seconds, and the date."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    utc: Callable[[], datetime] = _utc


CLOCK: ContextVar[Clock] = ContextVar("clock", default=Clock())  # noqa: B039  it is frozen
"""The clock of every wait in this room, so that tests can move it."""


def eventually(
    look: Callable[[], T], wanted: Callable[[T], bool], within: float, *, longest: float = 5.0
) -> T:
    """Look until what is seen is wanted, for at most ``within`` seconds; return what was last seen.

    The pause between two looks starts at 0.1 s and doubles up to ``longest``.
    """
    clock = CLOCK.get()
    deadline, pause = clock.now() + within, 0.1
    while True:
        seen = look()
        left = deadline - clock.now()
        if wanted(seen) or left <= 0:
            return seen
        clock.sleep(min(pause, left))
        pause = min(pause * 2, longest)


def observe(look: Callable[[], T], lost: Unknown) -> T:
    """Look, patiently, what became of a change whose answer was lost.

    Raises ``lost`` again when it cannot be seen: Unreachable or Refused would say that nothing was
    changed, and nobody knows that.
    """
    settings = RetrySettings()
    for delay in (*settings.delays(), None):
        try:
            return look()
        except Unreachable as unreachable:
            asked = unreachable.retry_after or 0.0
        except Refused:
            break
        if delay is not None:
            CLOCK.get().sleep(max(delay, min(asked, settings.longest_wait)))
    raise lost.sealed()
