"""What prefect.yaml and automations.yaml make of a real server: deployed twice, run by a worker, told to somebody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.deployments import check
from cli.exits import Exit
from sandbox import notifications
from sandbox.standin.process import StandIn
from sandbox.standin.tls import TRUSTS_NOBODY
from sandbox.world import World
from tests.flows.deployed import of_a_worker, prefect, worker
from tests.running import Server
from tests.waiting import eventually

pytestmark = [pytest.mark.prefect, pytest.mark.bookkeeping]
ROOT = Path(__file__).parents[2]
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


def test_worker_runs_the_deployment(world: World, prefect_api: Server, tmp_path: Path) -> None:
    """`prefect deploy --all` works on a server that knows nothing, and a worker elsewhere runs the update."""
    environment = of_a_worker(prefect_api.url, tmp_path)
    world.rotate_ad("hq")
    prefect(environment, "work-pool", "create", "account-rotation", "--type", "process")
    prefect(environment, "--no-prompt", "deploy", "--all")
    deployment = prefect_api.get("/deployments/name/update_account_credentials/update")
    assert deployment["parameter_openapi_schema"]["required"] == ["service"]
    assert deployment["pull_steps"] == []
    assert "secret_version" in str(deployment["parameter_openapi_schema"]["properties"])
    described = deployment["parameter_openapi_schema"]["properties"]["dry_run"]["description"]
    assert "change nothing" in described

    with worker(environment, tmp_path / "worker.log"):
        run = prefect_api.post(
            f"/deployments/{deployment['id']}/create_flow_run",
            {"parameters": {"service": "hq", "connections": ["hq-ad"]}},
        )

        def state() -> dict[str, Any]:
            return dict(prefect_api.get(f"/flow_runs/{run['id']}")["state"])

        final = eventually(state, lambda seen: seen["type"] in FINAL, within=90)

    assert final["name"] == "Ready", (tmp_path / "worker.log").read_text()[-3000:]
    assert world.console_signs_in("hq", "active_directory")


@pytest.fixture(scope="module")
def empty_server(
    tmp_path_factory: pytest.TempPathFactory, prefect_golden: Path
) -> Iterator[Server]:
    """Start a Prefect server that knows nothing, for this module alone."""
    home = tmp_path_factory.mktemp("empty-prefect")
    config = {"home": str(home), "golden": str(prefect_golden)}
    with StandIn.start("sandbox.prefect_server", config) as server:
        yield Server(server.url, home)


def _deploy(server: Server, home: Path, *arguments: str, expected: int = Exit.OK) -> dict[str, Any]:
    environment = os.environ | {
        "PREFECT_API_URL": f"{server.url}/api",
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    }
    command = [sys.executable, "-m", "cli.main", "deploy", "--json", *arguments]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == expected, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return dict(json.loads(done.stdout)) if done.returncode == Exit.OK else {"said": done.stderr}


def _did(done: dict[str, Any]) -> Counter[str]:
    return Counter(thing["did"] for thing in done["things"])


def _on_the_server(server: Server) -> dict[str, list[str]]:
    """Return the names of everything that deploying makes, and every schedule."""
    deployments = server.post("/deployments/filter", {})
    queues = server.post("/work_queues/filter", {})
    return {
        "pools": sorted(pool["name"] for pool in server.post("/work_pools/filter", {})),
        "queues": sorted(f"{q['name']} {q['concurrency_limit']}" for q in queues),
        "deployments": sorted(deployment["name"] for deployment in deployments),
        "schedules": sorted(
            f"{d['name']} {s['slug']} {s['schedule']['cron']} {s['schedule']['timezone']}"
            for d in deployments
            for s in d["schedules"]
        ),
        "automations": sorted(item["name"] for item in server.post("/automations/filter", {})),
        "limits": [d["name"] for d in deployments if d["global_concurrency_limit"]],
    }


def test_deploys_twice(empty_server: Server, tmp_path: Path) -> None:
    """`account-rotation deploy` brings an empty server to the files, and finds it so the next time.

    Without a notification block nobody would be told, which it says; with one, an event of a run arrives.
    """
    wanted = check(ROOT / "prefect.yaml", ROOT / "deployments" / "automations.yaml")
    notifying = [item for item in wanted.automations.automations if item.notifies]
    first = _deploy(empty_server, tmp_path)
    assert _did(first) == {
        "created": len(first["things"]) - len(notifying),
        "left out": len(notifying),
    }
    assert "--notify-block" in str(first["notes"])
    assert "prefect worker start --pool account-rotation" in str(first["notes"])
    seen = _on_the_server(empty_server)
    assert len(seen["deployments"]) == len(wanted.deployments)
    assert "rotate-due maintenance-window 0 4 * * * Etc/UTC" in seen["schedules"]
    assert seen["limits"] == []

    with notifications.listening(empty_server.url) as chat:
        told = _deploy(empty_server, tmp_path, "--notify-block", notifications.BLOCK)
        # and the variable that remembers the block
        assert _did(told)["created"] == len(notifying) + 1
        everything = _on_the_server(empty_server)

        again = _deploy(empty_server, tmp_path)
        assert set(_did(again)) == {"as it was"}
        assert again["verdict"].startswith("Deployed: ")
        assert _on_the_server(empty_server) == everything

        _emit(empty_server, "cayosoft.connection.refused")
        message = chat.about("hq-ad: cayosoft.connection.refused")
    assert message
    assert "account-rotation ledger hq-ad" in message.body
    assert "password-expired" in message.body
    assert chat.messages == [message]


def _emit(server: Server, event: str) -> None:
    """Send an event as the last step of a run does."""
    body = {
        "event": event,
        "resource": {
            "prefect.resource.id": "cayosoft.connection.hq.hq-ad",
            "prefect.resource.name": "hq-ad",
        },
        "payload": {"service": "hq", "dry_run": False, "findings": ["password-expired"]},
        "occurred": "2026-01-01T00:00:00Z",
        "id": "0b5f3f3e-7f0e-4b0e-8d4e-3f1f5a0c9d11",
    }
    answer = httpx.post(f"{server.url}/api/events", json=[body], trust_env=False, timeout=30)
    answer.raise_for_status()


def _post(server: Server, path: str, body: dict[str, Any], method: str = "POST") -> Any:
    """Call the API again where SQLite was locked: the server's own services write at the same time."""

    def call() -> httpx.Response:
        url = f"{server.url}/api{path}"
        return httpx.request(
            method, url, json=body, verify=TRUSTS_NOBODY, trust_env=False, timeout=30
        )

    answer = eventually(call, lambda answer: answer.status_code != 503)
    answer.raise_for_status()
    return answer.json() if answer.content else None


