"""Run ``prefect server start`` on loopback; ready when its health endpoint answers.

Configuration: ``home`` (PREFECT_HOME, where its database goes), ``port`` (any other where it is taken), ``timeout``,
``golden`` (a folder in which a fresh database is kept, for the next start to be quicker), and
``bookkeeping`` (false: it keeps runs and artifacts, but neither events nor task runs, so that nothing but the runs
themselves writes into its database; SQLite refuses a second writer, and Prefect's client then waits for seconds).
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from sandbox.prefect_server import golden
from sandbox.standin.control import Control
from sandbox.standin.process import Config, Endpoints, run
from sandbox.standin.tls import TRUSTS_NOBODY

_BOOKKEEPERS = (
    "EVENT_PERSISTER",
    "TASK_RUN_RECORDER",
    "TRIGGERS",
    "EVENT_LOGGER",
    "SCHEDULER",
    "LATE_RUNS",
)

_servers: list[subprocess.Popen[bytes]] = []


def environment(home: str, port: int, *, bookkeeping: bool = True) -> dict[str, str]:
    """Return the environment of the server: its own home, loopback, no telemetry, no update checks."""
    services = () if bookkeeping else _BOOKKEEPERS
    own = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return own | {
        "PREFECT_HOME": home,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "PREFECT_LOGGING_SERVER_LEVEL": "WARNING",
        "NO_COLOR": "1",
        **{f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in services},
    }


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def _free_port(wished: int) -> int:
    """Return the wished port where it is free, else any free one."""
    try:
        with socket.create_server(("127.0.0.1", wished)) as probe:
            return int(probe.getsockname()[1])
    except OSError:
        return _free_port(0)


def start(config: Config) -> Endpoints:
    """Start the server and wait until it is healthy; raise RuntimeError when it ends or does not get there.

    It binds its port seconds after the port was found free: where somebody was quicker, another one is tried.
    """
    home, wished = str(config["home"]), int(config.get("port", 0))
    Path(home).mkdir(parents=True, exist_ok=True)
    kept = Path(config["golden"]) if config.get("golden") else None
    if kept:
        golden.use(kept, Path(home))
    deadline = time.monotonic() + float(config.get("timeout", 120))
    for wanted in (wished, 0, 0):
        port = _free_port(wanted)
        server = _started(home, port, bookkeeping=bool(config.get("bookkeeping", True)))
        if _is_healthy(server, f"http://127.0.0.1:{port}", deadline):
            break
    else:
        raise RuntimeError(f"the Prefect server ended with {server.returncode}")
    if kept:
        golden.keep(kept, Path(home))
    side_door = Control().serve()
    return {
        "url": f"http://127.0.0.1:{port}",
        "control": f"http://127.0.0.1:{side_door.server_port}",
        "server_pid": server.pid,
    }


def _started(home: str, port: int, *, bookkeeping: bool) -> subprocess.Popen[bytes]:
    server = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start"],
        env=environment(home, port, bookkeeping=bookkeeping),
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        stderr=sys.stderr,
        preexec_fn=_die_with_parent,  # no thread has started yet
    )
    _servers[:] = [server]
    return server


def _is_healthy(server: subprocess.Popen[bytes], url: str, deadline: float) -> bool:
    """Wait until the server answers; False when it ends instead."""
    parent = os.getppid()
    with httpx.Client(verify=TRUSTS_NOBODY, trust_env=False, timeout=5) as client:
        while server.poll() is None:
            try:
                if client.get(f"{url}/api/health").is_success:
                    return True
            except httpx.HTTPError:
                pass
            if os.getppid() != parent:
                raise RuntimeError("the process that wanted the Prefect server is gone")
            if time.monotonic() > deadline:
                raise RuntimeError("the Prefect server was not healthy in time")
            time.sleep(0.1)
    return False


def stop() -> None:
    """End the server and wait for it."""
    for server in _servers:
        server.terminate()
        try:
            server.wait(8)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


if __name__ == "__main__":
    run(start, stop)
