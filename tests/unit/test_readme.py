"""The README says what the code does: its states, its commands, its length, its links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from report.procedure import BY_NUMBER
from report.verdict import OUTCOMES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^(account-rotation .+?)(?:\s{2,}#.*)?$", README, re.MULTILINE)
TARGETS = re.findall(r"^make (\w+)", README, re.MULTILINE)


def test_length() -> None:
    """The README has at most 150 lines."""
    assert len(README.splitlines()) <= 150


def test_final_states() -> None:
    """The table of final states has every end state of the code, in its order, and no other."""
    section = README.split("## What each final state means")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| [^|]+ \|$", section, re.MULTILINE)
    assert [outcome.name for outcome in OUTCOMES] == rows[1:]


def test_steps() -> None:
    """Every step number of the procedure's table exists, and each section of it is there."""
    section = README.split("## The procedure")[1].split("\n## ")[0]
    first_cells = re.findall(r"^\| ([A-Z]\d[^|]*)\|", section, re.MULTILINE)
    numbers = {n for cell in first_cells for n in re.findall(r"\b([A-Z]\d)\b", cell)}
    assert numbers <= set(BY_NUMBER)
    assert {number[0] for number in BY_NUMBER} == {n[0] for n in numbers}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(command: str) -> None:
    """Every command and option that the README shows exists."""
    words = shlex.split(command)[1:]
    verbs = words[:2] if words[0] == "inventory" else words[:1]
    shown = CliRunner().invoke(app, [*verbs, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    for option in (word for word in words if word.startswith("--")):
        assert option in shown.output


def test_there_are_commands() -> None:
    """The README shows commands at all."""
    assert len(COMMANDS) >= 4
    assert {"demo", "test"} <= set(TARGETS)


@pytest.mark.parametrize("target", sorted(set(TARGETS)))
def test_make_targets(target: str) -> None:
    """Every target of make that the README shows exists."""
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_links(link: str) -> None:
    """Every link of the README leads to a file of the repository."""
    assert link.startswith("https://") or (ROOT / link).exists()
