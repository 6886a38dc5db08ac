"""The deployment of prefect.yaml, on a real server, run by a real worker in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sandbox.world import World
from tests.running import Server
from tests.waiting import eventually

pytestmark = pytest.mark.prefect
ROOT = Path(__file__).parents[2]
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


def _prefect(environment: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "-m", "prefect", *arguments]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _worker(environment: dict[str, str], log: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "account-rotation"]
    with log.open("w") as sink:
        worker = subprocess.Popen(
            command, env=environment, cwd=log.parent, stdout=sink, stderr=subprocess.STDOUT
        )
        try:
            yield
        finally:
            worker.terminate()
            try:
                worker.wait(30)
            finally:
                worker.kill()
                worker.wait()


def test_worker_runs_the_deployment(world: World, prefect_api: Server, tmp_path: Path) -> None:
    """`prefect deploy --all` works on a server that knows nothing, and a worker elsewhere runs the update."""
    environment = os.environ | {
        "PREFECT_API_URL": f"{prefect_api.url}/api",
        "PREFECT_HOME": str(tmp_path / "worker-home"),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        # Prefect's runner makes its folder in the machine's one, where another user's may stand already.
        "TMPDIR": str(tmp_path),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    world.rotate_ad("hq")
    _prefect(environment, "work-pool", "create", "account-rotation", "--type", "process")
    _prefect(environment, "--no-prompt", "deploy", "--all")
    deployment = prefect_api.get("/deployments/name/update_account_credentials/update")
    assert deployment["parameter_openapi_schema"]["required"] == ["service"]
    assert deployment["pull_steps"] == []
    assert "secret_version" in str(deployment["parameter_openapi_schema"]["properties"])
    described = deployment["parameter_openapi_schema"]["properties"]["dry_run"]["description"]
    assert "change nothing" in described

    with _worker(environment, tmp_path / "worker.log"):
        run = prefect_api.post(
            f"/deployments/{deployment['id']}/create_flow_run",
            {"parameters": {"service": "hq", "connections": ["hq-ad"]}},
        )

        def state() -> dict[str, Any]:
            return dict(prefect_api.get(f"/flow_runs/{run['id']}")["state"])

        final = eventually(state, lambda seen: seen["type"] in FINAL, within=90)

    assert final["name"] == "Ready", (tmp_path / "worker.log").read_text()[-3000:]
    assert world.console_signs_in("hq", "active_directory")
