"""Start the sandbox of a checkout as a process, and end exactly that process."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from contextlib import nullcontext, suppress
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import Any

from rich.table import Table

from cli import sandbox_memory
from cli.output import progress, say, screen, write_json
from cli.sandbox_memory import Remembered, born, forget, log_file, recall, remember
from connectors.errors import Conflict, InvalidInput, Unreachable

ROOT = Path(__file__).parents[1]
PATIENCE = 60.0  # seconds that a sandbox may take to end


def start(directory: str, port: int, *, detach: bool, as_json: bool) -> int:
    """Start a sandbox, or say where the running one is; return the exit code.

    Raises InvalidInput where there is no checkout, Conflict while another one starts, Unreachable when it does not
    come up.
    """
    if not (ROOT / "sandbox" / "__main__.py").is_file():
        raise InvalidInput(
            "sandbox",
            "start",
            advice="The sandbox is not part of the installed package. Clone the repository, and there: "
            "make up, or .venv/bin/account-rotation sandbox up.",
        )
    with sandbox_memory.lock() as descriptor:
        if descriptor is None:
            _show(_running(), "already running", as_json=as_json)
            return 0
        forget()
        command = [sys.executable, "-m", "sandbox", "up"]
        options = ["--directory", directory, "--port", str(port)]
        child, sandbox = _spawn([*command, *options], descriptor, detach=detach)
        if detach:
            _show(sandbox, "started", as_json=as_json)
            return 0
    return _stay_with(child)


def _running() -> Remembered:
    sandbox = recall()
    if sandbox is None or sandbox.folder is None:
        raise Conflict(
            "sandbox",
            "start",
            pid=sandbox.pid if sandbox else None,
            advice="A sandbox is starting just now. Wait until it is up, or end it: account-rotation sandbox down",
        )
    return sandbox


def _spawn(
    command: list[str], lock: int, *, detach: bool
) -> tuple[subprocess.Popen[bytes], Remembered]:
    """Start the process, which keeps the lock as long as it lives, and wait until it says that it is ready."""
    ready, announce = os.pipe()
    log = log_file() if detach else None
    with open(log or os.devnull, "wb") as output:  # noqa: PTH123  devnull is no path of ours
        child = subprocess.Popen(  # noqa: S603  this interpreter, and options that were checked
            [*command, "--announce", str(announce)],
            cwd=ROOT,
            pass_fds=(lock, announce),
            start_new_session=detach,
            stdin=subprocess.DEVNULL if detach else None,
            stdout=output if detach else None,
            stderr=output if detach else None,
        )
    os.close(announce)
    sandbox = Remembered(child.pid, born(child.pid), str(log) if log else None)
    remember(sandbox)
    _pass_on_signals(child)
    try:
        # In this terminal the sandbox says itself what it does.
        waiting = (
            progress("starting the sandbox, which takes about 15 s") if detach else nullcontext()
        )
        with os.fdopen(ready) as line, waiting:
            said = _json(line.readline())
    except KeyboardInterrupt:
        _end_child(child)
        raise
    if said is None:
        raise _did_not_start(child, log)
    sandbox = replace(sandbox, **said)
    remember(sandbox)
    return child, sandbox


def _json(line: str) -> Any:
    return json.loads(line) if line else None


def _pass_on_signals(child: subprocess.Popen[bytes]) -> None:
    """Let the child end when we are asked to; Ctrl-C reaches it by itself, since it shares the terminal."""

    def pass_on(number: int, _frame: FrameType | None) -> None:
        child.send_signal(number)

    signal.signal(signal.SIGTERM, pass_on)


def _end_child(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGTERM)
    child.wait()
    forget()


def _did_not_start(child: subprocess.Popen[bytes], log: Path | None) -> Unreachable:
    code = child.wait()
    forget()
    if log:
        say("\n".join(log.read_text(errors="replace").splitlines()[-8:]))
    return Unreachable(
        "sandbox",
        "start",
        exit_code=code,
        log=log,
        advice="It did not come up; see above. When the port is taken, give another one: --port 0",
    )


def _stay_with(child: subprocess.Popen[bytes]) -> int:
    """Wait for the end of a sandbox in this terminal; Ctrl-C is its own to answer."""
    while True:
        with suppress(KeyboardInterrupt):
            code = child.wait()
            break
    with sandbox_memory.lock() as free:
        if free is not None:
            forget()
    return code


def stop(*, as_json: bool) -> None:
    """End the sandbox that was started, by its process, and wait for it; none is success."""
    with sandbox_memory.lock() as free:
        sandbox = recall()
        if free is not None or sandbox is None:
            forget()
            _say_ended("not running", None, as_json=as_json)
            return
    outcome = _end(sandbox)
    forget()
    _say_ended(outcome, sandbox, as_json=as_json)


def _end(sandbox: Remembered) -> str:
    """Ask the process to end, and make it end when it does not; never another one of the same number."""
    try:
        handle = os.pidfd_open(sandbox.pid)
    except ProcessLookupError:
        return "ended"
    try:
        if born(sandbox.pid) != sandbox.born:
            return "ended"
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        with progress("ending the sandbox"):
            if _gone(handle):
                return "ended"
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        _gone(handle)
        return "killed"
    finally:
        os.close(handle)


def _gone(handle: int) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return bool(poll.poll(PATIENCE * 1000))


def _say_ended(outcome: str, sandbox: Remembered | None, *, as_json: bool) -> None:
    left = sandbox.folder if sandbox and outcome == "killed" else None
    if as_json:
        pid = sandbox.pid if sandbox else None
        write_json({"outcome": outcome, "pid": pid, "left": left})
        return
    if sandbox is None:
        screen().print("No sandbox is running.")
        return
    screen().print(
        f"The sandbox (process {sandbox.pid}) has {outcome.replace('killed', 'been killed')}."
    )
    if left:
        screen().print(f"Its folder was left behind: {left}", soft_wrap=True)


def _show(sandbox: Remembered, outcome: str, *, as_json: bool) -> None:
    if as_json:
        systems = [{"name": name, **place} for name, place in sandbox.stand_ins.items()]
        data = {name: value for name, value in asdict(sandbox).items() if name != "born"}
        write_json({"outcome": outcome, **data, "stand_ins": systems})
        return
    console = screen()
    console.print(f"The sandbox is {outcome.replace('started', 'up')} (process {sandbox.pid}).")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_row("Prefect UI", f"{sandbox.prefect}/dashboard")
    for name, stand_in in sandbox.stand_ins.items():
        table.add_row(name, stand_in["url"])
    console.print(table)
    console.print(
        f"Use it:  . {sandbox.environment}\nEnd it:  account-rotation sandbox down", soft_wrap=True
    )
    if shutil.which("account-rotation") is None:
        console.print(
            "The first line also makes account-rotation known to your shell.", style="dim"
        )
