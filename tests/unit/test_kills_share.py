"""The share of the kill matrices that one day's run tries."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.laws.conftest import tried

CASES = [f"tests/laws/test_rotation_survives_a_kill.py::test_x[{n}]" for n in range(400)]


@pytest.mark.parametrize("share", [1, 8])
def test_every_case_has_its_day(share: int) -> None:
    """Within as many days as there are shares every case is tried exactly once."""
    days = [(date(2026, 5, 4) + timedelta(days=n)).isoformat() for n in range(share)]
    assert all(sum(tried(case, share, day) for day in days) == 1 for case in CASES)


def test_a_share_is_a_share() -> None:
    """No day has nothing, and none has most of it."""
    count = sum(tried(case, 8, "2026-05-04") for case in CASES)
    assert 30 < count < 70
