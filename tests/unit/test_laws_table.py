"""The table of the laws counts what ran, where, and what was recorded, and fits a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pytest

from tests.laws_table import Law, Laws, detailed, drawn, measured, places_of, sentence_of, short

MODULE = "tests/laws/test_gravity.py"
SOURCE = (
    '"""The law: what is let go falls; always. Even here."""\nfrom sandbox.world import World\n'
)


@pytest.fixture
def laws(tmp_path: Path) -> Laws:
    """Return a listener at a tree with one law."""
    (tmp_path / MODULE).parent.mkdir(parents=True)
    (tmp_path / MODULE).write_text(SOURCE)
    return Laws(tmp_path)


def report(
    test: str,
    outcome: Literal["passed", "failed", "skipped"] = "passed",
    when: Literal["setup", "call", "teardown"] = "call",
    keywords: tuple[str, ...] = (),
    properties: Mapping[str, object] | None = None,
) -> pytest.TestReport:
    """Return what pytest says of a test of the law."""
    said = list((properties or {}).items())
    marks = dict.fromkeys(keywords, 1)
    nodeid = f"{MODULE}::{test}"
    return pytest.TestReport(
        nodeid, (MODULE, 0, test), marks, outcome, None, when, user_properties=said
    )


def heard(laws: Laws, *reports: pytest.TestReport) -> Law:
    """Return the law after these reports."""
    for one in reports:
        laws.pytest_runtest_logreport(one)
    (law,) = laws._laws.values()
    return law


def test_words(laws: Laws) -> None:
    """The words of a law are the first sentence of its module, without the words before it."""
    assert heard(laws, report("test_a")).sentence == "What is let go falls; always"


def test_words_of_a_module_without_any(tmp_path: Path) -> None:
    """A module that says nothing, or cannot be read, is shown by its name."""
    (tmp_path / "test_broken.py").write_text("def :")
    assert sentence_of(tmp_path / "test_broken.py") == "test_broken"


def test_cases_and_failures(laws: Laws) -> None:
    """A case is a test that ran; a failure is counted once, wherever in the test it was."""
    law = heard(
        laws,
        report("test_a"),
        report("test_b", "failed"),
        report("test_b", "failed", "teardown"),
        report("test_c", "failed", "setup"),
        report("test_d", "skipped", "setup"),
    )
    assert (len(law.cases), len(law.failed)) == (2, 2)


def test_where(laws: Laws) -> None:
    """A real directory stands in place of the stand-in, Prefect on top, and the test's own word wins."""
    assert heard(laws, report("test_a", keywords=("samba", "prefect"))).places() == "Samba, Prefect"
    assert heard(laws, report("test_b")).places() == "stand-in, Samba, Prefect"
    told = {"where": "a wind tunnel"}
    law = heard(laws, report("test_c", keywords=("openbao",), properties=told))
    assert law.places() == "stand-in, Samba, Prefect, a wind tunnel"


@pytest.mark.parametrize(
    ("imports", "places"),
    [
        ("import ast", {"code"}),
        ("from tests.laws import helper", {"fakes"}),
        ("from tests.fakes.vault import FakeVault", {"fakes"}),
        ("from tests.laws.lab import Lab", {"stand-in"}),
    ],
)
def test_where_by_imports(tmp_path: Path, imports: str, places: set[str]) -> None:
    """A module works on what it imports, itself or by way of a helper of the laws."""
    room = tmp_path / "tests" / "laws"
    room.mkdir(parents=True)
    (room / "lab.py").write_text("from sandbox.standin.process import StandIn\n")
    (room / "test_it.py").write_text(imports)
    assert places_of(room / "test_it.py", tmp_path) == places


def test_counts(laws: Laws) -> None:
    """Kill points are counted, steps are added up, and a test that counts neither shows nothing."""
    assert not heard(laws, report("test_a")).counted()
    one = {"kill_point": "after N3", "steps": 1200}
    two = {"kill_point": "after N4", "steps": 34}
    law = heard(laws, report("test_b", properties=one), report("test_c", properties=two))
    assert law.counted() == "2 kill points\n1,234 steps"


def test_measured(laws: Laws) -> None:
    """What a test measured is shown beside its name, as it said it."""
    law = heard(laws, report("test_a[x]", properties={"measured": "a gap of [0.3] s"}))
    lines = drawn(measured([law]), 100, colour=False)
    assert [part.strip() for part in lines[1].split("   ")] == ["test_a[x]", "a gap of [0.3] s"]


@pytest.mark.parametrize("form", [detailed, short])
def test_fits(form: object) -> None:
    """Neither form is wider than the terminal, whatever the law says; the failures are not cut off."""
    law = Law(
        "What is let go falls " * 20, frozenset(), {"a"}, {"a"}, {"Samba", "OpenBao"}, 12345, 9
    )
    lines = drawn(form([law, law]), 100, colour=False)  # type: ignore[operator]
    assert max(map(len, lines)) <= 100
    assert "2       2" in lines[-1 if form is short else -3]


def test_colour() -> None:
    """A failure is red where there are colours, and nothing is where there are none."""
    table = short([Law("It falls", frozenset(), {"a"}, {"a"})])
    assert "\x1b[1;31m" in "".join(drawn(table, 100, colour=True))
    assert "\x1b" not in "".join(drawn(table, 100, colour=False))
