"""The law: an update may be killed at any moment; the next one ends Ready and leaves nothing behind."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from report.procedure import BY_NUMBER, IN_PERSON
from report.record import Result
from sandbox.demo import test_users as leftover_users
from sandbox.people import APP_NAME
from sandbox.standin.process import StandIn
from sandbox.world import World, running
from tests.laws.kills import (
    Nursery,
    held_inside_call,
    killed_after_step,
    killed_inside_call,
)
from tests.laws.rotations import QUICK
from tests.running import Outcome, Server, Update

pytestmark = pytest.mark.prefect

Recorder = Callable[[str, object], None]
AD, M365 = "active_directory", "microsoft_365"
NAMES = {AD: "hq-ad", M365: "hq-m365"}
STEPS = {
    AD: ("P1", "A1", "A2", "A3", "A4", "A5", "A6", "V1", "V2", "V3", "V4", "F2"),
    M365: ("E1", "E2", "E3", "E4", "E5", "E6", "E7", "V5", "V6", "V7"),
}
# What each step asks of the console, as (step, route, how many calls of this route come before it).
CALLS = {
    AD: (
        ("A4", "draft.create", 0), ("A5", "draft.save", 0), ("V1", "operation", 0),
        ("V2", "operation", 1), ("V3", "operation", 2), ("V4", "operation", 3),
    ),
    M365: (
        ("E3", "draft.create", 0), ("E4", "draft.save", 0), ("E5", "app.find", 0),
        ("E6", "consent.accept", 0),
        ("V5", "operation", 0), ("V6", "operation", 1), ("V7", "operation", 2),
    ),
}  # fmt: skip


@dataclass
class Lab:
    """A sandbox that outlives the cases, begun anew for each by another rotation."""

    world: World
    nursery: Nursery
    update: Update
    server: Server

    def begin(self, extension: str) -> int:
        """Rotate the account; for Microsoft 365, in a tenant that knows neither app nor consent."""
        for stand_in in self.world.stand_ins().values():
            stand_in.disarm()
            stand_in.forget()
        if extension == AD:
            return self.world.rotate_ad("hq")
        self.world.tenants["north"].do("reset")
        return self.world.rotate_entra("hq")

    def call(self, function: Any, extension: str, *where: Any, **more: Any) -> Any:
        """Run the update of one connection in a process of its own, by a function of the harness."""
        given = {"service": "hq", "connections": [NAMES[extension]], **more}
        return function(self.nursery, self.world.environment, *where, **given)

    def again(self, extension: str) -> Outcome:
        """Run the same update once more, here."""
        return self.update(connections=[NAMES[extension]])

    def row(self, extension: str) -> dict[str, Any]:
        """Return what the console shows of the connection."""
        rows = self.world.consoles["hq"].state()["rows"]
        return next(row for row in rows if row["extension"] == extension)

    def holds(self, extension: str, version: int, saves: int) -> None:
        """Demand what must be true at the end, whatever happened before."""
        row = self.row(extension)
        assert self.world.console_signs_in("hq", extension)
        assert f"#{version}@" in row["secret_label"]
        assert saves == row["saves"], "one save per version"
        assert self.world.locked_accounts() == []
        tenant = self.world.tenants["north"].state()
        assert [user["upn"] for user in tenant["users"] if user["locked"]] == []
        assert leftover_users(self.world) == []
        if extension == M365:
            (app,) = [app for app in tenant["apps"] if app["display_name"] == APP_NAME]
            mine = [g for g in tenant["grants"] if g["clientId"] == app["service_principal_id"]]
            assert {grant["consentType"] for grant in mine} == {"Principal"}

    def repaired(self, extension: str, version: int, saves: int) -> Outcome:
        """Run again after a kill; demand that it ends Ready with everything as it must be."""
        outcome = self.again(extension)
        assert outcome.state.name == "Ready", outcome.state.message
        self.holds(extension, version, saves)
        return outcome


@pytest.fixture(scope="module")
def kept_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start one sandbox for all cases."""
    folder = tmp_path_factory.mktemp("kills") / "sandbox"
    with running(folder, services=("hq",)) as world:
        yield world


