"""Whether the intake can do its work, and whether the systems behind it were there when last looked at."""

from __future__ import annotations

import threading
import time
from typing import Any

from connectors.errors import RotationError
from intake.keys import SecretLines
from intake.spool import Spool
from intake.status import Status

STALLED = 120.0
"""Seconds after which a dispatcher that did not go round counts as stuck."""


class Health:
    """Report for /readyz. Only what stops hints from being accepted makes it unready.

    Prefect or Vault being away does not: accepted hints wait, and a proxy that stopped sending would
    lose what the spool is for. It shows as ``degraded``, and in the metrics.
    """

    def __init__(self, spool: Spool, keys: SecretLines, status: Status) -> None:
        self._spool = spool
        self._keys = keys
        self._status = status
        self._lock = threading.Lock()
        self._spool_seen: tuple[float, dict[str, Any]] | None = None

    def report(self) -> dict[str, Any]:
        """Return the report; ``ready`` says whether messages are accepted."""
        spool = self._spool_report()
        keys = _try(self._keys.lines)
        dispatcher = self._dispatcher()
        systems = {
            name: _system(self._status, name) for name in ("inventory", "prefect", "vault", "hints")
        }
        ready = bool(spool["fine"] and keys["fine"] and dispatcher["fine"])
        fine = ready and all(item["fine"] is not False for item in systems.values())
        return {
            "ready": ready,
            "status": ("ready" if fine else "degraded") if ready else "not ready",
            "spool": spool,
            "keys": keys,
            "dispatcher": dispatcher,
            **systems,
        }

    def _spool_report(self) -> dict[str, Any]:
        """Try to write, once a second at most: anybody may ask."""
        with self._lock:
            now = time.monotonic()
            if self._spool_seen is None or now - self._spool_seen[0] > 1:
                self._spool_seen = (now, self._look_at_spool())
            return self._spool_seen[1]

    def _look_at_spool(self) -> dict[str, Any]:
        found = _try(self._spool.probe)
        try:
            counts = self._spool.counts()
        except RotationError:
            return found
        return {**found, "waiting": counts.waiting, "dead": counts.dead}

    def _dispatcher(self) -> dict[str, Any]:
        age = self._status.last_round
        fine = age is not None and age < STALLED
        return {"fine": fine, "age_seconds": None if age is None else round(age, 1)}


def _try(look: Any) -> dict[str, Any]:
    try:
        look()
    except RotationError as error:
        return {"fine": False, "kind": type(error).__name__, "what_to_do": error.what_to_do()}
    return {"fine": True}


def _system(status: Status, name: str) -> dict[str, Any]:
    seen = status.all().get(name)
    if seen is None:
        return {"fine": None, "age_seconds": None}
    report: dict[str, Any] = {"fine": seen.fine, "age_seconds": round(status.age(seen), 1)}
    if not seen.fine:
        report |= {"kind": seen.kind, "what_to_do": seen.what_to_do}
    return report
