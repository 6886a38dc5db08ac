"""The database of a server that has just started, kept for the next one: making its tables is most of a start."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

NAME = "prefect.db"


def use(golden: Path, home: Path) -> None:
    """Give a server the kept database; one that has a database already, or comes first, is left alone."""
    kept = _kept(golden)
    if kept.exists() and not (home / NAME).exists():
        shutil.copyfile(kept, home / NAME)


def keep(golden: Path, home: Path) -> None:
    """Keep the database of a server that has started and been asked for nothing yet, unless one is kept."""
    kept = _kept(golden)
    if kept.exists():
        return
    golden.mkdir(parents=True, exist_ok=True)
    fresh = golden / f"new-{os.getpid()}.db"
    with closing(sqlite3.connect(home / NAME)) as live, closing(sqlite3.connect(fresh)) as copy:
        live.backup(copy)
    fresh.rename(kept)  # several servers may start at once


def _kept(golden: Path) -> Path:
    return golden / f"{version('prefect')}.db"
