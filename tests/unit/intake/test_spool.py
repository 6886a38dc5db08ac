"""The spool: one hint per version, on the disk before it counts, bounded, and never in two states."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.errors import NotFound, OutOfStep, Unreachable
from intake.hints import Hint, Source
from intake.spool import DROPPED, Limits, Spool
from intake.spool_file import Full

ROOT = Path(__file__).parents[3]


class Now:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.at = 1_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.at


@pytest.fixture
def now() -> Now:
    """Return a clock."""
    return Now()


@pytest.fixture
def spool(tmp_path: Path, now: Now) -> Iterator[Spool]:
    """Return a new spool."""
    limits = Limits(rows=20, delivered=5, delivered_for=100, dead_for=1_000)
    with Spool(tmp_path / "spool", limits, clock=now) as opened:
        yield opened


def hint(version: int | None = 1, id: str = "", path: str = "apps/hq") -> Hint:  # noqa: A002
    """Return a hint with an id of its own."""
    return Hint("kv", path, version, Source.WEBHOOK, id or f"m-{path}-{version}")


def test_one_per_version(spool: Spool) -> None:
    """The same version is kept once, whoever tells it and however often."""
    assert spool.add([hint(1)]) == 1
    assert spool.add([hint(1), hint(1, "other"), hint(2)]) == 1
    assert spool.add([Hint("kv", "apps/hq", 2, Source.AUDIT, "r-1")]) == 0
    assert sorted(kept.version or 0 for kept in spool.due()) == [1, 2]


def test_the_same_message(spool: Spool) -> None:
    """The same id again is the same message, even when it says something else."""
    assert spool.add([hint(1, "m")]) == 1
    assert spool.add([hint(2, "m")]) == 0


def test_delivered_stays_known(spool: Spool) -> None:
    """A version that was delivered is not delivered again."""
    spool.add([hint(1)])
    (kept,) = spool.due()
    assert spool.delivered(kept, "update started", ["run-1"])
    assert spool.add([hint(1, "later")]) == 0
    assert spool.due() == []
    assert spool.get(kept.number).flow_runs == "run-1"


def test_without_a_version(spool: Spool) -> None:
    """While one without a version waits, another adds nothing; later it is news again."""
    assert spool.add([hint(None, "a")]) == 1
    assert spool.add([hint(None, "b")]) == 0
    (kept,) = spool.due()
    assert spool.delivered(kept, "already applied")
    assert spool.add([hint(None, "c")]) == 1


def test_news_while_it_is_worked_on(spool: Spool) -> None:
    """A hint that another message joined after Vault was read for it waits on, and is read for again."""
    spool.add([hint(None, "a")])
    (kept,) = spool.due()
    spool.add([hint(None, "b")])
    assert not spool.delivered(kept, "already applied")
    (again,) = spool.due()
    assert spool.delivered(again, "already applied")


def test_a_dead_one_lives_again(spool: Spool, now: Now) -> None:
    """A version that nobody knew yet and that is told again, is tried again."""
    spool.add([hint(9)])
    (kept,) = spool.due()
    spool.bury(kept, "newer than Vault knows")
    assert spool.counts().dead == 1
    assert spool.add([hint(9)]) == 0  # the same message is no news
    now.at += 10
    assert spool.add([hint(9, "again")]) == 1
    (again,) = spool.due()
    assert (again.state, again.since, again.attempts) == ("waiting", now.at, 0)


def test_retry(spool: Spool, now: Now) -> None:
    """A hint that is put off is not due before its time, and keeps the kind of the error only."""
    spool.add([hint(1)])
    (kept,) = spool.due()
    spool.retry(kept, "prefect: Unreachable", 30)
    assert spool.due() == []
    assert spool.next_due() == now.at + 30
    now.at += 30
    (again,) = spool.due()
    assert (again.attempts, again.last_error) == (1, "prefect: Unreachable")


def test_replay_and_drop(spool: Spool) -> None:
    """A person may let any hint wait again, or end it for good."""
    spool.add([hint(1), hint(2)])
    first, second = spool.due()
    spool.bury(first, "newer than Vault knows")
    assert spool.replay(first.number).state == "waiting"
    dropped = spool.drop(second.number)
    assert (dropped.state, dropped.outcome) == ("delivered", DROPPED)
    assert spool.add([hint(2, "again")]) == 0
    for act in (spool.replay, spool.drop, spool.get):
        with pytest.raises(NotFound):
            act(99)


def test_replay_beside_a_waiting_twin(spool: Spool) -> None:
    """Replaying one without a version changes nothing while another waits for the same secret."""
    spool.add([hint(None, "a")])
    (first,) = spool.due()
    spool.delivered(first, "already applied")
    spool.add([hint(None, "b")])
    assert spool.replay(first.number).state == "delivered"


def test_bounded_in_rows(spool: Spool) -> None:
    """A full spool refuses with a wait, keeps all it has, and takes more once there is room."""
    spool.add([hint(version) for version in range(1, 21)])
    with pytest.raises(Full) as refused:
        spool.add([hint(21)])
    assert refused.value.retry_after
    assert spool.counts().waiting == 20
    assert spool.add([hint(3, "again")]) == 0  # what is known needs no room
    spool.delivered(spool.due()[0], "already applied")
    assert spool.add([hint(21)]) == 1


def test_bounded_in_bytes(tmp_path: Path) -> None:
    """Bytes are bounded too: the file stops growing."""
    file = tmp_path / "small"
    with Spool(file, Limits(rows=100_000, bytes=200_000)) as spool:
        with pytest.raises(Full):
            for version in range(1, 2_000):
                spool.add([hint(version, path=f"{'x' * 400}/{version}")])
        held = spool.counts().waiting
        assert held > 50
        assert spool.counts().waiting == held
    assert file.stat().st_size < 400_000


def test_all_or_none(spool: Spool) -> None:
    """Hints of one message are kept together or not at all."""
    with pytest.raises(Full):
        spool.add([hint(version) for version in range(1, 30)])
    assert spool.counts().waiting == 0


def test_forgets_what_is_over(spool: Spool, now: Now) -> None:
    """Delivered hints are forgotten after their time, or when they are too many; waiting ones never."""
    spool.add([hint(version) for version in range(1, 11)])
    for kept in spool.due()[:8]:
        now.at += 1
        spool.delivered(kept, "already applied")
    spool.prune()
    assert spool.counts().delivered == 5
    now.at += 500
    spool.prune()
    assert (spool.counts().delivered, spool.counts().waiting) == (0, 2)


def test_survives_reopening(tmp_path: Path) -> None:
    """What was kept is there in the next process."""
    with Spool(tmp_path / "spool") as first:
        first.add([hint(1)])
    with Spool(tmp_path / "spool") as second:
        assert [kept.hint.path for kept in second.due()] == ["apps/hq"]


def test_for_this_user_only(spool: Spool) -> None:
    """Nobody else can read the file, nor those that SQLite keeps beside it."""
    spool.add([hint(1)])
    files = list(spool.path.parent.glob("spool*"))
    assert len(files) > 1
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_commits_reach_the_disk(spool: Spool) -> None:
    """Each commit waits for the disk: synchronous is FULL, and the journal is a WAL."""
    assert spool._line.execute("PRAGMA synchronous").fetchone() == (2,)
    assert spool._line.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_many_threads_and_files(tmp_path: Path) -> None:
    """Threads and several openers of one file keep each version once, and lose none."""
    new: list[int] = []

    def send(spool: Spool, start: int) -> None:
        for version in range(start, start + 40):
            new.append(spool.add([hint(version, f"{start}-{version}")]))

    with Spool(tmp_path / "spool") as one, Spool(tmp_path / "spool") as two:
        threads = [
            threading.Thread(target=send, args=(spool, start))
            for start in (1, 11, 21)
            for spool in (one, two)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(new) == one.counts().waiting == 60


def test_another_process_comes_and_goes(tmp_path: Path) -> None:
    """A process that opens the spool and closes it again does not take the journal away from this one."""
    look = (
        "import sys, pathlib; from intake.spool import Spool\n"
        "with Spool(pathlib.Path(sys.argv[1])) as spool: print(spool.counts().waiting)"
    )

    def seen() -> int:
        command = [sys.executable, "-c", look, str(tmp_path / "spool")]
        return int(subprocess.run(command, check=True, capture_output=True, cwd=ROOT).stdout)

    with Spool(tmp_path / "spool") as one, Spool(tmp_path / "spool") as two:
        one.add([hint(1)])
        assert seen() == 1
        two.add([hint(2)])
        one.add([hint(3)])
        assert seen() == 3


def test_locked_by_another(tmp_path: Path) -> None:
    """A lock that is held too long is told as what it is, nothing is kept, and later it goes on."""
    with Spool(tmp_path / "spool", patience=0.05) as spool:
        other = sqlite3.connect(tmp_path / "spool", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unreachable, match="SQLITE_BUSY") as refused:
            spool.add([hint(1)])
        assert refused.value.__context__ is None
        other.execute("ROLLBACK")
        other.close()
        assert spool.counts().waiting == 0
        assert spool.add([hint(1)]) == 1


def test_a_newer_schema(tmp_path: Path) -> None:
    """A file of a newer version is refused, saying why, and left as it is."""
    with Spool(tmp_path / "spool") as spool:
        spool._line.execute("PRAGMA user_version = 2")
    before = (tmp_path / "spool").read_bytes()
    with pytest.raises(OutOfStep, match="schema is 2"):
        Spool(tmp_path / "spool")
    assert (tmp_path / "spool").read_bytes() == before


@pytest.mark.parametrize("kind", ["another program's", "no database"])
def test_strange_files(tmp_path: Path, kind: str) -> None:
    """A file that is no spool is refused and left as it is."""
    file = tmp_path / "spool"
    if kind == "no database":
        file.write_text("something else entirely, and long enough to be no header of SQLite's" * 20)
    else:
        other = sqlite3.connect(file)
        other.execute("CREATE TABLE hints (x)")
        other.close()
    with pytest.raises(OutOfStep, match="spool: open"):
        Spool(file)


def test_no_folder(tmp_path: Path) -> None:
    """A folder that is missing is told; looking at a spool that is not there does not make one."""
    with pytest.raises(Unreachable):
        Spool(tmp_path / "none" / "spool")
    with pytest.raises(Unreachable):
        Spool(tmp_path / "spool", create=False)
    assert not (tmp_path / "spool").exists()


def test_index_of_the_last_event(spool: Spool) -> None:
    """What waits needs the state of the last event about it; one without a state takes none away."""
    for number, index in enumerate(("one", "two", None)):
        spool.add([Hint("ldap", "svc-a", None, Source.EVENT, f"e-{number}", index)])
    (kept,) = spool.due()
    assert (kept.vault_index, kept.hint.vault_index) == ("two", "two")
