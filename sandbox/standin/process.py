"""A stand-in as a process of its own: started with a configuration, ready when it says so, gone with us.

The child gets its configuration as one JSON line on standard input, and ends when that pipe closes:
a parent that dies, however it dies, leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import httpx

from sandbox.standin.nursery import IMPORTED, Forked, Spawned, nursery
from sandbox.standin.tls import TRUSTS_NOBODY

Config = dict[str, Any]
Endpoints = dict[str, Any]  # what the child reports: "url", "control", and what it wants to add


class _Process:
    """A process with pipes to its standard streams: forked by a warm one where there is one for it."""

    def __init__(self, module: str, log: Path) -> None:
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        with log.open("a") as sink:
            streams = (theirs_in, theirs_out, sink.fileno())
            warm = module in IMPORTED
            self._started: Forked | Spawned
            self._started = nursery().fork(module, streams) if warm else Spawned(module, streams)
        os.close(theirs_in)
        os.close(theirs_out)
        self.pid = self._started.pid
        self.stdin, self.stdout = os.fdopen(ours_in, "w"), os.fdopen(ours_out)

    def end(self) -> None:
        """Ask it to end, make it end, and wait until it has; one that has ended is success."""
        if self.stdin.closed:
            return
        self._started.signal(signal.SIGTERM)
        if not self._started.wait(10):
            self._started.signal(signal.SIGKILL)
            self._started.wait()
        self._started.close()
        self.stdin.close()
        self.stdout.close()


class StandIn:
    """One running stand-in. ``url`` is where clients go, ``endpoints`` all that it reported."""

    def __init__(self, process: _Process, endpoints: Endpoints) -> None:
        self._process = process
        self.endpoints = endpoints
        self.url: str = endpoints["url"]
        self._side_door = httpx.Client(
            base_url=endpoints["control"], verify=TRUSTS_NOBODY, timeout=30, trust_env=False
        )

    @classmethod
    def start(cls, module: str, config: Mapping[str, Any], log: Path | None = None) -> StandIn:
        """Start ``python -m module`` and wait until it says that it is ready; raise if it does not."""
        process = _Process(module, log or Path(os.devnull))
        process.stdin.write(json.dumps(config) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            process.end()
            raise RuntimeError(f"{module} ended before it was ready")
        return cls(process, json.loads(line))

    @property
    def pid(self) -> int:
        """The process id of the stand-in."""
        return self._process.pid

    def stop(self) -> None:
        """End the process and wait for it."""
        self._side_door.close()
        self._process.end()

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._side_door.request(method, path, json=body)
        if answer.is_error:
            raise ValueError(f"{method} {path}: {answer.text}")
        return answer.json()

    def journal(self) -> list[dict[str, Any]]:
        """Return what was called, oldest first."""
        return self._call("GET", "/journal")  # type: ignore[no-any-return]

    def calls(self, route: str) -> list[dict[str, Any]]:
        """Return the calls of one route."""
        return [entry for entry in self.journal() if entry["route"] == route]

    def forget(self) -> None:
        """Empty the journal."""
        self._call("DELETE", "/journal")

    def arm(self, route: str, kind: str, **settings: Any) -> None:
        """Arm a fault; see ``sandbox.standin.control.Fault`` for the settings."""
        self._call("POST", "/faults", {"route": route, "kind": kind, **settings})

    def disarm(self) -> None:
        """Disarm every fault."""
        self._call("DELETE", "/faults")

    def held(self) -> list[dict[str, Any]]:
        """Return the calls that are held right now."""
        return self._call("GET", "/held")  # type: ignore[no-any-return]

    def release(self) -> None:
        """Let every held call go on."""
        self._call("POST", "/release")

    def state(self) -> Any:
        """Return the system's own view for assertions."""
        return self._call("GET", "/state")

    def do(self, command: str, **arguments: Any) -> Any:
        """Run a set-up command of the system, such as locking an account."""
        return self._call("POST", "/state", {"do": command, **arguments})

    def advance(self, seconds: float) -> None:
        """Move the stand-in's clock forward."""
        self._call("POST", "/clock", {"advance": seconds})


def run(start: Callable[[Config], Endpoints], on_stop: Callable[[], object] = lambda: None) -> None:
    """Be the child: read the configuration, start, report the endpoints, end with the pipe or SIGTERM.

    ``on_stop`` is called before the process ends, also when ``start`` failed or was cut short.
    """

    def end(code: int) -> NoReturn:
        try:
            on_stop()
        finally:
            os._exit(code)

    signal.signal(signal.SIGTERM, lambda *_: end(0))
    try:
        config = json.loads(sys.stdin.readline())
        endpoints = start(config)
    except BaseException:
        traceback.print_exc()
        end(1)
    print(json.dumps({"pid": os.getpid(), **endpoints}), flush=True)
    sys.stdin.read()
    end(0)
