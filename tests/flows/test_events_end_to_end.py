"""From Vault to the console by itself: a signed message, the intake, Prefect, a worker, an updated console.

Every part is a process of its own, as in production: Prefect's server, a worker, the intake, the sandbox.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from sandbox.world import World
from tests.flows.test_rotate import ledger_of
from tests.running import Server
from tests.waiting import eventually

pytestmark = pytest.mark.prefect
ROOT = Path(__file__).parents[2]


@dataclass
class Site:
    """A running installation: where messages go, and the key that signs them."""

    intake: str
    key: str
    server: Server
    since: str

    def send(self, mount: str, path: str, version: int) -> httpx.Response:
        """Send the news of a new version, signed as Standard Webhooks says."""
        data = {"mount": mount, "path": path, "version": version}
        now = datetime.now(UTC)
        body = json.dumps(
            {"type": "vault.secret.rotated", "timestamp": now.isoformat(), "data": data}
        )
        name = f"msg_{secrets.token_hex(8)}"
        headers = {
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(self.key).sign(name, now, body),
            "content-type": "application/json",
        }
        return httpx.post(
            f"{self.intake}/hooks/vault", content=body, headers=headers, trust_env=False
        )

    def runs(self, connection: str) -> list[dict[str, Any]]:
        """Return the update runs of one connection that the intake has started."""
        wanted = {"flows": {"name": {"any_": ["update_account_credentials"]}}, "limit": 200}
        found = self.server.post("/flow_runs/filter", wanted)
        return [
            run
            for run in found
            if run["deployment_id"]
            and run["created"] > self.since
            and run["parameters"].get("connections") == [connection]
        ]


def _ours(*arguments: str, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "cli.main", *arguments]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _process(command: list[str], environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("w") as sink:
        started = subprocess.Popen(
            command, env=environment, cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT
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


@pytest.fixture
def site(world: World, prefect_api: Server, tmp_path: Path) -> Iterator[Site]:
    """Deploy to the server, start a worker and the intake, and wait until it listens."""
    key = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    keys = tmp_path / "webhook-keys"
    keys.touch(mode=0o600)
    keys.write_text(key + "\n")
    environment = os.environ | {
        "PREFECT_API_URL": f"{prefect_api.url}/api",
        "PREFECT_HOME": str(tmp_path / "worker-home"),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "TMPDIR": str(tmp_path),
        "INTAKE_SPOOL": str(tmp_path / "spool.sqlite"),
        "INTAKE_WEBHOOK_KEYS_FILE": str(keys),
        "INTAKE_PORT": "0",
    }
    _ours("deploy", environment=environment)
    # At a quarter past, this schedule would find what the news is about, too.
    reconcile = prefect_api.get("/deployments/name/reconcile_connections/reconcile")
    prefect_api.post(f"/deployments/{reconcile['id']}/pause_deployment", {})
    worker = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "account-rotation"]
    listen = [sys.executable, "-m", "cli.main", "listen"]
    log = tmp_path / "intake.log"
    with (
        _process(worker, environment, tmp_path / "worker.log"),
        _process(listen, environment, log),
    ):
        said = eventually(log.read_text, lambda text: "listening on " in text, within=60)
        address = said.split("listening on ")[1].split()[0]
        yield Site(address, key, prefect_api, datetime.now(UTC).isoformat())


def test_a_message_updates_the_console(
    world: World, site: Site, record_property: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """A new version is written, a signed message sent, sent again: one run, and the console holds it."""
    version = world.rotate_ad("hq")

    answers = [site.send("kv", "cayosoft/hq/ad", version) for _ in range(3)]
    accepted = time.monotonic()

    assert {answer.status_code for answer in answers} <= {200, 202}
    applied = eventually(
        lambda: ledger_of("hq-ad").applied,
        lambda seen: seen is not None and f"#{version}@" in seen.label,
        within=90,
    )
    took = time.monotonic() - accepted
    assert applied is not None
    assert world.console_signs_in("hq", "active_directory")
    runs = eventually(
        lambda: site.runs("hq-ad"), lambda seen: [r["state_name"] for r in seen] == ["Ready"]
    )
    assert len(runs) == 1
    started = datetime.fromisoformat(runs[0]["start_time"])
    created = datetime.fromisoformat(runs[0]["created"])
    waited, worked = (started - created).total_seconds(), (applied.at - started).total_seconds()
    told = (
        f"202 to applied {took:.1f} s: {waited:.1f} s until a worker had started the run, "
        f"{worked:.1f} s from there to the saved console"
    )
    with capsys.disabled():
        sys.stdout.write(f"\n{told}\n")
    record_property("measured", told)


def test_what_was_applied_already_starts_nothing(world: World, site: Site) -> None:
    """The news of a version that the console holds leads to no run, and is done with all the same."""
    version = world.rotate_ad("hq")
    site.send("kv", "cayosoft/hq/ad", version)
    eventually(
        lambda: site.runs("hq-ad"),
        lambda seen: [run["state_name"] for run in seen] == ["Ready"],
        within=90,
    )

    site.send("kv", "cayosoft/hq/ad", version - 1)
    site.send("kv", "cayosoft/nobody/knows", 1)

    def delivered() -> float:
        text = httpx.get(f"{site.intake}/metrics", trust_env=False).text
        waiting = [line for line in text.splitlines() if "waiting" in line and line[0] != "#"]
        return sum(float(line.rsplit(" ", 1)[1]) for line in waiting)

    eventually(delivered, lambda waiting: waiting == 0, within=30)
    assert len(site.runs("hq-ad")) == 1
