"""A stand-in as a process of its own: started with a configuration, ready when it says so, gone with us.

The child gets its configuration as one JSON line on standard input, and ends when that pipe closes:
a parent that dies, however it dies, leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import httpx

Config = dict[str, Any]
Endpoints = dict[str, Any]  # what the child reports: "url", "control", and what it wants to add


class StandIn:
    """One running stand-in. ``url`` is where clients go, ``endpoints`` all that it reported."""

    def __init__(self, process: subprocess.Popen[str], endpoints: Endpoints) -> None:
        self._process = process
        self.endpoints = endpoints
        self.url: str = endpoints["url"]
        self._side_door = httpx.Client(base_url=endpoints["control"], timeout=30, trust_env=False)

    @classmethod
    def start(cls, module: str, config: Mapping[str, Any], log: Path | None = None) -> StandIn:
        """Start ``python -m module`` and wait until it says that it is ready; raise if it does not."""
        with (log or Path(os.devnull)).open("a") as sink:
            process = subprocess.Popen(
                [sys.executable, "-m", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                text=True,
                cwd=Path(__file__).parents[2],
                start_new_session=True,
            )
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps(config) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            with process:  # closes its pipes and waits
                pass
            raise RuntimeError(f"{module} ended with {process.returncode} before it was ready")
        return cls(process, json.loads(line))

    @property
    def pid(self) -> int:
        """The process id of the stand-in."""
        return self._process.pid

    def stop(self) -> None:
        """End the process and wait for it."""
        self._side_door.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

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