def test_the_second_run_waits(empty_server: Server, tmp_path: Path) -> None:
    """A worker is not given a second run of a deployment while one goes on, and then it is; others go on."""
    _deploy(empty_server, tmp_path)
    runs = {}
    for name in ("update_account_credentials/update", "verify_connections/verify"):
        path = f"/deployments/{empty_server.get(f'/deployments/name/{name}')['id']}/create_flow_run"
        parameters = {"service": "hq"} if name.startswith("update") else {}
        runs[name] = [
            _post(empty_server, path, {"parameters": parameters, "idempotency_key": f"{name} {n}"})
            for n in range(2)
        ]
    updates, looks = ({run["id"] for run in made} for made in runs.values())

    def given() -> set[str]:
        answer = _post(empty_server, "/work_pools/account-rotation/get_scheduled_flow_runs", {})
        return {item["flow_run"]["id"] for item in answer} & (updates | looks)

    def go(run: str, *states: str) -> None:
        for state in states:
            body = {"state": {"type": state}, "force": True}
            _post(empty_server, f"/flow_runs/{run}/set_state", body)

    assert len(given()) == 2
    (first,) = given() & updates
    go(first, "PENDING", "RUNNING")
    assert not given() & updates
    assert given() & looks
    go(first, "COMPLETED")
    assert given() & updates == updates - {first}


def test_what_a_person_changed(empty_server: Server, tmp_path: Path) -> None:
    """What differs from the files is brought back; a pause of an automation and a queue's limit stay."""
    _deploy(empty_server, tmp_path)
    deployment = empty_server.get("/deployments/name/update_account_credentials/update")
    changes = {"description": "mine", "concurrency_limit": 3}
    _post(empty_server, f"/deployments/{deployment['id']}", changes, "PATCH")
    name = "account-rotation: a run without a process"
    (rule,) = [r for r in empty_server.post("/automations/filter", {}) if r["name"] == name]
    rule_path = f"/automations/{rule['id']}"
    _post(empty_server, rule_path, {"enabled": False}, "PATCH")
    queues = {q["name"]: q["id"] for q in empty_server.post("/work_queues/filter", {})}
    for queue, limit in (("update", 4), ("verify", None)):
        _post(empty_server, f"/work_queues/{queues[queue]}", {"concurrency_limit": limit}, "PATCH")
    changed = tmp_path / "automations.yaml"
    text = (ROOT / "deployments" / "automations.yaml").read_text()
    changed.write_text(text.replace("within: 600", "within: 900"))

    done = _deploy(empty_server, tmp_path, "--automations", str(changed))
    assert [t["name"] for t in done["things"] if t["did"] == "changed"] == [
        "account-rotation/verify",
        "update_account_credentials/update",
        name,
    ]
    deployment = empty_server.get("/deployments/name/update_account_credentials/update")
    assert deployment["description"].startswith("Bring a service's connections")
    assert deployment["global_concurrency_limit"] is None
    assert {"update 4", "verify 1"} <= set(_on_the_server(empty_server)["queues"])
    after = empty_server.get(rule_path)
    assert (after["enabled"], after["trigger"]["within"]) == (False, 900)


def test_nothing_is_deployed_from_a_wrong_file(empty_server: Server, tmp_path: Path) -> None:
    """A mistake in a file, or a block that does not exist, ends before anything is touched."""
    before = _on_the_server(empty_server)
    wrong = tmp_path / "prefect.yaml"
    wrong.write_text((ROOT / "prefect.yaml").read_text().replace("schedules:", "shedules:"))
    done = _deploy(empty_server, tmp_path, "--prefect-yaml", str(wrong), expected=Exit.REFUSED)
    assert "shedules: is not a known field" in done["said"]
    done = _deploy(
        empty_server, tmp_path, "--notify-block", "custom-webhook/none", expected=Exit.REFUSED
    )
    assert "prefect block ls" in done["said"]
    assert _on_the_server(empty_server) == before


def test_server_that_is_away(tmp_path: Path) -> None:
    """Where no server answers, it says so with the next command."""
    away = Server("http://127.0.0.1:9", tmp_path)
    said = _deploy(away, tmp_path, expected=Exit.UNREACHABLE)["said"]
    assert "prefect: deploy: url=http://127.0.0.1:9/api" in said
    assert "account-rotation deploy again" in said
