"""Turns hints into updates: reads Vault, compares with the ledger, and starts one run per version.

Whatever is repeated or killed, one version leads to one run: the spool holds a version once, the ledger
says what was applied, and Prefect knows the key of the run.
"""

from __future__ import annotations

import logging
import random
import socket
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Protocol

from connectors.errors import NotFound, OutOfStep, RotationError, Unreachable
from connectors.models import SecretVersion
from connectors.protocols import LedgerStore, SecretCatalogue
from intake.metrics import Metrics
from intake.places import Places, Target
from intake.prefect_api import PrefectApi
from intake.spool import Kept, Spool
from intake.status import Status
from inventory.models import Inventory

_log = logging.getLogger(__name__)

STARTED = "update started"
APPLIED = "already applied"
NOT_OURS = "no connection's secret"
DELETED = "newest version is deleted"

BEAT_EVERY = 60.0
"""Seconds between two heartbeats; deployments/automations.yaml waits five minutes for one."""

AHEAD = "newer than Vault knows"
ROTATING = "a rotation is under way"
HINTS = "hints"
"""Where the status tells of a refusal that keeps a hint waiting."""


class Lookout(Protocol):
    """What the dispatcher reads of the outside world."""

    @property
    def vault(self) -> SecretCatalogue:
        """Vault, for metadata only."""

    @property
    def ledgers(self) -> LedgerStore:
        """The ledgers."""


