"""What becomes of failures in a row: growing waits within bounds, and at last a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.errors import (
    BudgetSpent,
    Conflict,
    InvalidInput,
    NeedsPerson,
    NotPermitted,
    OutOfStep,
    PolicyRefused,
    RotationError,
    SignInReason,
    SignInRefused,
    Unknown,
    Unreachable,
)
from connectors.rotation import Trouble
from inventory.models import FailurePolicy
from tasks._trouble import after_failure

NOW = datetime(2026, 5, 4, tzinfo=UTC)
POLICY = FailurePolicy(most_cycles=6, first_wait_minutes=5, longest_wait_minutes=60)


def _in_a_row(error: RotationError, times: int) -> list[Trouble]:
    found: list[Trouble] = []
    for _ in range(times):
        found.append(after_failure(found[-1] if found else None, error, "X", POLICY, NOW))
    return found


def test_waits_double_up_to_the_longest() -> None:
    """The n-th wait is at most 5, 10, 20, 40, 60 minutes, and at least half of that."""
    waits = [trouble.not_before - NOW for trouble in _in_a_row(Unreachable("s", "o"), 6)]

    for wait, longest in zip(waits, (5, 10, 20, 40, 60, 60), strict=True):
        assert timedelta(minutes=longest / 2) <= wait <= timedelta(minutes=longest)


def test_waits_differ() -> None:
    """Connections that fail together do not come back together."""
    waits = {
        after_failure(None, Unreachable("s", "o"), "X", POLICY, NOW).not_before for _ in range(20)
    }
    assert len(waits) > 10


@pytest.mark.parametrize("kind", [Unreachable, Unknown, Conflict, BudgetSpent])
def test_what_may_pass_is_tried_again(kind: type[RotationError]) -> None:
    """What may be gone the next time needs a person only after the policy's number of runs."""
    assert [t.needs_person for t in _in_a_row(kind("s", "o"), 6)] == [False] * 5 + [True]


@pytest.mark.parametrize(
    "error",
    [
        SignInRefused("s", "o", reason=SignInReason.LOCKED),
        NotPermitted("s", "o"),
        PolicyRefused("s", "o"),
        InvalidInput("s", "o"),
        OutOfStep("s", "o"),
        NeedsPerson("s", "o"),
        None,
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_stays_needs_a_person_at_once(error: RotationError | None) -> None:
    """The same request would be refused again, so nothing is gained by trying; None: consent is due."""
    assert after_failure(None, error, "Refused", POLICY, NOW).needs_person


def test_it_says_why_and_since_when() -> None:
    """The reason and what to do are the last error's; the beginning is the first one's."""
    first = after_failure(None, Unreachable("s", "first"), "Unreachable", POLICY, NOW)
    later = NOW + timedelta(hours=1)

    last = after_failure(first, NotPermitted("s", "last", advice="do it"), "Refused", POLICY, later)

    assert (last.cycles, last.since, last.reason, last.what_to_do) == (2, NOW, "s: last", "do it")
