"""``account-rotation sandbox``: one sandbox at a time, ended by its own process, and faults at its stand-ins."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cli import completion, sandbox_memory, sandboxing
from cli.documented import about, keys_in
from cli.exits import Exit
from cli.sandbox_memory import Remembered, born
from cli.sandboxes import DOWN, FAULT, FAULTS, UP, clear_faults
from sandbox.standin.control import Control
from tests.unit.cli.support import Shown, typed

READY = """\
import json, os, signal, sys
words = sys.argv
with os.fdopen(int(words[words.index("--announce") + 1]), "w") as line:
    line.write(json.dumps({
        "folder": "/nowhere", "environment": "/nowhere/environment.sh", "prefect": "http://127.0.0.1:1",
        "stand_ins": {"vault": {"url": "https://127.0.0.1:2", "control": "http://127.0.0.1:3"}},
    }) + "\\n")
signal.sigwait([signal.SIGTERM])
"""
TOO_LATE = "print('port 4200 is taken'); raise SystemExit(1)\n"
# From its first line on: who is told that it is ready may end it at once.
DEAF = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{READY}"


# A sandbox in the background outlives the command that started it, here in the same process.
pytestmark = [
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("ROTATION_SANDBOX", raising=False)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)
    left = sandbox_memory.recall()
    if left and born(left.pid) == left.born:
        os.kill(left.pid, signal.SIGKILL)


class Typed:
    """Types commands, with what they wrote."""

    def __init__(self, *parts: Any) -> None:
        self._parts = parts

    def __call__(self, *words: str) -> Shown:
        """Type one."""
        return typed(*self._parts, "sandbox", *words)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Return a way to type commands."""
    return Typed(monkeypatch, capsys)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a checkout whose sandbox is up at once; the module that it runs."""
    module = tmp_path / "checkout" / "sandbox" / "__main__.py"
    module.parent.mkdir(parents=True)
    module.write_text(READY)
    monkeypatch.setattr(sandboxing, "ROOT", module.parents[1])
    return module


@pytest.mark.usefixtures("checkout")
def test_up_and_down(command: Typed) -> None:
    """A sandbox is started once, found again, ended by its process, and ending is repeatable."""
    started = json.loads(command("up", "--detach", "--json").out)
    assert started["outcome"] == "started"
    assert keys_in(started) == set(UP)
    assert born(started["pid"])
    again = command("up", "--detach")
    assert again.code == 0
    assert f"already running (process {started['pid']})" in again.out
    assert list(sandbox_memory.stand_ins()) == ["vault"]
    assert completion.stand_ins("v") == ["vault"]
    ended = json.loads(command("down", "--json").out)
    assert ended == {"outcome": "ended", "pid": started["pid"], "left": None}
    assert keys_in(ended) == set(DOWN)
    os.waitpid(started["pid"], 0)
    assert "No sandbox is running." in command("down").out
    assert completion.stand_ins("") == []


def test_one_that_does_not_come_up(checkout: Path, command: Typed) -> None:
    """What it printed is shown, nothing is remembered, and the next try is free."""
    checkout.write_text(TOO_LATE)
    shown = command("up", "--detach")
    assert shown.code == Exit.UNREACHABLE
    assert "port 4200 is taken" in shown.err
    assert "--port 0" in shown.err
    assert sandbox_memory.recall() is None
    checkout.write_text(READY)
    assert command("up", "--detach").code == 0
    command("down")


def test_one_that_does_not_end(
    checkout: Path, command: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that does not answer is killed after a while, and what it leaves is named."""
    checkout.write_text(DEAF)
    monkeypatch.setattr(sandboxing, "PATIENCE", 0.2)
    pid = json.loads(command("up", "--detach", "--json").out)["pid"]
    shown = json.loads(command("down", "--json").out)
    assert shown == {"outcome": "killed", "pid": pid, "left": "/nowhere"}
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


