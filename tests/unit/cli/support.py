"""Run the command line in this process as ``main`` does, with what it wrote and its exit code."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cli.ending import run
from cli.main import app


@dataclass
class Shown:
    """What a command wrote, and how it ended."""

    code: int
    out: str
    err: str


def typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> Shown:
    """Type a command."""
    monkeypatch.setattr("sys.argv", ["account-rotation", *words])
    code = run(app)
    written = capsys.readouterr()
    return Shown(code, written.out, written.err)
