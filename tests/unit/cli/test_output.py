"""Progress is for a person who watches, colour is not for a pipe, and a closed pipe is nobody's error."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from cli.output import Patient, progress, screen, want_json, write_json


@pytest.fixture(autouse=True)
def _no_json() -> Iterator[None]:
    want_json(wanted=False)
    yield
    want_json(wanted=False)


class Terminal:
    """A terminal as stdout and stderr, and what it has been sent."""

    def __init__(self) -> None:
        self.seen = ""


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """Make stdout and stderr a terminal inside; afterwards what it was sent can be read."""
    ours, theirs = pty.openpty()
    shown = Terminal()
    with monkeypatch.context() as patched, os.fdopen(theirs, "w") as stream:
        patched.setenv("TERM", "xterm")
        patched.setattr(sys, "stdout", stream)
        patched.setattr(sys, "stderr", stream)
        yield shown
        stream.flush()
        while select.select([ours], [], [], 0)[0]:
            shown.seen += os.read(ours, 100_000).decode()
    os.close(ours)


def test_progress_where_a_person_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the line is there, steps aside, says what is next, and is gone at the end."""
    with terminal(monkeypatch) as shown, progress("beginning") as line:
        line.now("going on")
        with line.aside():
            sys.stdout.write("a result\n")
    seen = shown.seen
    assert seen.index("going on") < seen.index("a result") < seen.rindex("going on")
    assert seen.endswith("\x1b[2K")


def test_no_progress_beside_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --json there is nothing but JSON."""
    want_json(wanted=True)
    with terminal(monkeypatch) as shown:
        with progress("beginning"):
            screen().print("text")
        write_json({"a": 1})
    assert json.loads(re.sub(r"\x1b\[[0-9;]*m", "", shown.seen)) == {"a": 1}


def test_no_progress_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody watches, nothing is shown."""
    with progress("beginning") as line, line.aside():
        line.now("going on")
    assert capsys.readouterr() == ("", "")


def test_json_is_plain_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has no colours, is ASCII whatever the locale, and stays as it is."""
    data = {"name": "ü\u2028[red]", "long": "a " * 200}
    write_json(data)
    written = capsys.readouterr().out
    assert json.loads(written) == data
    assert written.isascii()


@pytest.mark.parametrize("wanted", [True, False])
def test_no_color(monkeypatch: pytest.MonkeyPatch, wanted: bool) -> None:
    """NO_COLOR takes the colours away, and nothing else does on a terminal."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    if not wanted:
        monkeypatch.setenv("NO_COLOR", "1")
    with terminal(monkeypatch) as shown:
        screen().print("plain", style="red")
    assert ("\x1b[31m" in shown.seen) is wanted


def test_a_closed_pipe_is_quiet() -> None:
    """What nobody reads is dropped, again and again, and the stream can still be flushed."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        patient = Patient(stream)
        for _ in range(3):
            assert patient.write("x" * 100_000) == 100_000
            patient.flush()
        assert not patient.isatty()
