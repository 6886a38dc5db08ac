"""Run checks beside each other, each in bounded time: what hangs is told, and keeps nobody waiting."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from cli.doctor.model import Check, NotLooked, Outcome, Result, Wrong
from cli.doctor.site import Site
from connectors.errors import RotationError

PATIENCE = 20.0
"""Seconds that one check may take."""
AT_ONCE = 12
"""Checks that are under way at the same time."""


def run(
    checks: Sequence[Check],
    site: Site,
    *,
    patience: float = PATIENCE,
    tell: Callable[[Sequence[Check], Sequence[Check]], None] = lambda _open, _busy: None,
) -> None:
    """Give every check its outcome; ``tell`` hears which are still open and which are under way.

    Threads of checks that hang are left behind: they are daemons, and end with the process.
    """
    done: queue.SimpleQueue[tuple[Check, Outcome]] = queue.SimpleQueue()
    waiting, busy = list(checks), dict[Check, float]()
    while waiting or busy:
        for item in _ready(waiting):
            because = _stopped_by(item)
            if because is not None:
                item.outcome = Outcome(Result.NOT_LOOKED, because=because)
            elif len(busy) < AT_ONCE:
                busy[item] = time.monotonic() + patience
                threading.Thread(target=_look, args=(item, site, done), daemon=True).start()
            else:
                continue
            waiting.remove(item)
        tell([*busy, *waiting], [*busy])
        if busy:
            _collect(busy, done, patience)


def _ready(waiting: Iterable[Check]) -> list[Check]:
    return [item for item in waiting if all(other.outcome for other in (*item.needs, *item.after))]


def _stopped_by(item: Check) -> Check | None:
    """Return the check at the root of why this one cannot be looked at, or None when it can."""
    for other in item.needs:
        if not other.passed:
            first = other.outcome.because if other.outcome else None
            return first or other
    return None


def _collect(
    busy: dict[Check, float], done: queue.SimpleQueue[tuple[Check, Outcome]], patience: float
) -> None:
    """Wait for the next check to end, or for one to have taken too long."""
    wait = max(0.0, min(busy.values()) - time.monotonic())
    try:
        item, outcome = done.get(timeout=min(wait, 0.5))
    except queue.Empty:
        pass
    else:
        if busy.pop(item, None) is not None:  # else it was given up before
            item.outcome = outcome
    now = time.monotonic()
    for item in [item for item, deadline in busy.items() if deadline <= now]:
        del busy[item]
        fault = f"{item.kind.fault.rstrip('.')}: no answer within {patience:g} s."
        item.outcome = Outcome(
            _severity(item), fault=fault, fix=item.kind.usual_fix(item.subject), seconds=patience
        )


def _look(item: Check, site: Site, done: queue.SimpleQueue[tuple[Check, Outcome]]) -> None:
    began = time.monotonic()
    try:
        outcome = _outcome(item, site, began)
    except BaseException as error:  # noqa: BLE001  the loop waits for an outcome, whatever happens
        # The text is left out: an exception that nobody expected may hold anything.
        fault = f"doctor itself failed here with {type(error).__name__}."
        outcome = Outcome(Result.FAULT, fault=fault, fix="Report this with the id of the check.")
    done.put((item, outcome))


def _outcome(item: Check, site: Site, began: float) -> Outcome:
    fix = item.kind.usual_fix(item.subject)
    try:
        seen = item.look(site)
    except NotLooked as why:
        return Outcome(Result.NOT_LOOKED, seen=str(why), seconds=time.monotonic() - began)
    except Wrong as wrong:
        fault, fix = wrong.fault, wrong.fix or fix
    except RotationError as error:
        fault = f"{item.kind.fault.rstrip('.')} ({error})."
        fix = error.advice or fix
    else:
        return Outcome(Result.PASSED, seen=seen, seconds=time.monotonic() - began)
    took = time.monotonic() - began
    return Outcome(_severity(item), fault=fault, fix=fix, seconds=took)


def _severity(item: Check) -> Result:
    return Result.WARNING if item.kind.warns else Result.FAULT
