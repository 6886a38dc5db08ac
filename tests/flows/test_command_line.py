"""``plan`` and ``verify``, typed by a person, against the sandbox and a real Prefect server."""

from __future__ import annotations

import json

import pytest

from cli.documented import keys_in
from cli.exits import Exit
from cli.run_keys import PLAN, RUNS
from connectors.models import Extension
from report.procedure import steps_of_update
from sandbox.world import World
from tests.running import Server
from tests.unit.cli.support import typed

pytestmark = [pytest.mark.prefect, pytest.mark.usefixtures("prefect_api")]


def test_plan_changes_nothing(
    world: World,
    prefect_api: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The plan of a service whose password was rotated names every step, and leaves the console as it was."""
    world.rotate_ad("hq")
    before = world.consoles["hq"].state()["rows"]

    shown = typed(monkeypatch, capsys, "plan", "hq", "-c", "hq-ad", "--json")

    data = json.loads(shown.out)
    (connection,) = data["connections"]
    assert shown.code == Exit.OK
    assert keys_in(data) <= set(PLAN)
    assert [step["step"] for step in connection["steps"]] == [
        step.number for step in steps_of_update(Extension.ACTIVE_DIRECTORY)
    ]
    assert "console" in connection["changes"]
    assert world.consoles["hq"].state()["rows"] == before
    assert prefect_api.get(f"/flow_runs/{data['flow_run']}")["state_name"] == "Dry run"
    assert not [secret for secret in world.canaries if secret in shown.out + shown.err]


def test_a_plan_that_would_fail(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where an update would be refused, the plan says at which step, why, and what to do."""
    world.consoles["hq"].do("disable_extension", extension="active_directory")
    shown = typed(monkeypatch, capsys, "plan", "hq", "-c", "hq-ad")
    assert shown.code == Exit.REFUSED
    assert "A2 fails" in shown.out
    assert "A5 not reached" in shown.out
    assert "An update would fail: cayosoft: open the extension" in " ".join(shown.out.split())


def test_verify(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the console holds is verified, told by the documented keys, and no secret is shown."""
    shown = typed(monkeypatch, capsys, "verify", "hq", "--json")
    data = json.loads(shown.out)
    assert keys_in(data) <= set(RUNS)
    (run,) = data["runs"]
    assert {c["name"]: c["outcome"] for c in run["connections"]}["hq-ad"] == "Verified"
    assert not [secret for secret in world.canaries if secret in shown.out]
