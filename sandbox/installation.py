"""What a site installs around the orchestrator, on a sandbox: deployments, a worker, the intake, and who sends it news.

Every part is a process of its own, started by the commands that a person would type.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from standardwebhooks import Webhook

from sandbox.standin.tls import TRUSTS_NOBODY
from sandbox.world import World

POOL = "account-rotation"
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@dataclass
class Installation:
    """A running installation. ``prefect`` is the address of its server."""

    world: World
    prefect: str
    intake: str
    key: str

    def announce(self, path: str, version: int) -> int:
        """Send the signed news of a new version, as Standard Webhooks says; return the status of the answer.

        Raises httpx.HTTPStatusError when it is not accepted.
        """
        now = datetime.now(UTC)
        data = {"mount": "kv", "path": path, "version": version}
        message = {"type": "vault.secret.rotated", "timestamp": now.isoformat(), "data": data}
        body, number = json.dumps(message), f"msg_{secrets.token_hex(8)}"
        headers = {
            "content-type": "application/json",
            "webhook-id": number,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(self.key).sign(number, now, body),
        }
        url = f"{self.intake}/hooks/vault"
        answer = httpx.post(
            url, content=body, headers=headers, verify=TRUSTS_NOBODY, trust_env=False
        )
        return answer.raise_for_status().status_code

    def run_of(self, connection: str, since: datetime, within: float = 120.0) -> dict[str, Any]:
        """Wait for the end of the run that the news has started for a connection; return it."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            for run in self.runs("update_account_credentials", since):
                mine = run["parameters"].get("connections") == [connection]
                if mine and run["state_type"] in FINAL:
                    return run
            time.sleep(0.2)
        raise RuntimeError(f"no run of {connection} has ended within {within:g} s")

    def suspended_run_of(self, connection: str, within: float = 90.0) -> str:
        """Wait for the run that waits for a person's answer about a connection; return its id."""
        deadline = time.monotonic() + within
        wanted = {"state": {"name": {"any_": ["Suspended"]}}}
        while time.monotonic() < deadline:
            for run in self.call("/flow_runs/filter", {"flow_runs": wanted}):
                about = run["parameters"]
                if connection in (about.get("connection"), *(about.get("connections") or ())):
                    return str(run["id"])
            time.sleep(0.2)
        raise RuntimeError(f"no run waits for an answer about {connection}")

    def start(self, deployment: str, **parameters: Any) -> str:
        """Start a run of a deployment, as a person does in the UI; return its id."""
        found = self.call(f"/deployments/name/{deployment}")
        path = f"/deployments/{found['id']}/create_flow_run"
        return str(self._patiently(path, {"parameters": parameters})["id"])

    def waits(self, run: str, after: str | None = None, within: float = 90.0) -> str:
        """Wait until a run waits for an answer, to another form than ``after``; return the form's key.

        Raises RuntimeError when it ends instead.
        """
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            state = self.call(f"/flow_runs/{run}")["state"]
            key = state["state_details"]["pause_key"]
            if state["name"] == "Suspended" and key != after:
                return str(key)
            if state["type"] in FINAL:
                raise RuntimeError(f"the run {run} has ended: {state['name']}")
            time.sleep(0.2)
        raise RuntimeError(f"the run {run} does not wait for an answer")

    def form_of(self, run: str, within: float = 30.0) -> str:
        """Return the text above the form of a suspended run, which Prefect keeps a moment after it is suspended."""
        details = self.call(f"/flow_runs/{run}")["state"]["state_details"]
        key = details["run_input_keyset"]["description"]
        deadline = time.monotonic() + within
        while True:
            try:
                return str(self.call(f"/flow_runs/{run}/input/{key}"))
            except httpx.HTTPStatusError as error:
                if error.response.status_code not in (404, 503) or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def end_of(self, run: str, within: float = 90.0) -> str:
        """Wait for the end of a run; return the name of its state."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            state = self.call(f"/flow_runs/{run}")["state"]
            if state["type"] in FINAL:
                return str(state["name"])
            time.sleep(0.2)
        raise RuntimeError(f"the run {run} has not ended within {within:g} s")

    def runs(self, flow: str, since: datetime) -> list[dict[str, Any]]:
        """Return the runs of a flow that have started since then."""
        wanted = {"start_time": {"after_": since.isoformat()}}
        query = {"flows": {"name": {"any_": [flow]}}, "flow_runs": wanted, "limit": 200}
        return list(self.call("/flow_runs/filter", query))

    def newest(self, key: str) -> dict[str, Any]:
        """Return the newest artifact of a key (Prefect's own "latest" has an id that no page shows)."""
        wanted = {"artifacts": {"key": {"any_": [key]}}, "sort": "CREATED_DESC", "limit": 1}
        return dict(self.call("/artifacts/filter", wanted)[0])

    def call(self, path: str, body: Any = None) -> Any:
        """Post to Prefect's API, or read from it without a body; return what it answers."""
        url, method = f"{self.prefect}/api{path}", "GET" if body is None else "POST"
        answer = httpx.request(
            method, url, json=body, verify=TRUSTS_NOBODY, trust_env=False, timeout=30
        )
        return answer.raise_for_status().json()

    def answer(self, run: str, **form: str) -> dict[str, Any]:
        """Fill in the form of a suspended run, as a person does who presses Resume; return what came of it."""
        return self._patiently(f"/flow_runs/{run}/resume", {"run_input": form})

    def _patiently(self, path: str, body: Any) -> dict[str, Any]:
        """Post, again where SQLite is busy and nothing was done."""
        deadline = time.monotonic() + 30
        while True:
            try:
                return dict(self.call(path, body))
            except httpx.HTTPStatusError as error:
                if error.response.status_code != 503 or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


@contextmanager
def installed(world: World, prefect: str) -> Iterator[Installation]:
    """Start worker and intake on what was deployed; end both by process id afterwards."""
    key = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    world.canaries.add(key.removeprefix("whsec_"))
    keys = world.folder / "webhook-keys"
    keys.touch(mode=0o600)
    keys.write_text(f"{key}\n")
    world.environment.update(
        INTAKE_SPOOL=str(world.folder / "spool.sqlite"),
        INTAKE_WEBHOOK_KEYS_FILE=str(keys),
        INTAKE_PORT="0",
    )
    own = environment_of(world) | {
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "TMPDIR": str(world.folder),
    }
    _pause(prefect, "reconcile_connections/reconcile")
    worker = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL]
    listen = [sys.executable, "-m", "cli.main", "listen"]
    with ExitStack() as stack:
        stack.enter_context(_process(worker, own, world.folder / "worker.log"))
        log = world.folder / "intake.log"
        stack.enter_context(_process(listen, own, log))
        yield Installation(world, prefect, _address(log), key)


def _pause(prefect: str, deployment: str) -> None:
    """Keep a schedule from coming between: at a quarter past it would find what the news is about, too."""
    with httpx.Client(base_url=f"{prefect}/api", trust_env=False) as api:
        found = api.get(f"/deployments/name/{deployment}").raise_for_status().json()
        api.post(f"/deployments/{found['id']}/pause_deployment").raise_for_status()


def environment_of(world: World) -> dict[str, str]:
    """Return the environment of a process that works on this sandbox, and on no other."""
    ours = ("PREFECT_", "ROTATION_", "INTAKE_")
    own = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return own | world.environment


@contextmanager
def _process(command: list[str], environment: Mapping[str, str], log: Path) -> Iterator[None]:
    with log.open("w") as sink:
        started = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=Path(__file__).parents[1],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        started.terminate()
        with suppress(subprocess.TimeoutExpired):
            started.wait(10)
        # The runs of a worker are in its session; none of them outlives the sandbox.
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()


def _address(log: Path, within: float = 60.0) -> str:
    """Wait until the intake says where it listens."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        said = log.read_text()
        if "listening on " in said and said.endswith("\n"):
            return said.split("listening on ")[1].split()[0]
        time.sleep(0.1)
    raise RuntimeError("the intake does not listen")
