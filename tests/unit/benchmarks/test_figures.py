"""The benchmark's arithmetic: a median that is one, pairs that stay pairs, journals that compare."""

from __future__ import annotations

import pytest

from benchmarks import journals
from benchmarks.figures import Spread, differences, ratios, spread


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        ([3.0], Spread(3.0, 3.0, 3.0, 1)),
        ([9.0, 1.0, 2.0], Spread(2.0, 1.0, 9.0, 3)),
        ([4.0, 1.0, 2.0, 100.0], Spread(3.0, 1.0, 100.0, 4)),
    ],
)
def test_spread(measured: list[float], expected: Spread) -> None:
    """The middle one counts (the mean of the two middle ones), and no outlier is thrown away."""
    assert expected == spread(measured)


def test_spread_of_an_iterator() -> None:
    """Measurements may come from an iterator, which can be read only once."""
    assert Spread(2.0, 1.0, 3.0, 3) == spread(float(n) for n in (1, 2, 3))


def test_nothing_measured() -> None:
    """Without a measurement there is no figure, rather than a nought."""
    with pytest.raises(ValueError, match="nothing was measured"):
        spread([])


def test_pairs_stay_pairs() -> None:
    """Ratio and difference are taken within each pair, not between the medians of both sides."""
    assert ratios([2.0, 1.0], [1.0, 2.0]) == [2.0, 0.5]
    assert differences([2.0, 1.0], [1.0, 2.0]) == [1.0, -1.0]


@pytest.mark.parametrize("compare", [ratios, differences])
def test_incomplete_pair(compare: object) -> None:
    """A pair of which one half is missing is an error, not a pair less."""
    assert callable(compare)
    with pytest.raises(ValueError, match="shorter"):
        compare([1.0, 2.0], [1.0])


def test_calls_are_counted() -> None:
    """Calls are counted by system and route, the total first, then the most frequent."""
    found = {"Vault": ["approle.login -> 200", "kv.read /v1/kv/data/a -> 200", "kv.read x -> 404"]}

    counts = journals.counted(found)

    assert list(counts["Vault"].items()) == [("total", 3), ("kv.read", 2), ("approle.login", 1)]
