"""The law: a remediation may be killed at any moment; the next one ends Ready, and the product never held less."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.entra.manifest import load_manifest
from connectors.entra.planning import plan
from flows.remediate_consent import remediate_consent
from inventory.models import Microsoft365Connection
from inventory.wiring import open_inventory, open_systems
from report.procedure import steps_of_remediation
from report.record import RunRecord, listening
from sandbox.demo import test_users as leftover_users
from sandbox.people import APP_NAME, PERMISSIONS
from sandbox.standin.process import StandIn
from sandbox.world import World, running
from tests.laws.kills import Nursery, killed_after_step, killed_inside_call
from tests.laws.rotations import QUICK
from tests.running import Outcome, Server, Update

pytestmark = pytest.mark.prefect

Recorder = Callable[[str, object], None]
FLOW = "flows.remediate_consent:remediate_consent"
CONNECTION = "branch-m365"
MISSING, ROLE, EVERYWHERE = "Group.ReadWrite.All", "Organization.Read.All", "Directory.Read.All"
ROLE_ID = "498476ce-e0fe-48b0-b801-37ba7e2685c6"
"""The id of that application permission in every tenant."""
DELEGATED = {value for kind, value in PERMISSIONS if kind == "delegated"}
CALLS = ("graph.grants.update", "graph.assigned_to.create", "graph.grants.delete")
STEPS = [step.number for step in steps_of_remediation() if step.number != "V8"]


@dataclass
class Held:
    """What the product's app holds: app roles by id, and permissions for its account and for everybody."""

    application: set[str]
    mine: set[str]
    everybody: set[str]
    others: set[str] = field(default_factory=set)

    @property
    def usable(self) -> set[str]:
        """What the product can use."""
        return self.application | self.mine | self.everybody


@dataclass
class Lab:
    """A sandbox that outlives the cases; each begins with the consent broken in three ways."""

    world: World
    nursery: Nursery

    @property
    def tenant(self) -> StandIn:
        """The tenant whose consent is broken."""
        return self.world.tenants["south"]

    def begin(self) -> Held:
        """Take a delegated permission and an app role away, and give one to everybody instead of the account."""
        self.tenant.disarm()
        self.tenant.forget()
        upn = self.world.service("branch").entra_upn
        for kind, values, whose in (
            ("delegated", [MISSING, EVERYWHERE], {"upn": upn}),
            ("application", [ROLE], {}),
        ):
            self.tenant.do("revoke", client=APP_NAME, kind=kind, values=values, **whose)
        self.tenant.do("grant", client=APP_NAME, kind="delegated", values=[EVERYWHERE])
        held = self.held()
        assert (held.mine & {MISSING, EVERYWHERE}, held.application) == (set(), set())
        return held

    def held(self) -> Held:
        """Read what is granted from the tenant itself."""
        state = self.tenant.state()
        (app,) = [a for a in state["apps"] if a["display_name"] == APP_NAME]
        (user,) = [u for u in state["users"] if u["upn"] == self.world.service("branch").entra_upn]
        principal = app["service_principal_id"]
        roles = {a["appRoleId"] for a in state["assignments"] if a["principalId"] == principal}
        held = Held(roles, set(), set())
        for grant in state["grants"]:
            if grant["clientId"] == principal:
                place = {None: held.everybody, user["id"]: held.mine}
                place.get(grant["principalId"], held.others).update(grant["scope"].split())
        return held

    def plan(self) -> str | None:
        """Return the name of the plan that a person would read now; None where there is nothing to do."""
        inventory = open_inventory()
        _, connection = inventory.connection(CONNECTION)
        assert isinstance(connection, Microsoft365Connection)
        manifest = load_manifest(connection.consent.manifest)
        with open_systems(inventory) as systems:
            tenant = systems.tenant(connection.tenant)
            account = tenant.account(connection.accounts[0].username)
            (app,) = tenant.find_apps(manifest.app_display_name)
            made = plan(manifest, tenant.consent_facts(app.app_id, account.id, manifest), account)
        return None if made.empty else made.digest

    def killed(self, function: Any, *where: Any) -> Any:
        """Run the approved remediation in a process of its own and kill it, by a function of the harness."""
        return function(
            self.nursery,
            self.world.environment,
            *where,
            flow=FLOW,
            connection=CONNECTION,
            approve=self.plan(),
        )

    def again(self) -> Outcome:
        """Run it once more, here, with the plan that is left."""
        records: list[RunRecord] = []
        with listening(lambda _: None, records.append):
            state = remediate_consent(CONNECTION, approve=self.plan(), return_state=True)
        return Outcome(state, records[0])


