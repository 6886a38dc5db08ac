"""How commands end: exit codes, JSON also for errors, Ctrl-C, and readers that go away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.exits import CODES, WITHOUT_A_STATE, Exit
from cli.output import want_json
from connectors.errors import Unreachable
from tests.unit.cli.support import typed

ROOT = Path(__file__).parents[3]


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The version is one line."""
    shown = typed(monkeypatch, capsys, "--version")
    assert shown.code == 0
    assert shown.out.startswith("account-rotation ")
    assert shown.err == ""


@pytest.mark.parametrize("words", [["ledger"], ["spool", "show", "many"], ["plan", "--no-such"]])
def test_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """A command that was typed wrongly ends with 2, says how it is used, and prints nothing on stdout."""
    shown = typed(monkeypatch, capsys, *words)
    assert shown.code == Exit.USAGE
    assert "Usage: account-rotation" in shown.err
    assert shown.out == ""


def test_an_error_is_json_where_json_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error before there is a result is one JSON value, and its text is on stderr as ever."""
    monkeypatch.delenv("ROTATION_INVENTORY", raising=False)
    shown = typed(monkeypatch, capsys, "ledger", "hq-ad", "--json")
    assert shown.code == Exit.REFUSED
    data = json.loads(shown.out)
    assert data["outcome"] == "Refused"
    assert "ROTATION_INVENTORY" in data["what_to_do"]
    assert data["error"] in shown.err


def test_no_json_after_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command that was not asked for JSON prints none, whatever ran before in this process."""
    want_json(wanted=True)
    monkeypatch.delenv("ROTATION_INVENTORY", raising=False)
    assert typed(monkeypatch, capsys, "inventory", "check").out == ""


def test_unreachable(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is that of the error's kind, and what to do is said."""

    def away(*_: object, **__: object) -> None:
        raise Unreachable("vault", "read", advice="Unseal it.")

    monkeypatch.setattr("cli.showing_ledgers.show", away)
    shown = typed(monkeypatch, capsys, "ledger", "hq-ad")
    assert shown.code == Exit.UNREACHABLE
    assert shown.err == "vault: read\nUnseal it.\n"


def test_a_defect_shows_no_text_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    new_password: Callable[[], str],
) -> None:
    """What was not foreseen ends with 1, names kind and place, and keeps its text: it could hold a secret."""
    secret = new_password()

    def broken(*_: object, **__: object) -> None:
        raise ValueError(secret)

    monkeypatch.setattr("cli.showing_ledgers.show", broken)
    shown = typed(monkeypatch, capsys, "ledger", "hq-ad")
    assert shown.code == Exit.CRASH
    assert "kind=ValueError" in shown.err
    assert "at=tests/unit/cli/test_ending.py:" in shown.err
    assert "Traceback" not in shown.err
    assert secret not in shown.err + shown.out


def test_ctrl_c(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends with 130 and one sentence."""

    def stopped() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.listening.listen", stopped)
    shown = typed(monkeypatch, capsys, "listen")
    assert shown.code == Exit.STOPPED
    assert shown.err.count("\n") == 1
    assert shown.err.startswith("Stopped.")


def test_every_code_has_a_meaning() -> None:
    """Each exit code belongs to end states or has a meaning of its own, never both."""
    assert set(CODES.values()) | set(WITHOUT_A_STATE) == set(Exit)
    assert not set(CODES.values()) & set(WITHOUT_A_STATE)


def test_a_reader_that_goes_away() -> None:
    """A command whose reader is gone goes on to its end, quietly."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "inventory", "check", "deployments/inventory.example.yaml"],
        cwd=ROOT, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
    )  # fmt: skip
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 0
