"""Numbers from measurements: nothing is thrown away, nothing is smoothed."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, smallest and largest of several measurements, in the unit that they had."""

    p50: float
    min: float
    max: float
    count: int


def spread(values: Iterable[float]) -> Spread:
    """Return the spread of measurements; ValueError when there is none."""
    every = list(values)
    if not every:
        raise ValueError("nothing was measured")
    return Spread(statistics.median(every), min(every), max(every), len(every))


def ratios(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """Return one/other pair by pair, in the order measured; ValueError for lists of unlike length."""
    return [a / b for a, b in zip(one, other, strict=True)]


def differences(one: Sequence[float], other: Sequence[float]) -> list[float]:
    """Return one-other pair by pair, in the order measured; ValueError for lists of unlike length."""
    return [a - b for a, b in zip(one, other, strict=True)]