@pytest.fixture(scope="module")
def kept_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start one sandbox for all cases."""
    folder = tmp_path_factory.mktemp("remediation") / "sandbox"
    with running(folder, services=("branch",)) as world:
        yield world


@pytest.fixture(scope="module")
def nursery(kept_world: World, prefect_server: Server) -> Iterator[Nursery]:
    """Return what starts a run in milliseconds."""
    started = Nursery.for_flows(prefect_server, kept_world, QUICK)
    yield started
    started.stop()


@pytest.fixture
def lab(
    kept_world: World, nursery: Nursery, update: Update, monkeypatch: pytest.MonkeyPatch
) -> Lab:
    """Point the product at that sandbox; its console holds a credential, and the app is registered."""
    for name, value in kept_world.environment.items():
        monkeypatch.setenv(name, value)
    for where, value in QUICK.items():
        monkeypatch.setattr(where.replace(":", "."), value)
    rows = kept_world.consoles["branch"].state()["rows"]
    if not any(row["saves"] for row in rows):
        kept_world.rotate_entra("branch")
        update("branch", connections=[CONNECTION])
    return Lab(kept_world, nursery)


def _repaired(lab: Lab, before: Held, where: str, record_property: Recorder) -> None:
    """Demand that nothing was lost by the kill, and that the next run ends with exactly what is needed."""
    assert before.usable <= lab.held().usable, "killed, the product holds less than before"
    outcome = lab.again()
    assert outcome.state.name == "Ready", outcome.state.message
    held = lab.held()
    assert (held.application, held.mine) == ({ROLE_ID}, DELEGATED)
    assert (held.everybody, held.others) == (set(), set())
    assert leftover_users(lab.world) == []
    record_property("kill_point", where)


@pytest.mark.parametrize("number", STEPS)
def test_killed_after_a_step(lab: Lab, number: str, record_property: Recorder) -> None:
    """Killed right after any of its steps."""
    before = lab.begin()
    lab.killed(killed_after_step, number)
    _repaired(lab, before, f"after {number}", record_property)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("route", CALLS)
def test_killed_inside_a_change(
    lab: Lab, route: str, moment: str, record_property: Recorder
) -> None:
    """Killed while it waits for the answer to a change that was not, or was, carried out."""
    before = lab.begin()
    lab.killed(killed_inside_call, lab.tenant, route, moment)
    _repaired(lab, before, f"{moment} {route}", record_property)


@pytest.mark.parametrize("kind", ["unreachable", "answer_lost", "status"])
@pytest.mark.parametrize("route", CALLS)
def test_trouble_with_a_change(lab: Lab, route: str, kind: str) -> None:
    """A change that does not arrive, whose answer is lost, or that Graph is too busy for, once."""
    before = lab.begin()
    lab.tenant.arm(route, kind, status=503)
    outcome = lab.again()
    assert kind in {call["fault"] for call in lab.tenant.calls(route)}, "the change met it"
    assert outcome.state.name in ("Ready", "Unknown", "Unreachable"), outcome.state.message
    assert before.usable <= lab.held().usable
    assert lab.again().state.name == "Ready"
    held = lab.held()
    assert (held.application, held.mine) == ({ROLE_ID}, DELEGATED)
    assert held.everybody == set()
