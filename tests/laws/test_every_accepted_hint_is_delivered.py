"""Every hint that was answered with 202 leads to exactly one update, whoever is killed, away or locked."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from intake.spool import Spool
from sandbox.standin.tls import Authority
from tests.contracts.vault.server import Server, stand_in
from tests.intake.prefect_stand_in import PrefectStandIn
from tests.intake.process import Intake, Senders, path_of
from tests.waiting import eventually

KILLS = 6
CONNECTIONS = 30
NEWS = 12
"""How many secrets change before each kill."""
StartIntake = Callable[..., Intake]


@pytest.fixture(scope="module")
def vault(authority: Authority) -> Iterator[Server]:
    """Start a Vault."""
    with stand_in(authority) as server:
        yield server


@pytest.fixture
def prefect() -> Iterator[PrefectStandIn]:
    """Start what answers as Prefect."""
    with PrefectStandIn() as server:
        yield server


@pytest.fixture
def intake(tmp_path: Path, vault: Server, prefect: PrefectStandIn) -> Iterator[Intake]:
    """Return an intake that is not started yet."""
    with ExitStack() as stack:
        yield stack.enter_context(Intake(tmp_path, vault, prefect, CONNECTIONS))


def _require_on_disk(intake: Intake) -> None:
    """Require that everything answered with 202 so far is in the spool, whatever became of it."""
    accepted = set(intake.accepted)  # first: an answer may still be on its way to a sender
    with Spool(intake.spool_file, create=False) as spool:
        kept = {(kept.path, kept.version) for kept in spool.entries(limit=100_000)}
    assert {(path_of(number), version) for number, version in accepted} <= kept


def _require_one_run_each(intake: Intake) -> None:
    """Require one run for each accepted version, and none for anything else."""
    runs = intake.runs()
    newest = dict(sorted(runs))
    assert set(runs.values()) == {1}
    for number, version in intake.accepted:
        # A version that was overtaken before it was delivered is brought by the newer one.
        assert (number, version) in runs or newest.get(number, 0) > version


def _measured(intake: Intake, **more: object) -> str:
    again = sum(intake.prefect.asked.values()) - len(intake.prefect.runs)
    told = {
        "messages": intake.sent,
        "accepted": len(intake.accepted),
        "versions": len(set(intake.accepted)),
        "runs": len(intake.prefect.runs),
        "asked again under the same key": again,
        **more,
    }
    return ", ".join(f"{name} {value}" for name, value in told.items())


def test_killed_under_load(intake: Intake, record_property: Any) -> None:
    """Killed at random moments while messages come in, with Prefect away now and then and answers lost."""
    intake.prefect.losing = 7
    moments = random.Random()
    with Senders(intake, intake.write(range(CONNECTIONS)) * 2) as senders:
        for life in range(1, KILLS + 1):
            intake.prefect.down = life % 3 == 2
            senders.more(intake.write(moments.sample(range(CONNECTIONS), NEWS)) * 2)
            before = len(intake.accepted)
            intake.start()
            eventually(lambda before=before: len(intake.accepted) > before, bool)  # type: ignore[misc]
            threading.Event().wait(moments.uniform(0.0, 0.3))
            intake.kill()
            _require_on_disk(intake)
            record_property("kill_point", f"life {life}, {len(intake.accepted)} accepted")
        intake.prefect.down = False
        intake.start()
        eventually(lambda: senders.left, lambda left: left == 0)
    intake.until_empty()
    assert set(senders.codes) <= {0, 202}
    _require_one_run_each(intake)
    record_property("measured", _measured(intake, kills=KILLS))


def test_prefect_away(intake: Intake, record_property: Any) -> None:
    """While Prefect does not answer everything is accepted; once it does, everything is delivered."""
    intake.prefect.down = True
    intake.start()
    news = intake.write(range(CONNECTIONS))
    with Senders(intake, news) as senders:
        eventually(lambda: senders.left, lambda left: left == 0)
    eventually(lambda: intake.prefect.refused, lambda refused: refused > 2)
    assert set(senders.codes) == {202}
    assert not intake.prefect.runs
    intake.prefect.down = False
    back = time.monotonic()
    intake.until_empty()
    seconds = time.monotonic() - back
    assert intake.runs() == dict.fromkeys(news, 1)
    assert len(set(intake.prefect.events)) == len(news)
    assert intake.stop() == 0
    record_property("measured", _measured(intake, **{"seconds until delivered": f"{seconds:.1f}"}))


def test_no_deployment(intake: Intake, record_property: Any) -> None:
    """While the deployment is missing hints wait, and are delivered once somebody has deployed it."""
    intake.prefect.deployed = False
    intake.start()
    news = intake.write(range(5))
    with Senders(intake, news) as senders:
        eventually(lambda: senders.left, lambda left: left == 0)
    assert intake.waiting() == len(news)
    intake.prefect.deployed = True
    intake.until_empty()
    assert intake.runs() == dict.fromkeys(news, 1)
    record_property("measured", _measured(intake))


def test_spool_locked(intake: Intake, record_property: Any) -> None:
    """While another process holds the spool, nothing is accepted that is not on the disk."""
    intake.start()
    news = intake.write(range(CONNECTIONS))
    other = sqlite3.connect(intake.spool_file, isolation_level=None, check_same_thread=False)
    with Senders(intake, news) as senders:
        eventually(lambda: intake.accepted, bool)
        other.execute("BEGIN IMMEDIATE")
        held = len(intake.accepted)
        threading.Event().wait(1.0)
        # One answer may have been on its way when the lock was taken.
        assert len(intake.accepted) <= held + 3
        other.execute("ROLLBACK")
        eventually(lambda: senders.left, lambda left: left == 0)
    other.close()
    intake.until_empty()
    assert set(senders.codes) <= {202, 503}
    assert intake.runs() == dict.fromkeys(news, 1)
    record_property(
        "measured", _measured(intake, **{"refused with 503": senders.codes.get(503, 0)})
    )
