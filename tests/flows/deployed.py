"""Prefect's command line and a worker as processes of their own, for tests of what is deployed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


def of_a_worker(server: str, folder: Path) -> dict[str, str]:
    """Return the environment of a worker that asks a server for runs, with a home of its own."""
    return os.environ | {
        "PREFECT_API_URL": f"{server}/api",
        "PREFECT_HOME": str(folder / "worker-home"),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        # Prefect's runner makes its folder in the machine's one, where another user's may stand already.
        "TMPDIR": str(folder),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }


def prefect(environment: dict[str, str], *arguments: str) -> None:
    """Run a command of Prefect's; it must succeed."""
    command = [sys.executable, "-m", "prefect", *arguments]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def worker(environment: dict[str, str], log: Path) -> Iterator[None]:
    """Have a worker carry runs out, and end it."""
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "account-rotation"]
    with log.open("w") as sink:
        started = subprocess.Popen(
            command, env=environment, cwd=log.parent, stdout=sink, stderr=subprocess.STDOUT
        )
        try:
            yield
        finally:
            started.terminate()
            try:
                started.wait(30)
            finally:
                started.kill()
                started.wait()
