"""What a timeline shows: a line per step, wait and gap, and where time goes on the axis.

Hours in which nothing was done would leave no room for the steps: a long pause has a fixed width, and the
axis is broken there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from report.document import ConnectionOfRun, Pause, StepOfRun
from report.record import Result

WIDTH_OF_BREAK = 0.08
"""Part of the axis that a long pause takes."""


class Kind(StrEnum):
    """What a bar stands for."""

    DONE = "done"
    ALREADY_SO = "already-so"
    RETRYING = "retrying"
    FAILED = "failed"
    WAIT = "wait"
    GAP = "gap"


SIGNS = {
    Kind.DONE: "✔",
    Kind.ALREADY_SO: "↷",
    Kind.RETRYING: "↻",
    Kind.FAILED: "✘",
    Kind.WAIT: "…",
    Kind.GAP: "↔",
}
WORDS = {
    Kind.DONE: "done",
    Kind.ALREADY_SO: "skipped (already so)",
    Kind.RETRYING: "no answer, tried again",
    Kind.FAILED: "failed",
    Kind.WAIT: "waited for a person",
    Kind.GAP: "the console held the previous password",
}
_OF_RESULT = {
    Result.DONE: Kind.DONE,
    Result.ALREADY_SO: Kind.ALREADY_SO,
    Result.RETRYING: Kind.RETRYING,
    Result.FAILED: Kind.FAILED,
}


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch of time."""

    kind: Kind
    start: datetime
    seconds: float

    @property
    def end(self) -> datetime:
        """When it ended."""
        return self.start + timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the picture: a step with its tries, a wait, or the gap."""

    number: str
    title: str
    bars: tuple[Bar, ...]

    @property
    def last(self) -> Bar:
        """The bar that says how it ended."""
        return self.bars[-1]

    @property
    def seconds(self) -> float:
        """How long its bars are together."""
        return sum(bar.seconds for bar in self.bars)


def lines(connection: ConnectionOfRun, waits: Sequence[Pause]) -> tuple[Line, ...]:
    """Return the lines of one connection, in the order in which they began; the gap where it began."""
    found = [line for step in connection.steps for line in _of_step(step)]
    found += [Line("", WORDS[Kind.WAIT], (Bar(Kind.WAIT, it.started, it.seconds),)) for it in waits]
    gap = connection.gap
    if gap and gap.since and gap.seconds is not None:
        title = "gap: console holds the previous password"
        found.append(Line("", title, (Bar(Kind.GAP, gap.since, gap.seconds),)))
    return tuple(sorted(found, key=lambda line: line.bars[0].start))


def _of_step(step: StepOfRun) -> Iterator[Line]:
    """Yield a line for the tries of a step and one for its undo; F2 is what draws this, and has no length yet."""
    for number in (step.number, f"{step.number}u"):
        bars = tuple(
            Bar(_OF_RESULT[it.result], it.started, it.seconds)
            for it in step.tries
            if it.number == number and number != "F2"
        )
        if bars:
            undo = "undo: " if number != step.number else ""
            yield Line(number, f"{undo}{step.title}", bars)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the axis, from ``left`` to ``right`` of 0 to 1. ``broken``: not to scale."""

    start: datetime
    end: datetime
    left: float
    right: float
    broken: bool

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end - self.start).total_seconds()


class Axis:
    """Where a moment stands between 0 and 1."""

    def __init__(self, shown: Sequence[Line]) -> None:
        busy = _merged([bar for line in shown for bar in line.bars if bar.kind in _WORKING])
        edges = [moment for bar in _all(shown) for moment in (bar.start, bar.end)]
        self.stretches = _placed(_cut(busy, min(edges), max(edges)))

    @property
    def seconds(self) -> float:
        """How long the whole axis is."""
        return (self.stretches[-1].end - self.stretches[0].start).total_seconds()

    def at(self, moment: datetime) -> float:
        """Return the place of a moment."""
        for it in self.stretches:
            if moment <= it.end:
                part = (moment - it.start).total_seconds() / it.seconds if it.seconds else 0.0
                return min(1.0, it.left + max(0.0, part) * (it.right - it.left))
        return 1.0


_WORKING = (Kind.DONE, Kind.ALREADY_SO, Kind.RETRYING, Kind.FAILED)


def _all(shown: Sequence[Line]) -> list[Bar]:
    return [bar for line in shown for bar in line.bars]


def _merged(bars: Sequence[Bar]) -> list[tuple[datetime, datetime]]:
    """Return the times in which something was done, without overlaps."""
    found: list[tuple[datetime, datetime]] = []
    for bar in sorted(bars, key=lambda bar: bar.start):
        if found and bar.start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], bar.end))
        else:
            found.append((bar.start, bar.end))
    return found


def _cut(
    busy: Sequence[tuple[datetime, datetime]], first: datetime, last: datetime
) -> list[tuple[datetime, datetime, bool]]:
    """Cut the time into stretches; a pause longer than all that was done together is broken."""
    worked = sum((end - start).total_seconds() for start, end in busy)
    longest = timedelta(seconds=max(worked, 1.0))
    cut: list[tuple[datetime, datetime, bool]] = []
    at = first
    for start, end in [*busy, (last, last)]:
        if start - at > longest:
            cut.append((at, start, True))
        elif start > at:
            cut.append((at, start, False))
        if end > max(start, at):
            cut.append((max(start, at), end, False))
        at = max(at, end)
    return cut or [(first, last, False)]


def _placed(cut: Sequence[tuple[datetime, datetime, bool]]) -> tuple[Stretch, ...]:
    """Give each stretch its part of the axis."""
    breaks = sum(broken for *_, broken in cut)
    width = min(WIDTH_OF_BREAK, 0.5 / breaks) if breaks else 0.0
    scaled = sum((end - start).total_seconds() for start, end, broken in cut if not broken)
    room, left, found = 1.0 - breaks * width, 0.0, []
    for start, end, broken in cut:
        part = (end - start).total_seconds() / scaled * room if scaled and not broken else 0.0
        right = left + (width if broken else part)
        found.append(Stretch(start, end, left, right, broken))
        left = right
    return tuple(found)
