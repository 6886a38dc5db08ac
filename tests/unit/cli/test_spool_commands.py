"""``account-rotation spool``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from connectors.errors import NotFound, Unreachable
from intake.hints import Hint, Source
from intake.spool import Spool


@pytest.fixture(autouse=True)
def _spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTAKE_SPOOL", str(tmp_path / "spool"))
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Make a spool with a waiting hint and a dead one; the file."""
    with Spool(tmp_path / "spool") as opened:
        opened.add([Hint("kv", "apps/[red]hq", v, Source.WEBHOOK, f"m-{v}") for v in (1, 2)])
        opened.bury(opened.due()[0], "newer than Vault knows")
    return tmp_path / "spool"


def _run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["spool", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.usefixtures("spool")
def test_list() -> None:
    """The list shows each hint as it is named, its state and why it waits or died."""
    output = _run("list")
    assert "kv/apps/[red]hq#1" in output
    assert "newer than Vault knows" in output
    assert "1 waiting, 0 delivered, 1 dead" in output
    dead = json.loads(_run("list", "--state", "dead", "--json"))
    assert [(kept["version"], kept["state"]) for kept in dead] == [(1, "dead")]


@pytest.mark.usefixtures("spool")
def test_replay_show_and_drop() -> None:
    """A dead hint is replayed, shown and dropped by its number."""
    assert json.loads(_run("replay", "1", "--json"))["state"] == "waiting"
    assert "webhook:m-1" in _run("show", "1")
    assert json.loads(_run("drop", "1", "--json"))["outcome"] == "dropped by a person"


@pytest.mark.usefixtures("spool")
def test_unknown_number() -> None:
    """A number that is not there ends with the command that shows which are."""
    with pytest.raises(NotFound) as refused:
        _run("show", "9")
    assert "account-rotation spool list" in refused.value.what_to_do()


def test_no_spool(tmp_path: Path) -> None:
    """Looking at a spool that is not there does not make one."""
    with pytest.raises(Unreachable):
        _run("list")
    assert not (tmp_path / "spool").exists()
