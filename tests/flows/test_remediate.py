"""Putting a consent right: the plan, a person's yes, exactly that, and the proof."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from ruamel.yaml import YAML

from flows.remediate_consent import remediate_consent
from report.record import RunRecord, listening
from sandbox.people import APP_NAME
from sandbox.world import World
from tests.running import Outcome, Server, StartWorld, Update

pytestmark = pytest.mark.prefect

Remediate = Callable[..., Outcome]
WITHHELD, EVERYWHERE = "Group.ReadWrite.All", "Directory.Read.All"


@pytest.fixture
def branch(start_world: StartWorld) -> World:
    """Start the service whose tenant withholds one permission and gave everybody another one."""
    return start_world(services=("branch",))


@pytest.fixture
def remediate(prefect_api: Server) -> Remediate:
    """Return a function that runs the flow and hands over its state and record."""

    def run(connection: str = "branch-m365", **parameters: Any) -> Outcome:
        records: list[RunRecord] = []
        with listening(lambda _: None, records.append):
            state = remediate_consent(connection, **parameters, return_state=True)
        return Outcome(state, records[0])

    return run


def scopes(world: World) -> dict[str, set[str]]:
    """Return what the product's app holds by delegated grants: for one user, and for everybody."""
    state = world.tenants["south"].state()
    (app,) = [a for a in state["apps"] if a["display_name"] == "Cayosoft Administrator API Access"]
    held: dict[str, set[str]] = {"Principal": set(), "AllPrincipals": set()}
    for grant in state["grants"]:
        if grant["clientId"] == app["service_principal_id"]:
            held[grant["consentType"]] |= set(grant["scope"].split())
    return held


def test_shows_the_plan(
    branch: World, update: Update, remediate: Remediate, prefect_api: Server
) -> None:
    """Without a yes nothing is granted; the plan is in the report, with the command that carries it out."""
    assert update("branch").state.name == "Remediation required"
    before = scopes(branch)

    outcome = remediate()

    assert outcome.state.name == "Remediation required"
    assert scopes(branch) == before
    plan = outcome.connection("branch-m365").plan
    assert plan
    report = prefect_api.report(outcome.record.run_id, "branch-m365")
    assert f"account-rotation remediate branch-m365 --approve {plan.digest}" in report
    assert WITHHELD in report
    assert outcome.steps("branch-m365") == ["E7", "R1"]


def test_carries_out_what_was_approved(
    branch: World, update: Update, remediate: Remediate, prefect_api: Server
) -> None:
    """The approved plan makes the consent whole, for the account alone, and the update goes on to its end."""
    update("branch")
    plan = remediate(dry_run=True).connection("branch-m365").plan
    assert plan

    outcome = remediate(approve=plan.digest, approved_by="somebody in charge")

    assert outcome.state.name == "Ready", outcome.state.message
    assert outcome.steps("branch-m365") == ["E7", "R1", "R2", "R3", "V5", "V6", "V7"]
    held = scopes(branch)
    assert held["AllPrincipals"] == set()
    assert {WITHHELD, EVERYWHERE} <= held["Principal"]
    report = prefect_api.report(outcome.record.run_id, "branch-m365")
    assert "approved by somebody in charge" in report
    assert outcome.connection("branch-m365").findings == []
    kept = prefect_api.report(outcome.record.run_id, "branch-m365-consent-before")
    snapshot = json.loads(re.findall(r"```json\n(.*)\n```", kept, re.DOTALL)[0])
    assert [g["scopes"] for g in snapshot["grants"] if g["principal_id"] is None] == [[EVERYWHERE]]
    assert update("branch").state.name == "Ready"


def test_another_plan_is_not_carried_out(
    branch: World, update: Update, remediate: Remediate
) -> None:
    """A plan that somebody read is not exchanged for another one after it."""
    update("branch")
    before = scopes(branch)

    outcome = remediate(approve="0123456789ab")

    assert outcome.state.name == "Out of step"
    assert scopes(branch) == before
    error = outcome.connection("branch-m365").error
    assert error
    assert "account-rotation remediate branch-m365" in error.what_to_do()


def _by_policy(world: World) -> None:
    """Let the inventory permit what takes nothing from anybody."""
    yaml = YAML()
    inventory = yaml.load(world.inventory_file)
    for service in inventory["services"]:
        for connection in service["connections"]:
            if "consent" in connection:
                connection["consent"]["policy"] = "auto"
    with world.inventory_file.open("w") as file:
        yaml.dump(inventory, file)


def test_the_policy_does_it_in_the_update(branch: World, update: Update) -> None:
    """With the policy auto an update grants what is missing by itself, and goes on to its end."""
    _by_policy(branch)
    tenant = branch.tenants["south"]
    tenant.do("revoke", client=APP_NAME, kind="delegated", values=[EVERYWHERE])

    outcome = update("branch", connections=["branch-m365"])

    assert outcome.state.name == "Ready", outcome.state.message
    steps = outcome.steps("branch-m365")
    assert steps[steps.index("E7") :] == ["E7", "R1", "R2", "R3", "V5", "V6", "V7"]
    held = scopes(branch)
    assert held["AllPrincipals"] == set()
    assert {WITHHELD, EVERYWHERE} <= held["Principal"]


def test_the_policy_takes_nothing_from_anybody(branch: World, update: Update) -> None:
    """What others may be using is left to a person, also with the policy auto; the rest is granted."""
    _by_policy(branch)

    outcome = update("branch", connections=["branch-m365"])

    assert outcome.state.name == "Remediation required"
    assert scopes(branch)["AllPrincipals"] == {EVERYWHERE}
    assert {WITHHELD, EVERYWHERE} <= scopes(branch)["Principal"]
    plan = outcome.connection("branch-m365").plan
    assert plan
    assert (plan.for_account, len(plan.withdrawals)) == ((), 1)
    codes = {finding.code for finding in outcome.connection("branch-m365").findings}
    # The console calls that fully granted, and the vendor's article forbids it.
    assert codes == {"consent.granted-organization-wide", "consent.out-of-step"}