@pytest.fixture(scope="module")
def nursery(prefect_server: Server, kept_world: World) -> Iterator[Nursery]:
    """Keep a process warm that can be forked for every run."""
    started = Nursery.for_flows(prefect_server, kept_world, QUICK)
    yield started
    started.stop()


@pytest.fixture
def lab(
    kept_world: World,
    nursery: Nursery,
    update: Update,
    prefect_api: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> Lab:
    """Return the sandbox of this module with the product pointed at it."""
    for name, value in kept_world.environment.items():
        monkeypatch.setenv(name, value)
    for where, seconds in QUICK.items():
        monkeypatch.setattr(where.replace(":", "."), seconds)
    return Lab(kept_world, nursery, update, prefect_api)


@pytest.mark.parametrize(
    ("extension", "number"), [(kind, step) for kind, steps in STEPS.items() for step in steps]
)
def test_killed_after_a_step(
    lab: Lab, record_property: Recorder, extension: str, number: str
) -> None:
    """Killed between this step and the next one, the update is finished by the next run."""
    saves = lab.row(extension)["saves"]
    version = lab.begin(extension)

    child = lab.call(killed_after_step, extension, number)

    assert child.steps[-1] == number
    outcome = lab.repaired(extension, version, saves + 1)
    record_property("kill_point", f"after {number}")
    first = {"V1": "V1", "V2": "V1", "V3": "V1", "V5": "V5", "V6": "V5"}.get(number)
    if first:
        entry = next(e for e in outcome.connection(NAMES[extension]).entries if e.number == first)
        assert "removed what an earlier run left" in entry.evidence


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize(
    ("extension", "number", "route", "skip"),
    [(kind, *call) for kind, calls in CALLS.items() for call in calls],
)
def test_killed_inside_a_step(
    lab: Lab,
    record_property: Recorder,
    extension: str,
    number: str,
    route: str,
    skip: int,
    moment: str,
) -> None:
    """Killed while the console's answer is on its way, done or not, the update is finished by the next run."""
    saves = lab.row(extension)["saves"]
    version = lab.begin(extension)
    console = lab.world.consoles["hq"]

    child = lab.call(killed_inside_call, extension, console, route, moment, skip)

    assert number not in child.steps
    outcome = lab.repaired(extension, version, saves + 1)
    record_property("kill_point", f"inside {number}, {moment} {route}")
    if route == "draft.save" and moment == "after":
        entries = outcome.connection(NAMES[extension]).entries
        saved = next(entry for entry in entries if entry.number == number)
        assert saved.result is Result.ALREADY_SO


def _cleaner(lab: Lab, extension: str) -> tuple[StandIn, str, str]:
    """Return the system that a clean-up deletes from, its route, and the step that cleans up."""
    if extension == AD:
        return lab.world.directory, "delete", "V1"
    return lab.world.tenants["north"], "graph.users.delete", "V5"


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("extension", [AD, M365])
def test_killed_while_cleaning_up(
    lab: Lab, record_property: Recorder, extension: str, moment: str
) -> None:
    """Killed while it removes what an earlier killed run left, the update is finished by the next run."""
    saves = lab.row(extension)["saves"]
    version = lab.begin(extension)
    system, route, creates = _cleaner(lab, extension)
    lab.call(killed_after_step, extension, creates)
    assert len(leftover_users(lab.world)) == 1

    lab.call(killed_inside_call, extension, system, route, moment)

    assert len(leftover_users(lab.world)) == (1 if moment == "before" else 0)
    lab.repaired(extension, version, saves + 1)
    record_property("kill_point", f"cleaning up before {creates}, {moment} the deletion")


def test_every_step_is_killed() -> None:
    """No step of the update is left out of this law."""
    killed = {number for steps in STEPS.values() for number in steps}
    changing = {number for calls in CALLS.values() for number, *_ in calls}
    promised = {n for n, s in BY_NUMBER.items() if n[0] in "AEV" and n != "V8" and s.changes}
    # Signing in to the console changes nothing but its session.
    assert promised - {"A1", "E1"} <= changing
    asked = {n for n in BY_NUMBER if n[0] in "AEV" and n != "V8"} - IN_PERSON
    assert asked | {"P1", "F2"} == killed


@pytest.mark.parametrize(
    ("number", "message"),
    [(signal.SIGTERM, "termination signal"), (signal.SIGINT, "interrupt")],
)
def test_told_to_stop(lab: Lab, number: signal.Signals, message: str) -> None:
    """Told to stop in the middle of an operation, the run shows as Crashed, and the next one repairs."""
    saves = lab.row(AD)["saves"]
    version = lab.begin(AD)
    console = lab.world.consoles["hq"]
    child = lab.call(held_inside_call, AD, console, "operation", "after", 1)

    child.signal(number)

    assert child.end() != 0
    run = lab.server.post("/flow_runs/filter", {"flow_runs": {"id": {"any_": [child.flow_run_id]}}})
    assert [it["state_type"] for it in run] == ["CRASHED"]
    assert message in run[0]["state"]["message"]
    lab.repaired(AD, version, saves + 1)


def test_two_updates_of_one_version(lab: Lab) -> None:
    """The slower of two updates of one version meets a changed row: one save, and nothing is left."""
    saves, drafts = lab.row(AD)["saves"], lab.row(AD)["drafts_open"]
    version = lab.begin(AD)
    console = lab.world.consoles["hq"]
    slower = lab.call(held_inside_call, AD, console, "draft.save", "before")

    lab.repaired(AD, version, saves + 1)
    console.release()

    assert slower.end() == 0
    assert slower.state == "Refused"  # a Conflict
    lab.holds(AD, version, saves + 1)
    assert lab.row(AD)["drafts_open"] == drafts, "the slower one has thrown its draft away"


@pytest.mark.parametrize(
    ("extension", "route", "skip"), [(AD, "session", 0), (AD, "row.read", 0), (M365, "session", 0)]
)
def test_older_version_never_replaces_a_newer(
    lab: Lab, extension: str, route: str, skip: int
) -> None:
    """An update that pinned a version before the next rotation never enters it over the newer one."""
    saves = lab.row(extension)["saves"]
    lab.begin(extension)
    console = lab.world.consoles["hq"]
    older = lab.call(held_inside_call, extension, console, route, "after", skip)
    rotate = lab.world.rotate_ad if extension == AD else lab.world.rotate_entra
    version = rotate("hq")

    lab.repaired(extension, version, saves + 1)
    console.release()

    assert older.end() == 0
    assert older.state in {"Superseded", "Refused"}
    assert older.state == "Superseded" or route == "row.read"
    lab.holds(extension, version, saves + 1)


def test_named_version_may_be_older(lab: Lab) -> None:
    """Going back on purpose, by naming an older version, is not taken for an accident."""
    lab.begin(AD)
    password = lab.world.service("hq").ad_password
    assert lab.again(AD).state.name == "Ready"
    version = lab.world.publish("hq", "ad")
    assert lab.again(AD).state.name == "Ready"

    outcome = lab.update(connections=[NAMES[AD]], secret_version=version - 1)

    assert outcome.state.name == "Ready"
    assert f"#{version - 1}@" in lab.row(AD)["secret_label"]
    assert password == lab.world.service("hq").ad_password


@pytest.mark.parametrize(("extension", "skip"), [(AD, 1), (M365, 1)])
def test_overtaken_while_validating(lab: Lab, extension: str, skip: int) -> None:
    """A run whose test user was removed by a later run ends as Superseded, not as a missing permission."""
    saves = lab.row(extension)["saves"]
    version = lab.begin(extension)
    console = lab.world.consoles["hq"]
    slower = lab.call(held_inside_call, extension, console, "operation", "before", skip)

    lab.repaired(extension, version, saves + 1)
    console.release()

    assert slower.end() == 0
    assert slower.state == "Superseded"
    lab.holds(extension, version, saves + 1)
