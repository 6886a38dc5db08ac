"""When the schedules of prefect.yaml start runs, also where clocks are changed."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from prefect.client.schemas.schedules import CronSchedule as Stored
from prefect.server.schemas.schedules import CronSchedule

from cli.deployments import Schedule, check

ROOT = Path(__file__).parents[3]
SCHEDULES = {
    f"{entry.name} {schedule.slug}": schedule
    for entry in check(ROOT / "prefect.yaml", ROOT / "deployments" / "automations.yaml").deployments
    for schedule in entry.schedules
}
# Clocks that change at 24:00, 0:00, 1:00, 2:00 and 3:00, by one hour or half of one, and that do not.
ZONES = [
    "Etc/UTC", "Europe/Berlin", "Europe/London", "Atlantic/Azores", "America/New_York", "America/Santiago",
    "America/Havana", "Africa/Cairo", "Asia/Beirut", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Auckland",
]  # fmt: skip
START = datetime(2027, 1, 1, tzinfo=UTC)
DAYS = 365


def _starts(
    schedule: Schedule, zone: str, begin: datetime = START, days: int = DAYS
) -> list[datetime]:
    """Return when Prefect's scheduler starts runs, on the clock of a zone; a thousand at most."""
    made = CronSchedule(cron=schedule.cron, timezone=zone)
    end = begin + timedelta(days=days)
    dates = asyncio.run(made.get_dates(n=1000, start=begin, end=end))
    # Plain datetimes: those of the scheduler do not compare as these do.
    return [datetime.fromtimestamp(date.timestamp(), ZoneInfo(zone)) for date in dates]


def _pauses(starts: list[datetime]) -> Counter[timedelta]:
    instants = [start.astimezone(UTC) for start in starts]
    return Counter(later - earlier for earlier, later in pairwise(instants))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("name", ["verify daily", "rotate-due maintenance-window"])
def test_once_a_day(name: str, zone: str) -> None:
    """A daily run starts once on every day, at its hour on the clock of its zone, whatever happens to that clock."""
    schedule = SCHEDULES[name]
    hour = int(schedule.cron.split()[1])
    starts = _starts(schedule, zone)
    days = Counter(start.date() for start in starts[1:-1])
    assert set(days.values()) == {1}
    assert len(starts) in {DAYS, DAYS + 1}
    assert {(start.hour, start.minute) for start in starts} == {(hour, 0)}


def test_a_missing_hour_is_why() -> None:
    """An hour that a change of clocks skips is not kept: the reason for the hour in prefect.yaml."""
    skipped = SCHEDULES["verify daily"].model_copy(update={"cron": "30 2 * * *"})
    times = {(start.hour, start.minute) for start in _starts(skipped, "Europe/Berlin")}
    assert times != {(2, 30)}


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        pytest.param("Etc/UTC", datetime(2027, 3, 27, tzinfo=UTC), id="no change"),
        pytest.param("Europe/Berlin", datetime(2027, 3, 27, tzinfo=UTC), id="an hour skipped"),
        pytest.param("Europe/Berlin", datetime(2027, 10, 30, tzinfo=UTC), id="an hour twice"),
        pytest.param("Australia/Lord_Howe", datetime(2027, 4, 3, tzinfo=UTC), id="half an hour"),
    ],
)
def test_reconcile_never_pauses(zone: str, day: datetime) -> None:
    """Reconcile starts every 15 minutes, and a change of clocks makes no longer pause than an hour more."""
    pauses = _pauses(_starts(SCHEDULES["reconcile every-15-minutes"], zone, day, days=3))
    assert pauses[timedelta(minutes=15)] >= 3 * 96 - 10
    assert max(pauses) <= timedelta(minutes=75)


def test_alert_leaves_time_for_a_run() -> None:
    """The alert about a late verification comes later than a day and the hour by which clocks change, and the run."""
    rules = check(ROOT / "prefect.yaml", ROOT / "deployments" / "automations.yaml").automations
    (late,) = [a for a in rules.automations if a.name.endswith("verification is late")]
    longest = timedelta(seconds=late.trigger.within)
    assert longest >= timedelta(days=1, hours=1, minutes=30)
    for zone in ZONES:
        assert max(_pauses(_starts(SCHEDULES["verify daily"], zone))) < longest


def test_every_schedule_is_one_that_prefect_stores() -> None:
    """Prefect's own model takes each schedule as it stands."""
    for schedule in SCHEDULES.values():
        assert Stored(cron=schedule.cron, timezone=schedule.timezone).day_or is True
