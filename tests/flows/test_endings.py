"""How a run ends when Prefect is away, or somebody ends it: told truly, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from cli.exits import Exit, exit_code
from cli.running import run_update
from connectors.errors import Unreachable
from sandbox.demo import test_users as leftover_users
from sandbox.standin.process import StandIn
from sandbox.world import World
from tasks import _artifacts
from tests.running import Server, StartWorld, Update
from tests.waiting import eventually

pytestmark = pytest.mark.prefect
ROOT = Path(__file__).parents[2]


def _no_artifacts(*_: object, **__: object) -> None:
    raise httpx.ConnectError("prefect is away")


def test_evidence_that_cannot_be_kept(
    world: World, update: Update, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the report cannot be written it is tried again, and the run is not a success without it."""
    monkeypatch.setattr(_artifacts, "create_markdown_artifact", _no_artifacts)

    outcome = update(connections=["hq-ad"])

    assert outcome.state.name == "Unreachable"
    assert isinstance(outcome.record.error, Unreachable)
    assert exit_code(outcome.record) is Exit.UNREACHABLE
    assert outcome.connection("hq-ad").error is None
    assert [e.number for e in outcome.record.entries].count("F2") == 3
    assert world.console_signs_in("hq", "active_directory")


def test_evidence_that_is_kept_at_the_second_try(
    world: World, update: Update, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When Prefect comes back the report is written and the run is what it is."""
    write, failures = _artifacts.create_markdown_artifact, iter([1])

    def once_away(*args: object, **more: object) -> object:
        if next(failures, None):
            raise httpx.ReadTimeout("prefect is away")
        return write(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(_artifacts, "create_markdown_artifact", once_away)

    assert update(connections=["hq-ad"]).state.name == "Ready"


def test_settings_that_are_wrong(
    world: World, update: Update, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong variable ends the run as a refusal that names it, before anything is touched."""
    monkeypatch.setenv("ROTATION_RETRY_ATTEMPTS", "many")

    outcome = update(connections=["hq-ad"])

    assert outcome.state.name == "Refused"
    assert "ROTATION_RETRY_ATTEMPTS" in str(outcome.connection("hq-ad").error)
    assert world.consoles["hq"].journal() == []


def test_an_empty_choice_is_not_all(world: World, update: Update) -> None:
    """An empty list of connections is refused; it does not update everything."""
    assert update(connections=[]).state.name == "Refused"
    assert world.consoles["hq"].journal() == []


def test_a_name_that_is_given_twice(world: World, update: Update) -> None:
    """A connection that is named twice is updated once."""
    outcome = update(connections=["hq-ad", "hq-ad"])

    assert [c.name for c in outcome.record.connections] == ["hq-ad"]
    assert outcome.steps("hq-ad").count("A5") == 1


def _command(server: Server, world: World, *words: str) -> subprocess.Popen[str]:
    environment = (
        os.environ
        | world.environment
        | {
            "PREFECT_API_URL": f"{server.url}/api",
            "PREFECT_HOME": str(server.home),
            "PREFECT_CLIENT_MAX_RETRIES": "0",
        }
    )
    return subprocess.Popen(
        [sys.executable, "-m", "cli.main", "update", "hq", *words],
        cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_no_test_user(
    world: World, prefect_server: Server, number: signal.Signals
) -> None:
    """A run that is ended between V1 and V4 removes its test user, and does not end with 0."""
    console = world.consoles["hq"]
    console.arm("operation", "delay", seconds=2.0, skip=1)
    with _command(prefect_server, world, "--connection", "hq-ad") as process:
        eventually(lambda: leftover_users(world), bool)
        process.send_signal(number)
        process.communicate(timeout=60)

    assert process.returncode != 0
    assert leftover_users(world) == []


def test_a_signal_leaves_the_console_as_it_was(world: World, prefect_server: Server) -> None:
    """A run that is ended before its save leaves a draft, which expires, and the row as it was."""
    console = world.consoles["hq"]
    before = console.state()["rows"]
    console.arm("draft.create", "delay", seconds=5.0)
    with _command(prefect_server, world, "--connection", "hq-ad") as process:
        eventually(lambda: world.directory.calls("bind"), bool)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

    assert process.returncode != 0
    assert console.state()["rows"] == before


def test_prefect_is_gone_before_the_end(
    start_world: StartWorld, tmp_path: Path, prefect_golden: Path
) -> None:
    """When Prefect's API goes away mid-run the connections are still told, and the exit code is no 0."""
    world = start_world()
    home = tmp_path / "prefect"
    console = world.consoles["hq"]
    console.arm("draft.save", "delay", seconds=2.0)
    config = {"home": str(home), "golden": str(prefect_golden)}
    with StandIn.start("sandbox.prefect_server", config) as started:
        words = ("--connection", "hq-ad", "--json")
        with _command(Server(started.url, home), world, *words) as process:
            eventually(lambda: console.calls("draft.create"), bool, 90)
            started.stop()
            out, _ = process.communicate(timeout=60)

    data = json.loads(out)
    assert process.returncode == Exit.UNREACHABLE
    assert data["error"].startswith("prefect: ")
    assert data["connections"][0]["outcome"] == "Ready"
    assert leftover_users(world) == []


def test_console_output_is_json(
    world: World, prefect_api: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --json standard output is one JSON document, also when the run failed, and holds no secret."""
    world.consoles["hq"].do("disable_extension", extension="active_directory")

    record = run_update("hq", None, None, dry_run=False, as_json=True, console=Console(width=40))

    written = capsys.readouterr().out
    assert json.loads(written)["flow_run"] == record.run_id
    assert not [secret for secret in world.canaries if secret in written]
