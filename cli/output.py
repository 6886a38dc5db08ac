"""What commands write and where: results on stdout, progress and trouble on stderr, JSON alone with ``--json``."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TextIO, cast

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

_wants_json: ContextVar[bool] = ContextVar("wants_json", default=False)


def want_json(wanted: bool) -> bool:
    """Remember that the person asked for JSON: an error is then told as JSON too, and no progress is shown."""
    _wants_json.set(wanted)
    return wanted


def wants_json() -> bool:
    """Say whether the command that runs was asked for JSON."""
    return _wants_json.get()


def write_json(data: object) -> None:
    """Write one JSON value to stdout, coloured on a terminal only."""
    text = json.dumps(data, indent=2)
    if sys.stdout.isatty():
        from rich.console import Console  # noqa: PLC0415

        Console().print_json(text)
    else:
        sys.stdout.write(f"{text}\n")


def say(text: str) -> None:
    """Write text for a person to stderr, without what a terminal would obey."""
    from report.text import printable  # noqa: PLC0415

    sys.stderr.write(printable(f"{text}\n"))
    sys.stderr.flush()


class Progress:
    """A line on stderr that says what goes on; it steps aside while something else is printed."""

    def __init__(self, status: Status | None) -> None:
        self._status = status

    def now(self, text: str) -> None:
        """Say what goes on now."""
        if self._status is not None:
            self._status.update(_shown(text))

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take the line away for what is printed inside."""
        if self._status is None:
            yield
            return
        self._status.stop()
        try:
            yield
        finally:
            self._status.start()


@contextmanager
def progress(text: str) -> Iterator[Progress]:
    """Show that something goes on, where a person watches: stdout and stderr are terminals, and no JSON is wanted."""
    if wants_json() or not (sys.stdout.isatty() and sys.stderr.isatty()):
        yield Progress(None)
        return
    from rich.console import Console  # noqa: PLC0415

    with Console(stderr=True).status(_shown(text), spinner="line") as status:
        yield Progress(status)


def _shown(text: str) -> Any:
    from rich.text import Text  # noqa: PLC0415

    from report.text import printable  # noqa: PLC0415

    return Text(printable(text), "dim")


def screen() -> Console:
    """Return the console for results; quiet where JSON was asked for, so that nothing else reaches stdout."""
    from rich.console import Console  # noqa: PLC0415

    return Console(quiet=wants_json(), highlight=False)


class Patient:
    """Stdout that drops what nobody reads any more: ``| head`` must not end a rotation half-way."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or drop what the reader has left behind."""
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            self._nobody_reads()
            return len(text)

    def flush(self) -> None:
        """Flush, or drop what the reader has left behind."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._nobody_reads()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _nobody_reads(self) -> None:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, self._stream.fileno())
        os.close(nothing)


@contextmanager
def patient_streams() -> Iterator[None]:
    """Let stdout and stderr be closed by their readers without an error."""
    before = sys.stdout, sys.stderr
    sys.stdout = cast("TextIO", Patient(before[0]))
    sys.stderr = cast("TextIO", Patient(before[1]))
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before
