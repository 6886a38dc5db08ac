"""A warm process that forks stand-ins: what they import is imported once, and not by every one of them.

Each process that starts stand-ins has one, which ends with it. This module is also that process
(``python -m sandbox.standin.nursery FD``): an order on the socket FD is the name of a module with its three standard
streams, the answer is the process id of what was forked.
"""

from __future__ import annotations

import atexit
import importlib
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[2]

IMPORTED = {
    "sandbox.vault": "sandbox.vault.server",
    "sandbox.active_directory": "sandbox.active_directory.server",
    "sandbox.entra": "sandbox.entra.server",
    "sandbox.cayosoft": "sandbox.cayosoft.server",
}
"""The stand-ins that are forked, and what is imported for each before."""


class Forked:
    """A process that the nursery has forked: not our child, so that how it ended is not known."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._handle = os.pidfd_open(pid)

    def signal(self, number: int) -> None:
        """Send it a signal; one that is gone already is success."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, number)

    def wait(self, within: float | None = None) -> bool:
        """Wait until it is gone; False when it is not in time."""
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        return bool(poll.poll(None if within is None else within * 1000))

    def close(self) -> None:
        """Let go of it."""
        os.close(self._handle)


class Spawned:
    """A process of our own, for a module that is not kept warm."""

    def __init__(self, module: str, streams: tuple[int, int, int]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=streams[0],
            stdout=streams[1],
            stderr=streams[2],
            cwd=ROOT,
            start_new_session=True,
        )
        self.pid = self._process.pid

    def signal(self, number: int) -> None:
        """Send it a signal; one that is gone already is success."""
        self._process.send_signal(number)

    def wait(self, within: float | None = None) -> bool:
        """Wait until it is gone; False when it is not in time."""
        try:
            self._process.wait(within)
        except subprocess.TimeoutExpired:
            return False
        return True

    def close(self) -> None:
        """Let go of it."""


class Nursery:
    """The warm process of this one."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self._lock = threading.Lock()
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sandbox.standin.nursery", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                cwd=ROOT,
                start_new_session=True,
            )
        atexit.register(self.close)

    def fork(self, module: str, streams: tuple[int, int, int]) -> Forked:
        """Fork a process that is ``python -m module``, with these file descriptors as its standard streams."""
        with self._lock:
            socket.send_fds(self._line, [module.encode()], streams)
            return Forked(int(self._line.recv(32)))

    def close(self) -> None:
        """End the warm process; what it has forked goes on."""
        self._line.close()
        if os.getpid() == self.owner:
            self._process.wait()


_nurseries: list[Nursery] = []


def nursery() -> Nursery:
    """Return the nursery of this process, started when it is first asked for."""
    if not _nurseries or _nurseries[-1].owner != os.getpid():
        _nurseries.append(Nursery())
    return _nurseries[-1]


def _be(module: str, streams: list[int]) -> NoReturn:
    """Be the stand-in, from here to its end."""
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        sys.argv = [module]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        os._exit(1)


def main() -> None:
    """Import what stand-ins need, then fork one for every order, until the other side is gone."""
    for module in IMPORTED.values():
        importlib.import_module(module)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody here asks how they ended
    line = socket.socket(fileno=int(sys.argv[1]))
    while True:
        order, streams, _, _ = socket.recv_fds(line, 256, 3)
        if not order:
            return
        pid = os.fork()
        if pid == 0:
            line.close()
            _be(order.decode(), streams)
        for stream in streams:
            os.close(stream)
        line.sendall(str(pid).encode())


if __name__ == "__main__":
    main()
