"""Waits: looking until it is so, looking after a lost answer, and the settings of both."""

from __future__ import annotations

import pytest

from connectors.errors import InvalidInput, NotPermitted, Unknown, Unreachable
from tasks._wait import eventually, observe
from tasks.settings import RetrySettings
from tests.unit.tasks.conftest import MovedClock

LOST = Unknown("console", "save", row="corp")


@pytest.fixture(autouse=True)
def _as_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ATTEMPTS", "BASE"):
        monkeypatch.delenv(f"ROTATION_RETRY_{name}", raising=False)


def test_what_is_so_costs_no_wait(clock: MovedClock) -> None:
    """A condition that holds at once is seen by one look and no wait."""
    assert eventually(lambda: 7, lambda seen: seen == 7, 60) == 7
    assert clock.slept == []


def test_pauses_double_up_to_the_longest(clock: MovedClock) -> None:
    """Pauses double up to the longest, the last one ends with the deadline, and the last look is returned."""
    looks: list[int] = []
    seen = eventually(lambda: looks.append(1) or len(looks), lambda _: False, 4, longest=1)
    assert pytest.approx(clock.slept[:5]) == [0.1, 0.2, 0.4, 0.8, 1]
    assert sum(clock.slept) == pytest.approx(4)
    assert seen == len(looks) == len(clock.slept) + 1


def test_an_observation_is_patient(clock: MovedClock) -> None:
    """While the system is away the observation waits, as long as it was asked to and not longer than allowed."""
    asked = iter([Unreachable("c", "read", retry_after=9999.0), Unreachable("c", "read"), None])

    def look() -> str:
        error = next(asked)
        if error:
            raise error
        return "seen"

    assert observe(look, LOST) == "seen"
    assert clock.slept[0] == 300
    assert 1 <= clock.slept[1] <= 2


@pytest.mark.parametrize("error", [Unreachable("c", "read"), NotPermitted("c", "read")])
def test_what_cannot_be_observed_stays_unknown(
    clock: MovedClock, error: Unreachable | NotPermitted
) -> None:
    """Where the outcome cannot be looked at, the loss is the error: never one that says nothing changed."""

    def look() -> None:
        raise error

    with pytest.raises(Unknown) as caught:
        observe(look, LOST)
    assert str(caught.value) == str(LOST)
    assert caught.value.__context__ is None
    assert len(clock.slept) == (4 if isinstance(error, Unreachable) else 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ATTEMPTS", "0"), ("ATTEMPTS", "21"), ("ATTEMPTS", "many"), ("BASE", "-1"), ("BASE", "61"),
        ("CAP", "601"), ("CAP", "nan"), ("LONGEST_WAIT", "-1"), ("LONGEST_WAIT", "inf"),
    ],
)  # fmt: skip
def test_wrong_settings_are_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A wrong variable is a refusal that names it, and not a traceback."""
    monkeypatch.setenv(f"ROTATION_RETRY_{name}", value)
    with pytest.raises(InvalidInput, match=f"ROTATION_RETRY_{name}") as caught:
        RetrySettings()
    assert caught.value.__context__ is None


def test_delays_grow_within_their_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is one delay less than tries, each between half and all of base, doubled, capped."""
    monkeypatch.setenv("ROTATION_RETRY_ATTEMPTS", "6")
    monkeypatch.setenv("ROTATION_RETRY_BASE", "2")
    monkeypatch.setenv("ROTATION_RETRY_CAP", "10")
    delays = RetrySettings().delays()
    assert len(delays) == 5
    for delay, full in zip(delays, [2, 4, 8, 10, 10], strict=True):
        assert full / 2 <= delay <= full


def test_one_try_has_no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """One try means that nothing is repeated."""
    monkeypatch.setenv("ROTATION_RETRY_ATTEMPTS", "1")
    assert RetrySettings().delays() == []
