"""``account-rotation inventory check``: every mistake at once, as text or as data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.documented import keys_in
from cli.exits import Exit
from cli.inventories import CHECKED
from tests.unit.cli.support import typed
from tests.unit.cli.test_commands import BROKEN

EXAMPLE = "deployments/inventory.example.yaml"


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Write an inventory with mistakes."""
    file = tmp_path / "inventory.yaml"
    file.write_text(BROKEN)
    return file


def test_mistakes_as_data(
    broken: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each mistake has line, field, message and fix, and stdout holds nothing else."""
    shown = typed(monkeypatch, capsys, "inventory", "check", str(broken), "--json")
    data = json.loads(shown.out)
    assert shown.code == Exit.REFUSED
    assert data["outcome"] == "Refused"
    assert keys_in(data) == set(CHECKED)
    assert {1, 2, 4, 5, 6} <= {mistake["line"] for mistake in data["mistakes"]}
    assert all(m["message"] and m["fix"] for m in data["mistakes"])


def test_mistakes_as_text(
    broken: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The text says as many lines as there are mistakes, and how many there are."""
    data = json.loads(typed(monkeypatch, capsys, "inventory", "check", str(broken), "--json").out)[
        "mistakes"
    ]
    shown = typed(monkeypatch, capsys, "inventory", "check", str(broken))
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert len(lines) == len(data) + 1
    assert lines[-1].startswith(f"{broken}: {len(data)} mistakes")


def test_no_mistake(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A good file is counted."""
    data = json.loads(typed(monkeypatch, capsys, "inventory", "check", EXAMPLE, "--json").out)
    assert data["mistakes"] == []
    assert data["services"] > 0
    assert data["connections"] >= data["services"]
    assert set(data) == {key for key in CHECKED if "." not in key and "[" not in key}


def test_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is not there is a mistake like any other."""
    shown = typed(monkeypatch, capsys, "inventory", "check", str(tmp_path / "none"), "--json")
    assert shown.code == Exit.REFUSED
    assert "cannot be read" in json.loads(shown.out)["mistakes"][0]["message"]
