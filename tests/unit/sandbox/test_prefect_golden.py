"""A fresh database is kept once, and given to those that have none: what a server learns later is its own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sandbox.prefect_server import golden


def _home(folder: Path, *words: str) -> Path:
    """Return the home of a server that has written these words."""
    folder.mkdir(exist_ok=True)
    with closing(sqlite3.connect(folder / golden.NAME)) as line, line:
        line.execute("CREATE TABLE IF NOT EXISTS told (word TEXT)")
        line.executemany("INSERT INTO told VALUES (?)", [(word,) for word in words])
    return folder


def _told(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / golden.NAME)) as line:
        return [word for (word,) in line.execute("SELECT word FROM told")]


def test_the_first_one_is_kept(tmp_path: Path) -> None:
    """Only what a server held when it was kept is given on, not what it or a later one was told."""
    kept = tmp_path / "kept"
    first = _home(tmp_path / "first", "tables")
    golden.keep(kept, first)
    _home(first, "a run")
    golden.keep(kept, first)
    fresh = tmp_path / "fresh"
    fresh.mkdir()

    golden.use(kept, fresh)

    assert _told(fresh) == ["tables"]
    assert _told(first) == ["tables", "a run"]
    assert len(list(kept.iterdir())) == 1


def test_a_database_that_is_there_stays(tmp_path: Path) -> None:
    """A server that has a database goes on with its own."""
    golden.keep(tmp_path / "kept", _home(tmp_path / "first", "tables"))
    own = _home(tmp_path / "own", "mine")

    golden.use(tmp_path / "kept", own)

    assert _told(own) == ["mine"]


def test_nothing_is_kept_yet(tmp_path: Path) -> None:
    """Before the first one is kept, a server makes its own tables."""
    golden.use(tmp_path / "kept", tmp_path)

    assert not (tmp_path / golden.NAME).exists()
