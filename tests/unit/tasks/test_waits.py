"""How long a run waited for a person, by the states that Prefect kept of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.schemas.objects import State, StateType

from report.record import Wait
from tasks._waits import waits

START = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
PAUSED, RUNNING = StateType.PAUSED, StateType.RUNNING
SCHEDULED, PENDING = StateType.SCHEDULED, StateType.PENDING


def _states(*told: tuple[int, StateType]) -> list[State]:
    return [State(type=kind, timestamp=START + timedelta(seconds=at)) for at, kind in told]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([(0, PENDING), (1, RUNNING)], []),
        ([(1, RUNNING), (3, PAUSED), (60, SCHEDULED), (61, PENDING), (63, RUNNING)], [(3, 60)]),
        ([(1, RUNNING), (3, PAUSED), (9, RUNNING), (10, PAUSED), (30, RUNNING)], [(3, 6), (10, 20)]),
        ([(1, RUNNING), (3, PAUSED), (4, PAUSED), (9, RUNNING)], [(3, 6)]),
        ([(9, RUNNING), (3, PAUSED), (1, RUNNING)], [(3, 6)]),
        ([(1, RUNNING), (3, PAUSED)], []),
    ],
    ids=["never", "once", "twice", "said twice", "in any order", "not ended"],
)  # fmt: skip
def test_waits(states: list[tuple[int, StateType]], expected: list[tuple[int, float]]) -> None:
    """A wait goes from a suspension to the run's next start, the resumption's queue included."""
    assert list(waits(_states(*states))) == [
        Wait(START + timedelta(seconds=at), seconds) for at, seconds in expected
    ]
