"""The file of the spool: how it is opened, what is in it, and what its errors mean."""

from __future__ import annotations

import functools
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from connectors.errors import OutOfStep, Unreachable

SCHEMA = 1
APPLICATION = 0x43415250  # "CARP": tells our files from other people's

_TABLES = """
CREATE TABLE hints (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    mount TEXT NOT NULL,
    path TEXT NOT NULL,
    version INTEGER,
    source TEXT NOT NULL,
    received REAL NOT NULL,
    since REAL NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'dead')),
    seen INTEGER NOT NULL DEFAULT 1,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try REAL NOT NULL,
    last_error TEXT NOT NULL DEFAULT '',
    outcome TEXT NOT NULL DEFAULT '',
    flow_runs TEXT NOT NULL DEFAULT '',
    ended REAL,
    vault_index TEXT
) STRICT;
CREATE UNIQUE INDEX one_per_version ON hints (mount, path, version) WHERE version IS NOT NULL;
CREATE UNIQUE INDEX one_waits ON hints (mount, path) WHERE version IS NULL AND state = 'waiting';
CREATE INDEX by_state ON hints (state, next_try);
"""


class Full(Unreachable):
    """The spool holds as much as it may; nothing was kept."""


def open_file(path: Path, *, create: bool = True) -> sqlite3.Connection:
    """Open the spool, and make it when it is not there yet unless ``create`` is False.

    Raises OutOfStep for a file of a newer version, or one that is no spool; Unreachable when it cannot
    be opened.
    """
    line: sqlite3.Connection | None = None
    problem: OutOfStep | Unreachable
    try:
        if create:
            _make(path)
        address = f"{path.absolute().as_uri()}?mode=rw"
        line = sqlite3.connect(
            address, uri=True, timeout=5.0, isolation_level=None, check_same_thread=False
        )
        line.execute("PRAGMA journal_mode = WAL")
        # FULL: a commit is on the disk before anybody is told.
        line.execute("PRAGMA synchronous = FULL")
        line.execute("PRAGMA secure_delete = ON")
        line.execute("PRAGMA journal_size_limit = 4194304")
        strange = _prepare(line)
    except sqlite3.OperationalError as error:
        problem = _away("open", error, path)
    except sqlite3.DatabaseError as error:
        problem = _strange(path, f"it is damaged, or no database ({type(error).__name__})")
    except OSError as error:
        problem = _away("open", error, path)
    else:
        if strange is None:
            return line
        problem = _strange(path, strange)
    if line is not None:
        line.close()
    raise problem


def _make(path: Path) -> None:
    """Make an empty file for this user only; SQLite gives those beside it the same rights.

    One that is there is not opened: closing it again would drop the locks that SQLite holds on it in
    this process (POSIX), and another process could then remove the journal under our feet.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))


def _prepare(line: sqlite3.Connection) -> str | None:
    """Make the tables in a new file; say what is strange about another one."""
    line.execute("BEGIN IMMEDIATE")  # two processes may start at once
    version = line.execute("PRAGMA user_version").fetchone()[0]
    owner = line.execute("PRAGMA application_id").fetchone()[0]
    empty = line.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    strange = None
    if version == 0 and owner == 0 and empty:
        for statement in filter(str.strip, _TABLES.split(";")):
            line.execute(statement)
        line.execute(f"PRAGMA application_id = {APPLICATION}")
        line.execute(f"PRAGMA user_version = {SCHEMA}")
    elif owner != APPLICATION:
        strange = "it is another program's database"
    elif version != SCHEMA:
        strange = f"its schema is {version}, and this version knows {SCHEMA}"
    line.execute("COMMIT")
    return strange


class _HasPath(Protocol):
    @property
    def path(self) -> Path:
        """The file."""


P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound=_HasPath)


def telling(
    operation: str,
) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """Turn SQLite's errors of a method into ours: whatever was begun has not happened."""

    def decorate(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        @functools.wraps(method)
        def told(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return method(self, *args, **kwargs)
            except sqlite3.Error as error:
                problem = _away(operation, error, self.path)
            raise problem

        return told

    return decorate


@contextmanager
def writing(line: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Do everything or nothing, and be on the disk at the end."""
    line.execute("BEGIN IMMEDIATE")
    try:
        yield line
        line.execute("COMMIT")
    finally:
        if line.in_transaction:
            line.execute("ROLLBACK")


def used(line: sqlite3.Connection) -> int:
    """Return how many bytes of the file hold something."""
    pages, free, size = (
        int(line.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


def _away(operation: str, error: Exception, path: Path) -> Unreachable:
    cause = getattr(error, "sqlite_errorname", None) or type(error).__name__
    return Unreachable(
        "spool",
        operation,
        file=path,
        cause=cause,
        advice=f"Look whether {path} can be written and its disk has room. Hints that were not accepted are "
        "sent again by those who sign them; the others are found by the next reconcile.",
    )


def _strange(path: Path, why: str) -> OutOfStep:
    return OutOfStep(
        "spool",
        "open",
        file=path,
        why=why,
        advice=f"{path} is not a spool that this version understands: {why}. Install the version that wrote "
        "it, or name another file in INTAKE_SPOOL; what waits in this one is then found by reconcile.",
    )
