"""A record of a run to render, filled by each test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from connectors.models import Extension
from report.procedure import BY_NUMBER, steps_of_update
from report.record import ConnectionRecord, Entry, Result, RunRecord

Ran = Callable[..., None]


def entry(number: str, result: Result = Result.DONE, evidence: str = "seen") -> Entry:
    """Return a finished try of a step."""
    title = BY_NUMBER[number.rstrip("u")].title
    return Entry(number, title, "hq-m365", result, datetime(2026, 1, 1, tzinfo=UTC), 1.5, evidence)


@pytest.fixture
def run() -> RunRecord:
    """Return the record of a run of one Microsoft 365 connection."""
    made = RunRecord("update_account_credentials", "run-1", "hq", dry_run=False)
    steps = steps_of_update(Extension.MICROSOFT_365)
    made.connections.append(ConnectionRecord("hq-m365", "update to the latest version", steps))
    made.entries.append(entry("P1"))
    return made


@pytest.fixture
def connection(run: RunRecord) -> ConnectionRecord:
    """Return its only connection."""
    return run.connections[0]


@pytest.fixture
def ran(connection: ConnectionRecord) -> Ran:
    """Return a function that adds done steps, the last with a result of its own."""

    def add(numbers: str, last: Result = Result.DONE) -> None:
        *before, final = numbers.split()
        connection.entries += [*(entry(number) for number in before), entry(final, last)]

    return add
