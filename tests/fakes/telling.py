"""What every fake shares: it writes down its calls, and fails when it was told to."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from typing import TypeVar

from connectors.errors import RotationError

T = TypeVar("T")


class Told:
    """A fake that can be told to fail. ``calls`` are the names of its methods in the order of the calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._faults: dict[str, deque[tuple[RotationError, bool]]] = defaultdict(deque)

    def fail(self, method: str, *errors: RotationError, applied: bool = False) -> None:
        """Let the next calls of a method raise these, one each; ``applied``: after having done it."""
        self._faults[method].extend((error, applied) for error in errors)

    def act(self, method: str, action: Callable[[], T]) -> T:
        """Do what a method does, or fail as told."""
        self.calls.append(method)
        error, applied = self._faults[method].popleft() if self._faults[method] else (None, False)
        if error is not None and not applied:
            raise error
        value = action()
        if error is not None:
            raise error
        return value