OpenSystems = Callable[[Inventory], AbstractContextManager[Lookout]]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for what. Times are seconds."""

    first: float = 1.0
    longest: float = 60.0
    future: float = 3_600.0
    index: float = 60.0
    """How long a node of Vault must have reached the index of an event; a wrong one never is."""
    look_every: float = 15.0

    def after(self, attempts: int) -> float:
        """Return the wait after so many tries that failed: it doubles, up to a limit, with jitter."""
        wait = min(self.longest, self.first * 2.0 ** min(attempts, 30))
        return wait * random.uniform(0.5, 1.0)  # noqa: S311  spreads the tries, protects nothing


class Dispatcher:
    """One thread's work. ``stop`` ends it after the hint it is at, ``wake`` tells of a new one."""

    def __init__(
        self,
        spool: Spool,
        places: Places,
        systems: OpenSystems,
        prefect: PrefectApi,
        status: Status,
        metrics: Metrics,
        patience: Patience,
    ) -> None:
        self._spool = spool
        self._places = places
        self._open = systems
        self._prefect = prefect
        self._status = status
        self._metrics = metrics
        self._patience = patience
        self._systems: Lookout | None = None
        self._systems_of: Inventory | None = None
        self._closing = ExitStack()
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._failures = 0
        self._paused_until = 0.0
        self._look_at = 0.0
        self._prune_at = 0.0
        self._beat_at = 0.0

    def wake(self) -> None:
        """Tell that there is something new in the spool."""
        self._woken.set()

    def stop(self) -> None:
        """End after the hint that is being worked on."""
        self._stopping.set()
        self._woken.set()

    def run(self) -> None:
        """Go round until stopped; nothing that goes wrong ends this."""
        try:
            while not self._stopping.is_set():
                self._woken.clear()
                try:
                    wait = self.round()
                except Exception as error:  # noqa: BLE001  a full disk, a bug: the next round may do
                    _log.error("intake: a round failed: %s", type(error).__name__)
                    wait = self._patience.after(0)
                self._status.alive()
                # Another process, such as the command line, may have put something there.
                self._woken.wait(min(1.0, max(0.0, wait)))
        finally:
            self._closing.close()

    def round(self) -> float:
        """Deliver what is due, look at the other systems; return how many seconds nothing is due."""
        self._status.alive()
        now = time.monotonic()
        if now >= self._prune_at:
            self._spool.prune()
            self._prune_at = now + 60
        if now < self._paused_until:
            return self._paused_until - now
        if now >= self._beat_at:
            self._prefect.beat(socket.gethostname())
            self._beat_at = now + BEAT_EVERY
        for kept in self._spool.due():
            if self._stopping.is_set() or not self._try(kept):
                return self._paused_until - time.monotonic()
            self._status.alive()
        if time.monotonic() >= self._look_at:
            self._look()
        due = self._spool.next_due()
        if due is None:
            self._status.fine(HINTS)
        # In one second at most the spool is read again anyway.
        return 1.0 if due is None else due - time.time()

    def _try(self, kept: Kept) -> bool:
        """Try one hint; False when a system is away, so that the others need not be tried now."""
        wait = self._patience.after(kept.attempts)
        try:
            self._deliver(kept)
        except RotationError as error:
            problem = error.sealed()
        except Exception as error:  # noqa: BLE001  one hint must not stop the others
            _log.error("intake: hint %s failed: %s", kept.number, type(error).__name__)
            self._put_off(kept, f"unexpected {type(error).__name__}", wait)
            return True
        else:
            self._failures = 0
            return True
        told = (type(problem).__name__, problem.what_to_do())
        self._status.wrong(problem.system, *told)
        if not isinstance(problem, Unreachable):
            # A system that says no to this hint may be fine when it is looked at the next time.
            self._status.wrong(HINTS, *told)
        if problem.system == "spool":
            self._pause()
            return False
        if isinstance(problem, Unreachable) and problem.retry_after:
            wait = max(wait, min(problem.retry_after, self._patience.longest))
        self._put_off(kept, f"{problem.system}: {type(problem).__name__}", wait)
        if isinstance(problem, Unreachable) or problem.system == "prefect":
            self._pause()
            return False
        return True

    def _put_off(self, kept: Kept, why: str, wait: float) -> None:
        self._metrics.failures.labels(why).inc()
        self._spool.retry(kept, why, wait)

    def _pause(self) -> None:
        """Leave everybody in peace for a while, the longer the more often it was in vain."""
        self._paused_until = time.monotonic() + self._patience.after(self._failures)
        self._failures += 1

    def _deliver(self, kept: Kept) -> None:
        target = self._places.at(kept.mount, kept.path)
        self._status.fine("inventory")
        if target is None:
            self._end(kept, NOT_OURS)
            return
        newest = self._newest(target, kept)
        if newest is None or (kept.version or 0) > (newest.handle.version or 0):
            self._await_version(kept)
        elif not newest.readable:
            self._end(kept, DELETED)
        else:
            self._bring(kept, target, newest)

    def _newest(self, target: Target, kept: Kept) -> SecretVersion | None:
        young = time.time() - kept.since < self._patience.index
        index = kept.vault_index if young else None
        try:
            newest = self._lookout().vault.metadata(target.secret, index=index).current
        except NotFound:
            newest = None
        self._status.fine("vault")
        return newest

    def _await_version(self, kept: Kept) -> None:
        """Wait for a version that Vault does not show yet: another node may be ahead, or a sender wrong."""
        if time.time() - kept.since > self._patience.future:
            self._spool.bury(kept, AHEAD)
            self._metrics.ended.labels("dead").inc()
            _log.warning("intake: hint %s is dead: %s", kept.number, AHEAD)
        else:
            self._put_off(kept, AHEAD, self._patience.after(kept.attempts))

    def _bring(self, kept: Kept, target: Target, newest: SecretVersion) -> None:
        """Start the update unless it has been, or is being, brought to the console."""
        try:
            ledger = self._lookout().ledgers.read(target.connection)
        except OutOfStep:
            ledger = None  # the run will say what is wrong with it, where people look
        if ledger and ledger.applied and ledger.applied.label == newest.label:
            self._end(kept, APPLIED)
            return
        if ledger and ledger.rotation is not None:
            # The new version is most likely its own. An update would take the connection from it.
            self._put_off(kept, ROTATING, self._patience.after(kept.attempts))
            return
        run = self._prefect.start(
            {"service": target.service, "connections": [target.connection]}, newest.label
        )
        self._status.fine("prefect")
        self._metrics.latency.observe(max(0.0, time.time() - kept.since))
        self._prefect.tell(
            newest.label,
            {
                "mount": kept.mount,
                "path": kept.path,
                "version": newest.handle.version,
                "service": target.service,
                "connection": target.connection,
                "flow_run": run,
            },
        )
        self._end(kept, STARTED, run)

    def _end(self, kept: Kept, outcome: str, *runs: str) -> None:
        if self._spool.delivered(kept, outcome, runs):
            self._metrics.ended.labels(outcome).inc()
            _log.info("intake: hint %s: %s", kept.number, outcome)

    def _look(self) -> None:
        """Look whether Prefect and Vault are there, when no hint has done so."""
        self._look_at = time.monotonic() + self._patience.look_every
        for name, look in (("prefect", self._prefect.check), ("vault", self._look_at_vault)):
            try:
                look()
            except RotationError as error:
                self._status.wrong(name, type(error).__name__, error.what_to_do())
            else:
                self._status.fine(name)

    def _look_at_vault(self) -> None:
        """Read a ledger's version: it needs the token and the right, as the real work does."""
        first = self._places.inventory().services[0].connections[0]
        self._lookout().ledgers.fence(first.name)

    def _lookout(self) -> Lookout:
        """Return the systems of the inventory as it is now."""
        inventory = self._places.inventory()
        if self._systems is None or self._systems_of is not inventory:
            self._closing.close()
            self._systems = self._closing.enter_context(self._open(inventory))
            self._systems_of = inventory
        return self._systems
