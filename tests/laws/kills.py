"""Run a flow in a process of its own and kill it at a named point, to see what the next run makes of it.

A point is after a step (``after_step``: the run's record listener kills the process as soon as the step is
recorded) or inside a call (``inside_call``: a stand-in holds the call, before or after it has carried it out,
and the process is killed while it waits for the answer).

``Nursery`` keeps one Python process warm, with everything imported, and forks a process for every run: a run
starts in milliseconds, and dies alone. This module is also that process (``python -m tests.laws.kills``).
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from typing import TYPE_CHECKING, Any

import httpx
from prefect.runtime import flow_run

from report.record import Entry, RunRecord, listening
from sandbox.standin.process import StandIn
from sandbox.standin.tls import TRUSTS_NOBODY
from tests.waiting import eventually

if TYPE_CHECKING:
    from sandbox.world import World
    from tests.running import Server

ROOT = Path(__file__).parents[2]
UPDATE = "flows.update_account_credentials:update_account_credentials"
ROTATE = "flows.rotate_account_credentials:rotate_account_credentials"
WARM = (
    "flows.rotate_account_credentials", "flows.remediate_consent",
    "prefect.client.orchestration", "prefect.flow_engine", "prefect.task_engine", "prefect.engine",
    "prefect.utilities.visualization", "prefect.telemetry.run_telemetry", "fastapi", "jwt",
)  # fmt: skip
Line = dict[str, Any]


@dataclass
class Child:
    """One run in a process of its own."""

    pid: int
    _lines: Queue[Line]
    steps: list[str] = field(default_factory=list)
    state: str | None = None
    flow_run_id: str | None = None

    def end(self, within: float = 60.0) -> int:
        """Wait until the process is gone; return its exit code, negative for a signal."""
        while True:
            line = self._lines.get(timeout=within)
            if "ended" in line:
                return int(line["ended"])
            self._hear(line)

    def has_ended(self) -> bool:
        """Say whether the process is gone already, without waiting; keep what it has said."""
        while not self._lines.empty():
            line = self._lines.get()
            if "ended" in line:
                return True
            self._hear(line)
        return False

    def _hear(self, line: Line) -> None:
        self.state = line.get("state", self.state)
        self.flow_run_id = line.get("flow_run", self.flow_run_id)
        self.steps += [line["step"]] if "step" in line else []

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        os.kill(self.pid, number)


class Nursery:
    """A warm process that forks one run at a time. ``environment`` is what it starts with.

    ``constants`` are constants of ours that its runs use otherwise, by module and name (``a.b:NAME``).
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        log: Path,
        constants: Mapping[str, float] | None = None,
    ) -> None:
        self._constants = dict(constants or {})
        own = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
        with log.open("a") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.laws.kills"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=sink,
                text=True,
                cwd=ROOT,
                env=own | dict(environment),
                start_new_session=True,
            )
        self._lines: Queue[Line] = Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._lines.get(timeout=60)  # ready

    @classmethod
    def for_flows(cls, server: Server, world: World, constants: Mapping[str, float]) -> Nursery:
        """Start one whose runs use this sandbox and the session's Prefect server, and retry quickly."""
        environment = {
            "HOME": str(world.folder),
            "PREFECT_API_URL": f"{server.url}/api",
            "PREFECT_HOME": str(server.home),
            "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(server.home / "storage"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_LOGGING_TO_API_ENABLED": "false",
            "ROTATION_RETRY_ATTEMPTS": "3",
            "ROTATION_RETRY_BASE": "0.01",
        }
        return cls(environment, world.folder / "nursery.log", constants)

    def _read(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._lines.put(json.loads(line))
        self._lines.put({"ended": 255})

    def start(
        self,
        environment: Mapping[str, str],
        *,
        die_after: str = "",
        arm: Line | None = None,
        flow: str = UPDATE,
        **given: Any,
    ) -> Child:
        """Start a flow; with ``die_after`` it kills itself after that step (``V1``, or ``V1u``).

        ``arm`` is a fault that the run itself arms, right before it sends a certain request: ``line`` is the
        connector's log line of it, ``count`` which one of these lines, ``system`` the side door of the
        stand-in, ``fault`` what is armed.
        """
        order = {"flow": flow, "environment": dict(environment), "die": die_after, "given": given}
        order |= {"constants": self._constants, "arm": arm}
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return Child(int(self._lines.get(timeout=30)["pid"]), self._lines)

    def stop(self) -> None:
        """End the process; a run that is still going on is killed with it."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()


def killed_after_step(
    nursery: Nursery, environment: Mapping[str, str], number: str, **given: Any
) -> Child:
    """Run a flow that kills itself (SIGKILL) after one step, and see it dead."""
    child = nursery.start(environment, die_after=number, **given)
    assert child.end() == -signal.SIGKILL, f"{number} was not reached: {child.steps} {child.state}"
    return child


def held_inside_call(
    nursery: Nursery,
    environment: Mapping[str, str],
    system: StandIn,
    route: str,
    moment: str,
    skip: int = 0,
    **given: Any,
) -> Child:
    """Run a flow until the system holds its call (``moment`` is ``before`` or ``after`` it is done)."""
    system.arm(route, f"hold_{moment}", skip=skip)
    child = nursery.start(environment, **given)
    _until_held(child, system)
    return child


def _until_held(child: Child, system: StandIn) -> None:
    """Wait until the system holds the call; fail when the run ends without having made it."""
    ended = eventually(lambda: (bool(system.held()), child.has_ended()), any)[1]
    assert not ended, f"it was not held: {child.steps} {child.state}"


def killed_inside_call(
    nursery: Nursery,
    environment: Mapping[str, str],
    system: StandIn,
    route: str,
    moment: str,
    skip: int = 0,
    **given: Any,
) -> Child:
    """Run a flow, kill it (SIGKILL) while it waits for this call, and see it dead and the call ended."""
    child = held_inside_call(nursery, environment, system, route, moment, skip, **given)
    child.signal(signal.SIGKILL)
    assert child.end() == -signal.SIGKILL
    eventually(system.held, lambda held: not held)
    return child


def killed_inside_request(
    nursery: Nursery,
    environment: Mapping[str, str],
    system: StandIn,
    line: str,
    moment: str,
    **given: Any,
) -> Child:
    """Run a flow, kill it while a real domain controller's answer, or its request, is kept from arriving.

    TLS hides what is asked, so the run arms the fault itself: right before the request that its connector logs
    with ``line`` for the fifth time (the reader binds, searches and reads; the setter binds, and asks).
    """
    fault = {"route": "request", "kind": f"hold_{moment}"}
    arm = {"line": line, "count": 5, "system": system.endpoints["control"], "fault": fault}
    child = nursery.start(environment, arm=arm, **given)
    _until_held(child, system)
    child.signal(signal.SIGKILL)
    assert child.end() == -signal.SIGKILL
    eventually(system.held, lambda held: not held)
    return child


class _Arming(logging.Handler):
    """Arms a fault when the connector says that it is about to send a request."""

    def __init__(self, line: str, count: int, system: str, fault: Line) -> None:
        super().__init__(logging.DEBUG)
        self._line, self._left, self._system, self._fault = line, count, system, fault

    def emit(self, record: logging.LogRecord) -> None:
        """Count the line; at its turn, arm before the request goes out."""
        if not record.getMessage().startswith(self._line):
            return
        self._left -= 1
        if self._left == 0:
            url = f"{self._system}/faults"
            httpx.post(
                url, json=self._fault, verify=TRUSTS_NOBODY, trust_env=False, timeout=30
            ).raise_for_status()


def _say(**line: Any) -> None:
    # One write each: two processes share the pipe.
    os.write(1, (json.dumps(line) + "\n").encode())


def _run(order: Line) -> None:
    """Be the run: tell its steps, die where that was asked for, else tell the end state."""
    os.environ.update(order["environment"])
    for where, value in order["constants"].items():
        module, _, name = where.partition(":")
        setattr(importlib.import_module(module), name, value)
    if order["arm"]:
        connectors = logging.getLogger("connectors.active_directory")
        connectors.setLevel(logging.DEBUG)
        connectors.addHandler(_Arming(**order["arm"]))
    _say(pid=os.getpid())

    def hear(entry: Entry) -> None:
        _say(step=entry.number, flow_run=str(flow_run.get_id()))
        if entry.number == order["die"]:
            os.kill(os.getpid(), signal.SIGKILL)

    ends: list[RunRecord] = []
    module, _, name = order["flow"].partition(":")
    flow = getattr(importlib.import_module(module), name)
    with listening(hear, ends.append):
        state = flow(**order["given"], return_state=True)
    _say(state=state.name)


def main() -> None:
    """Import what a run needs, then fork one run for every line of standard input."""
    for module in (UPDATE.partition(":")[0], *WARM):
        importlib.import_module(module)
    _say(ready=True)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                _run(json.loads(line))
                code = 0
            finally:
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(pid, 0)
        _say(ended=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
