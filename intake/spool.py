"""Hints on disk: accepted once they are there, waiting until they are delivered, dead when a person must look."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from connectors.errors import NotFound, Unreachable
from intake.hints import Hint, Source
from intake.spool_file import Full, open_file, telling, used, writing

State = Literal["waiting", "delivered", "dead"]
DROPPED = "dropped by a person"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept. Times are seconds."""

    rows: int = 10_000
    bytes: int = 64 * 1024 * 1024
    delivered: int = 10_000
    delivered_for: float = 7 * 86_400.0
    dead_for: float = 90 * 86_400.0


@dataclass(frozen=True, slots=True)
class Kept:
    """One hint in the spool. Times are seconds since 1970; ``since`` is when it began to wait."""

    number: int
    id: str
    mount: str
    path: str
    version: int | None
    source: str
    received: float
    since: float
    state: State
    seen: int
    attempts: int
    next_try: float
    last_error: str
    outcome: str
    flow_runs: str
    ended: float | None
    vault_index: str | None

    @property
    def hint(self) -> Hint:
        """Return the hint itself."""
        source = Source(self.source)
        return Hint(self.mount, self.path, self.version, source, self.id, self.vault_index)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many hints are in each state, and since when the oldest waits."""

    waiting: int
    delivered: int
    dead: int
    oldest: float | None


_COLUMNS = ", ".join(field.name for field in fields(Kept))


class Spool:
    """One open spool. Threads may share it, and processes may open the same file.

    Every method raises Unreachable when the file cannot be used: what was asked has then not happened.
    """

    def __init__(
        self,
        path: Path,
        limits: Limits | None = None,
        *,
        patience: float = 5.0,
        clock: Callable[[], float] = time.time,
        create: bool = True,
    ) -> None:
        self.path = path
        self.limits = limits or Limits()
        self._clock = clock
        self._patience = patience
        self._lock = threading.Lock()
        self._line = open_file(path, create=create)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what waits, waits on."""
        with self._lock:
            self._line.close()

    @telling("keep a hint")
    def add(self, hints: Sequence[Hint], *, patience: float | None = None) -> int:
        """Keep hints, all or none, and return how many were new once they are on the disk.

        A hint that is known already changes nothing, but a dead one is given another life: the version
        may be there by now. Raises Full when there is no room.
        """
        with self._open(patience) as line, writing(line):
            new = sum(self._add(line, hint) for hint in hints)
            if new:
                self._require_room(line)
        return new

    def _add(self, line: sqlite3.Connection, hint: Hint) -> bool:
        key = f"{hint.source}:{hint.id}"
        if line.execute("SELECT 1 FROM hints WHERE id = ?", (key,)).fetchone():
            return False
        place = (hint.mount, hint.path)
        now = self._clock()
        if hint.version is None:
            # Somebody may be reading Vault for the one that waits: it must not end with what it has read.
            merged = line.execute(
                "UPDATE hints SET seen = seen + 1, vault_index = coalesce(?, vault_index) "
                "WHERE mount = ? AND path = ? AND version IS NULL AND state = 'waiting'",
                (hint.vault_index, *place),
            )
            if merged.rowcount:
                return False
        else:
            known = line.execute(
                "SELECT state, number FROM hints WHERE mount = ? AND path = ? AND version = ?",
                (*place, hint.version),
            ).fetchone()
            if known and known[0] != "dead":
                return False
            if known:
                self._revive(line, known[1])
                return True
        line.execute(
            "INSERT INTO hints "
            "(id, mount, path, version, source, received, since, state, next_try, vault_index) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', ?, ?)",
            (key, *place, hint.version, hint.source.value, now, now, now, hint.vault_index),
        )
        return True

    def _revive(self, line: sqlite3.Connection, number: int) -> None:
        now = self._clock()
        line.execute(
            "UPDATE hints SET state = 'waiting', since = ?, next_try = ?, attempts = 0, seen = seen + 1, "
            "last_error = '', outcome = '', flow_runs = '', ended = NULL WHERE number = ?",
            (now, now, number),
        )

    def _require_room(self, line: sqlite3.Connection) -> None:
        """Raise Full, which undoes the transaction, when the hints just added are too many."""
        if self._over(line):
            self._prune(line)
        if self._over(line):
            raise Full(
                "spool",
                "keep a hint",
                retry_after=30,
                advice="Look at what waits and why: account-rotation spool list",
            )

    def _over(self, line: sqlite3.Connection) -> bool:
        kept = line.execute("SELECT count(*) FROM hints WHERE state != 'delivered'").fetchone()[0]
        return bool(kept > self.limits.rows or used(line) > self.limits.bytes)

    def due(self, limit: int = 50) -> list[Kept]:
        """Return waiting hints whose next try is due, those that wait longest first."""
        return self._read(
            "WHERE state = 'waiting' AND next_try <= ? ORDER BY next_try, number LIMIT ?",
            self._clock(),
            limit,
        )

    @telling("read")
    def next_due(self) -> float | None:
        """Return when the next waiting hint is due; None when none waits."""
        with self._open() as line:
            found = line.execute(
                "SELECT min(next_try) FROM hints WHERE state = 'waiting'"
            ).fetchone()
        return None if found[0] is None else float(found[0])

    @telling("end a hint")
    def delivered(self, kept: Kept, outcome: str, flow_runs: Sequence[str] = ()) -> bool:
        """End a hint well; False when another message about it came meanwhile, so that it waits on."""
        with self._open() as line, writing(line):
            ended = line.execute(
                "UPDATE hints SET state = 'delivered', outcome = ?, flow_runs = ?, ended = ?, "
                "attempts = attempts + 1, last_error = '' "
                "WHERE number = ? AND state = 'waiting' AND seen = ?",
                (outcome, " ".join(flow_runs), self._clock(), kept.number, kept.seen),
            )
        return bool(ended.rowcount)

    @telling("put a hint off")
    def retry(self, kept: Kept, error: str, wait: float) -> None:
        """Let a hint wait on, after a try that failed; ``error`` is a kind, never a text of others."""
        with self._open() as line, writing(line):
            line.execute(
                "UPDATE hints SET attempts = attempts + 1, last_error = ?, next_try = ? "
                "WHERE number = ? AND state = 'waiting'",
                (error, self._clock() + wait, kept.number),
            )

    @telling("end a hint")
    def bury(self, kept: Kept, error: str) -> None:
        """End a hint that came to nothing: a person sees it, and may replay or drop it."""
        with self._open() as line, writing(line):
            line.execute(
                "UPDATE hints SET state = 'dead', attempts = attempts + 1, last_error = ?, ended = ? "
                "WHERE number = ? AND state = 'waiting' AND seen = ?",
                (error, self._clock(), kept.number, kept.seen),
            )

    @telling("replay a hint")
    def replay(self, number: int) -> Kept:
        """Let a hint wait again, from the beginning; raises NotFound."""
        with self._open() as line, writing(line):
            found = self._one(line, number)
            twin = (
                found.version is None
                and line.execute(
                    "SELECT 1 FROM hints WHERE mount = ? AND path = ? AND version IS NULL "
                    "AND state = 'waiting'",
                    (found.mount, found.path),
                ).fetchone()
            )
            if not twin:
                self._revive(line, number)
        return self.get(number)

    @telling("drop a hint")
    def drop(self, number: int) -> Kept:
        """End a hint without an update; it is remembered, so that repeating it changes nothing."""
        with self._open() as line, writing(line):
            self._one(line, number)
            line.execute(
                "UPDATE hints SET state = 'delivered', outcome = ?, ended = ? "
                "WHERE number = ? AND state != 'delivered'",
                (DROPPED, self._clock(), number),
            )
        return self.get(number)

    @telling("read")
    def get(self, number: int) -> Kept:
        """Return one hint; raises NotFound."""
        with self._open() as line:
            return self._one(line, number)

    def entries(self, state: State | None = None, limit: int = 100) -> list[Kept]:
        """Return hints, the youngest first."""
        where = "WHERE state = ? " if state else ""
        values = (state, limit) if state else (limit,)
        return self._read(f"{where}ORDER BY number DESC LIMIT ?", *values)

    @telling("read")
    def counts(self) -> Counts:
        """Count the hints."""
        with self._open() as line:
            found = dict(
                line.execute("SELECT state, count(*) FROM hints GROUP BY state").fetchall()
            )
            oldest = line.execute(
                "SELECT min(since) FROM hints WHERE state = 'waiting'"
            ).fetchone()[0]
        return Counts(
            found.get("waiting", 0), found.get("delivered", 0), found.get("dead", 0), oldest
        )

    @telling("try to write")
    def probe(self) -> None:
        """Make sure that one more hint could be kept, keeping none; raises Full or Unreachable."""
        with self._open() as line, writing(line):
            self._require_room(line)

    @telling("prune")
    def prune(self) -> None:
        """Forget delivered hints that are old or too many, and dead ones that nobody cared for."""
        with self._open() as line, writing(line):
            self._prune(line)

    def _prune(self, line: sqlite3.Connection) -> None:
        now = self._clock()
        limits = self.limits
        for state, age in (("delivered", limits.delivered_for), ("dead", limits.dead_for)):
            line.execute("DELETE FROM hints WHERE state = ? AND ended < ?", (state, now - age))
        for state, most in (("delivered", limits.delivered), ("dead", max(1, limits.rows // 10))):
            line.execute(
                "DELETE FROM hints WHERE number IN (SELECT number FROM hints WHERE state = ? "
                "ORDER BY ended DESC LIMIT -1 OFFSET ?)",
                (state, most),
            )

    @telling("read")
    def _read(self, rest: str, *values: object) -> list[Kept]:
        with self._open() as line:
            rows = line.execute(f"SELECT {_COLUMNS} FROM hints {rest}", values).fetchall()  # noqa: S608
        return [Kept(*row) for row in rows]

    def _one(self, line: sqlite3.Connection, number: int) -> Kept:
        row = line.execute(
            f"SELECT {_COLUMNS} FROM hints WHERE number = ?",  # noqa: S608  names of a dataclass
            (number,),
        ).fetchone()
        if row is None:
            raise NotFound(
                "spool",
                "find a hint",
                number=number,
                advice="See which there are: account-rotation spool list",
            )
        return Kept(*row)

    @contextmanager
    def _open(self, patience: float | None = None) -> Iterator[sqlite3.Connection]:
        """Hold the one connection. Waiting for it and for other processes is bounded in all."""
        allowed = self._patience if patience is None else patience
        until = time.monotonic() + allowed
        if not self._lock.acquire(timeout=allowed):
            raise Unreachable("spool", "wait for its turn", file=self.path, retry_after=1)
        try:
            left = max(0, int(1000 * (until - time.monotonic())))
            self._line.execute(f"PRAGMA busy_timeout = {left}")
            yield self._line
        finally:
            self._lock.release()
