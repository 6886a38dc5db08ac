"""The timeline of one connection of a run: a bar per try, on one axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from report.document import ConnectionOfRun, Pause
from report.pages.drawing import WIDTH, fitted, framed, text
from report.pages.markup import Markup, element, join
from report.pages.spans import SIGNS, WORDS, Axis, Bar, Kind, Line, lines
from report.pages.words import length

_LEFT, _RIGHT = 316.0, 672.0
_TOP, _ROW = 34.0, 22.0
_NARROWEST = 3.0


def draw(connection: ConnectionOfRun, waits: Sequence[Pause], *, alone: bool) -> Markup | None:
    """Return the picture; None where no step was run. ``alone``: as an image of its own."""
    shown = lines(connection, waits)
    if not shown:
        return None
    axis = Axis(shown)
    bottom = _TOP + _ROW * len(shown)
    return framed(
        bottom + 42,
        f"Timeline of {connection.name}",
        told(connection, waits),
        _grid(axis, bottom),
        [_line(axis, line, _TOP + _ROW * row) for row, line in enumerate(shown)],
        _legend(shown, bottom + 32),
        name=f"timeline-{connection.name}",
        alone=alone,
    )


def told(connection: ConnectionOfRun, waits: Sequence[Pause]) -> str:
    """Say in sentences what the picture shows."""
    shown = lines(connection, waits)
    if not shown:
        return "No step was run."
    steps = [line for line in shown if line.number]
    said = [f"{len(steps)} steps in {length(Axis(shown).seconds)}."]
    if steps:
        longest = max(steps, key=lambda line: line.seconds)
        said.append(f"The longest was {longest.number} {longest.title}, {length(longest.seconds)}.")
    for kind, what in ((Kind.RETRYING, "tried again"), (Kind.FAILED, "failed")):
        numbers = [line.number for line in steps if any(bar.kind is kind for bar in line.bars)]
        said += [f"{', '.join(numbers)} {what}."] if numbers else []
    said += [
        f"{WORDS[line.last.kind].capitalize()}: {length(line.seconds)}."
        for line in shown
        if not line.number
    ]
    return " ".join(said)


def _x(axis: Axis, bar: Bar) -> tuple[float, float]:
    left = _LEFT + axis.at(bar.start) * (_RIGHT - _LEFT)
    right = _LEFT + axis.at(bar.end) * (_RIGHT - _LEFT)
    # What took no time to speak of can still be seen.
    return min(left, _RIGHT - _NARROWEST), max(right - left, _NARROWEST)


def _grid(axis: Axis, bottom: float) -> Iterator[Markup]:
    yield text(_LEFT, 20, "0 s", class_="soft")
    yield text(_RIGHT, 20, length(axis.seconds), class_="soft", end=True)
    for x in (_LEFT, _RIGHT):
        yield element("path", d=f"M{x:g} 26V{bottom:g}", class_="grid")
    for stretch in axis.stretches:
        if stretch.broken:
            left, right = (_LEFT + at * (_RIGHT - _LEFT) for at in (stretch.left, stretch.right))
            middle = (left + right) / 2
            for x in (left, right):
                yield element("path", d=f"M{x:.1f} 26V{bottom:g}", class_="break")
            said = f"≈ {length(stretch.seconds)}"
            yield element(
                "text", said, x=middle, y=bottom + 14, class_="soft", text_anchor="middle"
            )


def _line(axis: Axis, line: Line, top: float) -> Markup:
    baseline = top + 15
    kind = line.last.kind
    return join(
        (
            element("path", d=f"M8 {top + _ROW:g}H{WIDTH - 8}", class_="grid"),
            text(12, baseline, SIGNS[kind]),
            text(32, baseline, line.number, class_="strong"),
            text(
                70 if line.number else 32, baseline, fitted(line.title, 38 if line.number else 42)
            ),
            [_bar(axis, bar, top) for bar in line.bars],
            text(WIDTH - 12, baseline, length(line.seconds), end=True),
        )
    )


def _bar(axis: Axis, bar: Bar, top: float) -> Markup:
    left, width = _x(axis, bar)
    if bar.kind is Kind.GAP:
        right, middle = left + width, top + _ROW / 2
        shape = f"M{left:.1f} {top + 5:g}V{top + 17:g}M{left:.1f} {middle:g}H{right:.1f}M{right:.1f} {top + 5:g}V{top + 17:g}"
        return element("path", d=shape, class_="gap")
    return element(
        "rect", x=left, y=top + 5, width=width, height=_ROW - 10, rx=2, class_=bar.kind.value
    )


def _legend(shown: Sequence[Line], y: float) -> Iterator[Markup]:
    x = 12.0
    kinds = {bar.kind for line in shown for bar in line.bars}
    for kind in Kind:
        if kind in kinds and kind not in (Kind.WAIT, Kind.GAP):
            yield element("rect", x=x, y=y - 9, width=10, height=10, rx=2, class_=kind.value)
            said = f"{SIGNS[kind]} {WORDS[kind]}"
            yield text(x + 16, y, said, class_="soft")
            x += 34 + 6.2 * len(said)
