"""The decorator on a real Prefect server: names, tries, waits, seals, and what is already so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prefect import flow
from prefect.runtime import flow_run

from connectors.errors import (
    Conflict,
    InvalidInput,
    NeedsPerson,
    NotPermitted,
    OutOfStep,
    RotationError,
    SignInReason,
    SignInRefused,
    Unknown,
    Unreachable,
)
from report.procedure import BY_NUMBER
from report.record import ConnectionRecord, Result, RunRecord, recording
from tasks._step import AlreadySo, Answer, Done, step
from tasks._wait import CLOCK, Clock
from tests.running import Server
from tests.unit.tasks.conftest import MovedClock
from tests.waiting import eventually

pytestmark = [pytest.mark.prefect, pytest.mark.bookkeeping]

AWAY = Unreachable("s", "o")
Play = Callable[..., RunRecord]


@pytest.fixture
def clock() -> Iterator[MovedClock]:
    """Let every wait of the steps pass at once."""
    moved = MovedClock()
    token = CLOCK.set(Clock(moved.now, moved.sleep))
    yield moved
    CLOCK.reset(token)


@pytest.fixture
def play(prefect_api: Server, clock: MovedClock) -> Play:
    """Return a function that runs one step that answers as told, and returns the run's record."""

    def run(*answers: Exception | Answer[int], number: str = "A5", undo: bool = False) -> RunRecord:
        script = iter(answers)

        @step(number, undo=undo)
        def told() -> Answer[int]:
            answer = next(script)
            if isinstance(answer, Exception):
                raise answer
            return answer

        @flow(name="one step", persist_result=False)
        def one_step() -> RunRecord:
            record = RunRecord("one step", flow_run.get_id() or "", "hq", dry_run=False)
            here = ConnectionRecord("hq-ad", "x", ())
            with recording(record), record.working_on(here):
                try:
                    here.asked = str(told())
                except RotationError as error:
                    here.error = error
            return record

        return one_step()

    return run


def _results(record: RunRecord) -> list[Result]:
    return [entry.result for entry in record.connections[0].entries]


def _shown(server: Server, record: RunRecord) -> tuple[str, str]:
    def one_with_a_final_state(runs: list[dict[str, Any]]) -> bool:
        return len(runs) == 1 and (runs[0]["state"] or {}).get("type") == "COMPLETED"

    (only,) = eventually(lambda: server.task_runs(record.run_id), one_with_a_final_state)
    return only["name"], only["state"]["name"]


def test_number_and_title_are_shown(play: Play, prefect_api: Server) -> None:
    """The run list shows number, title and connection; the value comes back, the evidence is kept."""
    record = play(Done(7, "seen"))
    name, state = _shown(prefect_api, record)
    assert (name, state) == (f"A5 {BY_NUMBER['A5'].title} · hq-ad", "Completed")
    assert record.connections[0].asked == "7"
    assert record.connections[0].entries[0].evidence == "seen"


def test_an_undo_is_shown_as_one(play: Play, prefect_api: Server) -> None:
    """An undo has a u behind its number and says that it is one."""
    record = play(Done(7, "seen"), number="A4", undo=True)
    assert _shown(prefect_api, record)[0] == f"A4u undo: {BY_NUMBER['A4'].title} · hq-ad"


def test_already_so_is_a_state_of_its_own(play: Play, prefect_api: Server) -> None:
    """What was so already shows as skipped, and its value comes back all the same."""
    record = play(AlreadySo(8, "it was"))
    assert _shown(prefect_api, record)[1] == "Skipped (already so)"
    assert record.connections[0].asked == "8"
    assert _results(record) == [Result.ALREADY_SO]


def test_unreachable_is_tried_again(play: Play) -> None:
    """A system that comes back is tried again; the tries before are no failures."""
    record = play(AWAY, AWAY, Done(7, "seen"))
    assert record.connections[0].error is None
    assert _results(record) == [Result.RETRYING, Result.RETRYING, Result.DONE]


def test_tries_have_an_end(play: Play) -> None:
    """After the configured number of tries the error stands."""
    record = play(AWAY, AWAY, AWAY, Done(7, "never"))
    assert isinstance(record.connections[0].error, Unreachable)
    assert _results(record) == [Result.RETRYING, Result.RETRYING, Result.FAILED]


@pytest.mark.parametrize(
    "error",
    [
        Conflict("s", "o"),
        InvalidInput("s", "o"),
        NotPermitted("s", "o"),
        SignInRefused("s", "o", reason=SignInReason.WRONG_PASSWORD),
        Unknown("s", "o"),
        OutOfStep("s", "o"),
        NeedsPerson("s", "o"),
        TimeoutError("of somebody"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_nothing_else_is_tried_again(play: Play, error: Exception) -> None:
    """A no, a loss, a disagreement or a foreign error ends the step at its first try."""
    record = play(error, Done(7, "never"))
    assert _results(record) == [Result.FAILED]


def test_retry_after_is_waited_out(play: Play, clock: MovedClock) -> None:
    """What the other system asked for is waited out before the next try, once."""
    play(Unreachable("s", "o", retry_after=42.0), AWAY, Done(7, "seen"))
    assert pytest.approx(clock.slept) == [42]


def test_retry_after_is_capped(
    play: Play, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody makes a run wait longer than the configured wait."""
    monkeypatch.setenv("ROTATION_RETRY_LONGEST_WAIT", "60")
    play(Unreachable("s", "o", retry_after=86400.0), Done(7, "seen"))
    assert pytest.approx(clock.slept) == [60]


def test_the_wait_of_one_step_is_not_the_next_ones(play: Play, clock: MovedClock) -> None:
    """A step that gave up leaves no wait to the step after it."""
    away = Unreachable("s", "o", retry_after=42.0)
    play(away, away, away)
    before = len(clock.slept)
    play(Done(7, "seen"))
    assert len(clock.slept) == before


def test_foreign_errors_are_sealed(play: Play, new_password: Callable[[], str]) -> None:
    """A foreign error leaves its kind and place, and neither its text nor itself."""
    secret = new_password()
    error = play(ValueError(secret)).connections[0].error
    assert isinstance(error, Unknown)
    assert error.identifiers["kind"] == "ValueError"
    assert "test_steps.py" in error.identifiers["at"]
    assert error.__cause__ is None
    assert secret not in str(error)


def test_typed_errors_lose_their_cause(play: Play, new_password: Callable[[], str]) -> None:
    """A typed error leaves without what it was raised from."""
    error = NotPermitted("s", "o")
    error.__cause__ = ValueError(new_password())
    kept = play(error).connections[0].error
    assert isinstance(kept, NotPermitted)
    assert kept.__cause__ is None
