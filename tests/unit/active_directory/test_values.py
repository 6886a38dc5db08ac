"""Attribute values: times, intervals and numbers as the directory stores them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.active_directory.values import Entry, file_time, generalized_time, interval

NEVER = 9223372036854775807


@pytest.mark.parametrize("ticks", [None, 0, -1, NEVER, NEVER - 1])
def test_no_time(ticks: int | None):
    """None, zero, never and beyond the calendar are no time."""
    assert file_time(ticks) is None


@given(st.datetimes(datetime(1601, 1, 2), datetime(9999, 12, 31)))
def test_file_time(moment: datetime):
    """A file time is 100 ns since 1601, in UTC."""
    moment = moment.replace(tzinfo=UTC)
    ticks = (moment - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10

    assert moment == file_time(ticks)


def test_interval():
    """Stored intervals are negative; the lowest number means for ever."""
    assert timedelta(minutes=30) == interval(-18_000_000_000)
    assert interval(-(2**63)) is None
    assert interval(0) is None


def test_generalized_time():
    """The controller's clock is read; nonsense is no time."""
    assert datetime(2026, 1, 31, 12, tzinfo=UTC) == generalized_time("20260131120000.0Z")
    assert generalized_time("soon") is None
    assert generalized_time(None) is None


def test_entry():
    """Values are found whatever the case; a missing or strange one is None."""
    entry = Entry("CN=x", {"badpwdcount": (b"3",), "cn": ("Zoë".encode(),), "odd": (b"x",)})

    assert entry.number("badPwdCount") == 3
    assert entry.text("CN") == "Zoë"
    assert entry.number("odd") is None
    assert entry.number("lockoutTime") is None
    assert entry.time("pwdLastSet") is None
