"""Wait for a condition of another system, never for a guess of how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(
    look: Callable[[], T], wanted: Callable[[T], bool], within: float, *, longest: float = 5.0
) -> T:
    """Look until what is seen is wanted, for at most ``within`` seconds; return what was last seen.

    The pause between two looks starts at 0.1 s and doubles up to ``longest``.
    """
    deadline, pause = time.monotonic() + within, 0.1
    while True:
        seen = look()
        left = deadline - time.monotonic()
        if wanted(seen) or left <= 0:
            return seen
        time.sleep(min(pause, left))
        pause = min(pause * 2, longest)