@pytest.mark.usefixtures("checkout")
def test_never_another_process(command: Typed) -> None:
    """A process that has got the number of an old sandbox is left alone."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        with sandbox_memory.lock() as held:
            assert held is not None
            sandbox_memory.remember(Remembered(stranger.pid, "long ago"))
            assert json.loads(command("down", "--json").out)["outcome"] == "ended"
            sandbox_memory.remember(Remembered(stranger.pid, born(stranger.pid)))
        assert json.loads(command("down", "--json").out)["outcome"] == "not running"
        assert stranger.poll() is None
        stranger.communicate(b"\n")
    assert stranger.returncode == 0


@pytest.mark.usefixtures("checkout")
def test_while_another_one_starts(command: Typed) -> None:
    """A second start while the first is going on is refused with what to do."""
    with sandbox_memory.lock():
        sandbox_memory.remember(Remembered(os.getpid(), "then"))
        shown = command("up", "--detach")
    sandbox_memory.forget()
    assert shown.code == Exit.REFUSED
    assert "sandbox down" in shown.err


def test_no_checkout(tmp_path: Path, command: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package has no sandbox, and says so in a sentence."""
    monkeypatch.setattr(sandboxing, "ROOT", tmp_path)
    shown = command("up", "--detach")
    assert shown.code == Exit.REFUSED
    assert "not part of the installed package" in shown.err
    assert command("up", "--json").code == Exit.USAGE


@pytest.fixture
def control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Control]:
    """Open the side door of a stand-in, and name a sandbox that has it."""
    control = Control()
    server: ThreadingHTTPServer = control.serve()
    place = {"url": "https://127.0.0.1:1", "control": f"http://127.0.0.1:{server.server_port}"}
    file = tmp_path / "sandbox.json"
    file.write_text(json.dumps({"stand_ins": {"console-hq": place}}))
    monkeypatch.setenv("ROTATION_SANDBOX", str(file))
    yield control
    server.shutdown()
    server.server_close()


def test_faults(control: Control, command: Typed) -> None:
    """A fault is armed as it was typed, listed, and cleared."""
    words = ("draft.*", "status_after", "--times", "2", "--skip", "1", "--status", "502")
    shown = command("faults", "set", "console-hq", *words)
    assert "2 calls of draft.* will meet status_after, after 1" in shown.out
    (armed,) = control.faults()
    assert (armed.route, armed.kind, armed.times, armed.skip, armed.status) == (
        "draft.*", "status_after", 2, 1, 502,
    )  # fmt: skip
    assert "status 502" in command("faults", "list").out
    data = json.loads(command("faults", "list", "--json").out)
    assert keys_in(data) == set(FAULTS)
    cleared = json.loads(command("faults", "clear", "--json").out)
    said = about(clear_faults)
    assert said is not None
    assert cleared == dict.fromkeys(said.json, 0) | {"cleared": 1}
    assert control.faults() == []
    assert "No fault is armed." in command("faults", "list").out


def test_a_fault_as_data(control: Control, command: Typed) -> None:
    """With --json the armed fault is told with its number."""
    data = json.loads(
        command("faults", "set", "console-hq", "x", "delay", "--seconds", "2", "--json").out
    )
    assert keys_in(data) == set(FAULT)
    assert (data["id"], data["seconds"]) == (control.faults()[0].id, 2.0)


@pytest.mark.usefixtures("control")
def test_an_unknown_stand_in(command: Typed) -> None:
    """A name that the sandbox does not have is refused with those that it has."""
    shown = command("faults", "set", "console", "x", "delay")
    assert shown.code == Exit.REFUSED
    assert "console-hq" in shown.err


def test_a_sandbox_that_has_ended(
    control: Control, command: Typed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where nobody answers any more, the next command is named."""
    file = tmp_path / "gone.json"
    place = {"url": "https://127.0.0.1:1", "control": "http://127.0.0.1:9"}
    file.write_text(json.dumps({"stand_ins": {"vault": place}}))
    monkeypatch.setenv("ROTATION_SANDBOX", str(file))
    shown = command("faults", "list")
    assert shown.code == Exit.UNREACHABLE
    assert "sandbox up" in shown.err
    file.write_text("nonsense")
    assert command("faults", "list").code == Exit.REFUSED
    assert control.faults() == []


def test_what_is_remembered_is_whole(tmp_path: Path) -> None:
    """A memory that was cut short is none, and one that is written is read again."""
    assert sandbox_memory.recall() is None
    kept = Remembered(1, "2", stand_ins={"vault": {"url": "u", "control": "c"}})
    with sandbox_memory.lock():
        sandbox_memory.remember(kept)
    assert sandbox_memory.recall() == replace(kept)
    (tmp_path / "state" / "account-rotation" / "sandbox" / "state.json").write_text('{"pid": 1')
    assert sandbox_memory.recall() is None
