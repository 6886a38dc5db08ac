"""What goes wrong in a run, and where: at its k-th call of the outside world.

``Line`` is what every system of one run is called through. It counts, so that a fault can be put at any call;
once its process was killed it lets nothing through any more, so that no ``finally`` repairs anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from connectors.errors import NotPermitted, Unknown, Unreachable
from tests.laws.saga.timing import CALL, WorldTime

T = TypeVar("T")


class Kind(StrEnum):
    """What goes wrong at a call."""

    UNREACHABLE = "unreachable"  # nothing was done
    AWAY = "away"  # the same, and so at every later call of that system in this run
    REFUSED = "refused"
    LOST = "lost"  # it was done, and nobody said so
    LOST_BEFORE = "lost before"  # it was not done, and nobody knows
    KILLED_BEFORE = "killed before"
    KILLED_AFTER = "killed after"
    INTERLEAVE = "interleave"  # another process does something from its beginning to its end


class Effect(StrEnum):
    """What a call does to the world, which decides what a lost answer means."""

    READ = "read"
    SIGN_IN = "sign in"
    CHANGE = "change"
    OWN = "change of what is the run's own"  # its drafts and its test users


@dataclass(frozen=True)
class Fault:
    """One fault. ``meanwhile`` is what another process does (INTERLEAVE)."""

    at: int
    kind: Kind
    meanwhile: Callable[[], object] | None = None
    named: str = ""

    def __repr__(self) -> str:
        return f"{self.kind.value} at call {self.at}" + (f" ({self.named})" if self.named else "")


class Killed(BaseException):
    """The process is gone."""


class Line:
    """The calls of one process, in order. ``before_change`` hears of every change that is about to be made."""

    def __init__(
        self,
        time: WorldTime,
        faults: Sequence[Fault] = (),
        before_change: Callable[[str, bool], None] = lambda _call, _under_way: None,
        after_call: Callable[[], None] = lambda: None,
    ) -> None:
        self.calls: list[str] = []
        self.dead = False
        self.overtaken = False
        """Whether the call that is being made was on its way when somebody else came."""
        self._time = time
        self._faults = {fault.at: fault for fault in faults}
        self._away: set[str] = set()
        self._before_change = before_change
        self._after_call = after_call

    def call(
        self, system: str, method: str, action: Callable[[], T], effect: Effect = Effect.READ
    ) -> T:
        """Do what a method does, or fail as planned."""
        if self.dead:
            raise Killed
        self._time.sleep(CALL)
        self.calls.append(f"{system}.{method}")
        fault = self._faults.get(len(self.calls))
        kind = fault.kind if fault else None
        self.overtaken = fault is not None and fault.meanwhile is not None
        if fault and fault.meanwhile:
            fault.meanwhile()
        if kind is Kind.AWAY:
            self._away.add(system)
        self._fail_before(system, method, kind, effect)
        if effect is Effect.CHANGE:
            self._before_change(f"{system}.{method}", self.overtaken)
        try:
            return action()
        finally:  # an answer that was no is lost like any other
            if effect is not Effect.READ or self.overtaken:
                self._after_call()
            if kind is Kind.KILLED_AFTER:
                self._die()
            if kind is Kind.LOST:
                raise self._lost(system, method, effect)

    def _fail_before(self, system: str, method: str, kind: Kind | None, effect: Effect) -> None:
        if kind is Kind.KILLED_BEFORE:
            self._die()
        if system in self._away or kind is Kind.UNREACHABLE:
            raise Unreachable(system, method, planned="yes")
        if kind is Kind.REFUSED:
            raise NotPermitted(system, method, planned="yes", advice="Planned.")
        if kind is Kind.LOST_BEFORE:
            raise self._lost(system, method, effect)

    def _lost(self, system: str, method: str, effect: Effect) -> Unknown | Unreachable:
        if effect in (Effect.CHANGE, Effect.OWN):
            return Unknown(system, method, planned="yes")
        return Unreachable(system, method, planned="yes")

    def _die(self) -> None:
        self.dead = True
        raise Killed
