"""The procedure is the product: document, flow bodies and step functions say the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from connectors.models import Extension
from flows import rotate_account_credentials as _rotation  # noqa: F401  registers every step
from flows import update_account_credentials as _update  # noqa: F401
from report.procedure import BY_NUMBER, STEPS, UPDATE, Source, steps_of_rotation
from tasks._step import STEP_OF

ROOT = Path(__file__).parents[2]
FLOWS = sorted((ROOT / "flows").glob("*.py"))


def _calls(path: Path) -> list[tuple[str, str, int]]:
    """Return (step number, trailing comment, line) of every step that a flow file calls."""
    source = path.read_text()
    lines = source.splitlines()
    found = []
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        if not isinstance(node.func.value, ast.Name):
            continue
        number = STEP_OF.get(f"tasks.{node.func.value.id}.{node.func.attr}")
        if number is None:
            continue
        span = lines[node.lineno - 1 : (node.end_lineno or node.lineno)]
        comments = [match[1] for line in span if (match := re.search(r"  # (\w+)$", line))]
        found.append((number, comments[0] if comments else "", node.lineno))
    return sorted(found, key=lambda call: call[2])


def test_document_equals_code() -> None:
    """The table in docs/procedure.md has the numbers, titles and natures of the code, in order."""
    table = re.findall(
        r"^\| (\w+) \| ([^|]+) \| (\w+) \| ([^|]+) \| ([^|]+) \|$",
        (ROOT / "docs" / "procedure.md").read_text(),
        re.MULTILINE,
    )
    expected = [(s.number, s.title, s.source.value, s.changes or "-", s.lost_answer) for s in STEPS]
    assert expected == [row for row in table if row[0] in BY_NUMBER]


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_flow_bodies_carry_the_numbers(path: Path) -> None:
    """Every call of a step in a flow body ends with that step's number as a comment."""
    wrong = [(line, number, said) for number, said, line in _calls(path) if number != said]
    assert not wrong, "line, step that is called, number in the comment"


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_flow_bodies_keep_the_order(path: Path) -> None:
    """Within each section of a flow body the steps stand in the order of the procedure."""
    order = [step.number for step in STEPS]
    numbers = [n for n, _, _ in _calls(path) if not n.endswith("u")]
    for letter in {number[0] for number in numbers}:
        # V8 explains a refusal and therefore stands where the operations are called.
        mine = [n for n in numbers if n[0] == letter and n != "V8"]
        assert sorted(mine, key=order.index) == mine


def test_every_step_is_called() -> None:
    """Each step is called in one flow body; those that every flow begins and ends with, in each."""
    called = [n for path in FLOWS for n, _, _ in _calls(path) if not n.endswith("u")]
    assert set(BY_NUMBER) == set(called)
    # Every flow begins with P1 and ends with F2; N3 is Vault's to do for a static role.
    twice = {number for number in called if called.count(number) > 1}
    assert twice == {"P1", "F2", "N3"}


def test_a_rotation_is_everything() -> None:
    """A rotation goes through every step of the procedure that concerns its extension, in order."""
    ad, m365 = (steps_of_rotation(extension, in_person=True) for extension in Extension)
    assert {*ad, *m365} == {*STEPS}
    for steps in (ad, m365):
        assert list(steps) == [step for step in STEPS if step in steps]


def test_every_article_step_belongs_to_an_extension() -> None:
    """No documented step of the article is forgotten by the update of both extensions."""
    article = {step.number for step in STEPS if step.source is Source.ARTICLE}
    assert article <= {n for extension in Extension for n in UPDATE[extension]}


def test_every_change_has_its_undo_or_its_observation() -> None:
    """A step that leaves something behind when it is cut off has an undo of its own."""
    assert {"N2u", "A4u", "A5u", "E3u", "E4u", "V1u", "V5u"} <= set(STEP_OF.values())
