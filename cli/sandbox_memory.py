"""What is remembered of the sandbox that ``sandbox up`` started, and whether it still runs."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from cli.settings import named_sandbox, sandbox_folder
from connectors.errors import NotFound


@dataclass(frozen=True, slots=True)
class Remembered:
    """A sandbox. ``born`` tells its process from a later one of the same number; ``folder`` is None until it is ready."""

    pid: int
    born: str
    log: str | None = None
    folder: str | None = None
    environment: str | None = None
    prefect: str | None = None
    stand_ins: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@contextmanager
def lock() -> Iterator[int | None]:
    """Hold the lock of this user's sandbox; yields its file descriptor, or None while a sandbox holds it."""
    folder = sandbox_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held = False
    else:
        held = True
    try:
        yield descriptor if held else None
    finally:
        os.close(descriptor)


def recall() -> Remembered | None:
    """Return the sandbox that was started last; None for none. Whether it still runs, the lock says."""
    try:
        return Remembered(**json.loads(_file().read_text()))
    except (OSError, ValueError, TypeError):
        return None


def remember(sandbox: Remembered) -> None:
    """Write down which sandbox was started, so that a reader sees all of it or nothing."""
    new = _file().with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(json.dumps(asdict(sandbox)))
    new.replace(_file())


def forget() -> None:
    """Forget the sandbox."""
    _file().unlink(missing_ok=True)


def log_file() -> Path:
    """Return where a sandbox in the background writes what it prints."""
    return sandbox_folder() / "output.log"


def born(pid: int) -> str:
    """Return when a process began, in the kernel's own ticks, or an empty text for none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def stand_ins() -> Mapping[str, Mapping[str, str]]:
    """Return the stand-ins of the sandbox that ROTATION_SANDBOX names, else of the one that ``up`` started.

    Raises NotFound when there is none.
    """
    named = named_sandbox()
    if named is not None:
        try:
            found: Mapping[str, Mapping[str, str]] = json.loads(named.read_text())["stand_ins"]
        except (OSError, ValueError, KeyError, TypeError):
            found = {}
    else:
        with lock() as free:
            sandbox = recall() if free is None else None
        found = sandbox.stand_ins if sandbox else {}
    if not found:
        raise NotFound(
            "sandbox",
            "find",
            file=named,
            advice="No sandbox is running. Start one: account-rotation sandbox up --detach",
        )
    return found


def _file() -> Path:
    return sandbox_folder() / "state.json"
