"""The one who carries plans out, at a model of a tenant: its order, its refusals, its patience."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.entra.models import (
    Permission,
    PermissionKind,
)
from connectors.entra.planning import plan
from connectors.entra.remediation import Permit
from connectors.entra.snapshot import from_json, to_json
from connectors.errors import (
    InvalidInput,
    NeedsPerson,
    OutOfStep,
    Superseded,
    Unknown,
)
from tests.fakes.tenant_model import (
    ACCOUNT,
    guid,
    permission,
)
from tests.unit.entra.remediations import (
    APPLICATION,
    CHANGES,
    DELEGATED,
    EVERYTHING,
    REPAIRED,
    broken,
    hour,
    manifest_of,
    planned,
    repair,
)
from tests.unit.entra.test_tenants import carry_out, facts_of


def test_the_safe_order() -> None:
    """First what the account needs, then the application, and only then what everybody had."""
    tenant = broken()
    repair(tenant)
    assert tenant.changes == REPAIRED
    assert len(REPAIRED) == CHANGES


def test_an_answer_that_is_lost_for_good() -> None:
    """Where looking does not tell, nothing more is sent, and the error says so."""
    tenant = broken()
    tenant.trouble = lambda _: (Unknown("entra", "x"), False)
    with pytest.raises(Unknown):
        repair(tenant)
    assert tenant.changes == []
    assert tenant._made == 3


def test_the_time_is_over() -> None:
    """After its deadline nothing more is sent, whatever is left of the plan."""
    tenant = broken()
    made = planned(tenant)
    now = tenant.clock.timing().now()
    remediator = tenant.remediator()
    with pytest.raises(NeedsPerson) as over:
        remediator.grant_for_account(made, Permit(now, lambda: None))
    assert "again" in over.value.what_to_do()
    remediator.grant_for_account(made, Permit(now + timedelta(hours=1), lambda: None))
    with pytest.raises(NeedsPerson):
        remediator.withdraw_from_organization(made, Permit(now, lambda: None))
    assert tenant.changes == REPAIRED[:2]


def test_another_run_has_taken_over() -> None:
    """The fence is asked before every change, and the first no is the last word."""
    tenant = broken()
    made = planned(tenant)
    asked: list[int] = []

    def fence() -> None:
        asked.append(len(tenant.changes))
        if len(asked) == 2:
            raise Superseded("ledger", "check the fence")

    permit = Permit(tenant.clock.timing().now() + timedelta(hours=1), fence)
    with pytest.raises(Superseded):
        tenant.remediator().grant_for_account(made, permit)
    assert asked == [0, 1]
    assert tenant.changes == REPAIRED[:1]


def test_nothing_is_withdrawn_before_it_is_replaced() -> None:
    """A withdrawal that comes first finds the account without its own grant, and does nothing."""
    tenant = broken()
    made = planned(tenant)
    with pytest.raises(OutOfStep):
        tenant.remediator().withdraw_from_organization(made, hour(tenant))
    assert tenant.changes == []


def test_another_connections_account_is_asked_for_too() -> None:
    """Right before the deletion every account that shares the app holds what it needs, or it is left."""
    tenant = broken()
    branch = replace(ACCOUNT, id=guid("branch"), upn="branch@corp.example.test")
    tenant.give("branch", EVERYTHING)
    facts = facts_of(tenant, manifest_of(tenant))
    made = plan(manifest_of(tenant), facts, ACCOUNT, sharing=(branch,))
    assert len(made.withdrawals) == 2
    tenant.grants["branch-graph"]["scope"] = "openid"
    tenant.assign("")
    remediator = tenant.remediator()
    remediator.grant_for_account(made, hour(tenant))
    with pytest.raises(OutOfStep):
        remediator.withdraw_from_organization(made, hour(tenant))
    assert "everybody-graph" in tenant.grants


def test_the_time_is_over_while_it_waits() -> None:
    """Deadline and fence are asked after the waiting, right before a change is sent."""
    tenant = broken()
    made = planned(tenant)
    whole = tenant.grants["svc-graph"]["scope"]
    tenant.grants["svc-graph"]["scope"] = ""
    tenant.assign("")
    tenant.clock.pass_by(1)
    tenant.grants["svc-graph"]["scope"] = whole
    tenant.lag = 60
    tenant._past = [(past[0] - tenant.lag, *past[1:]) for past in tenant._past]
    tenant._remember(0.0)
    permit = Permit(tenant.clock.timing().now() + timedelta(seconds=30), lambda: None)
    only = replace(made, for_account=made.for_account[1:])
    with pytest.raises(NeedsPerson):
        tenant.remediator().grant_for_account(only, permit)
    assert tenant.changes == []
    assert sum(tenant.clock.slept) >= 60


def test_a_grant_that_has_grown_is_not_deleted() -> None:
    """What came into a grant for everybody after the plan was approved is not taken with it."""
    tenant = broken()
    made = planned(tenant)
    tenant.remediator().grant_for_account(made, hour(tenant))
    tenant.give("", "graph/Group.ReadWrite.All")
    tenant.clock.pass_by(1)
    tenant.changes.clear()
    with pytest.raises(OutOfStep):
        tenant.remediator().withdraw_from_organization(made, hour(tenant))
    assert "delete graph" not in " ".join(tenant.changes)


def test_what_somebody_has_taken_away_is_not_written_again() -> None:
    """A grant that shows less than the plan saw is not widened from memory."""
    tenant = broken()
    made = planned(tenant)
    tenant.grants["svc-graph"]["scope"] = "graph/openid"
    tenant.assign("")
    with pytest.raises(OutOfStep):
        tenant.remediator().grant_for_account(made, hour(tenant))
    assert tenant.grants["svc-graph"]["scope"] == "graph/openid"


def test_what_was_added_meanwhile_is_kept() -> None:
    """Widening replaces the whole scope, so what came into it after the plan goes with it."""
    tenant = broken()
    made = planned(tenant)
    tenant.give("svc", "graph/Group.ReadWrite.All")
    tenant.remediator().grant_for_account(made, hour(tenant))
    assert "graph/group.readwrite.all" in tenant.mine()


@pytest.mark.parametrize("what", ["scope", "role", "role id", "resource"])
def test_a_plan_that_was_tampered_with(what: str) -> None:
    """What the manifest does not list, or an id that names something else, is refused unsent."""
    tenant = broken()
    made = planned(tenant)
    mail: dict[PermissionKind, Permission] = {
        kind: permission(kind, "graph/Mail.Read") for kind in PermissionKind
    }
    grant, role = made.for_account[-1], made.to_application[-1]
    other = made.for_account[0].resource_id
    changed = {
        "scope": replace(made, for_account=(replace(grant, adds=(mail[DELEGATED],)),)),
        "role": replace(
            made, for_account=(), to_application=(replace(role, permission=mail[APPLICATION]),)
        ),
        "role id": replace(
            made, for_account=(), to_application=(replace(role, role_id=ACCOUNT.id),)
        ),
        "resource": replace(made, for_account=(replace(grant, resource_id=other),)),
    }[what]
    with pytest.raises((InvalidInput, OutOfStep)):
        carry_out(tenant, changed)
    assert tenant.changes == []


def test_a_snapshot_is_read_until_it_stands() -> None:
    """A snapshot that changes under the reading is read again: half of two moments restores nothing."""
    tenant = broken()
    made = planned(tenant)
    tenant.clock.pass_by(2)
    tenant.lag = 1.5
    tenant.grants["svc-graph"]["scope"] = "User.Read"
    tenant._remember(0.0)
    before = tenant.remediator().snapshot(made)
    assert [g.scopes for g in before.grants if g.principal_id] == [("User.Read",)]


def test_a_snapshot_puts_everything_back() -> None:
    """What was deleted is created again, what was widened is narrowed; what is not ours stays away."""
    tenant = broken()
    tenant.give("Her", "graph/User.Read")
    tenant.assign("graph/Mail.Read")
    made = planned(tenant)
    before = tenant.remediator().snapshot(made)
    assert before.plan == made.digest
    assert from_json(to_json(before)) == before
    wide = {grant["scope"] for grant in tenant.grants.values() if not grant["principalId"]}
    mine = tenant.grants["svc-graph"]["scope"].split()
    carry_out(tenant, made)
    tenant.required = frozenset()
    tenant._watch = lambda *_: None  # type: ignore[method-assign]  it is a person who takes and gives here
    del tenant.grants["Her-graph"], tenant.roles["role-graph/Mail.Read"]
    tenant.assign("")
    done = tenant.remediator().restore_consent(from_json(to_json(before)), hour(tenant))
    assert [change.already for change in done] == [False, False, False]
    after = [grant["scope"] for grant in tenant.grants.values() if not grant["principalId"]]
    assert [set(scope.split()) for scope in sorted(after)] == [
        set(scope.split()) for scope in sorted(wide)
    ]
    assert set(tenant.grants["svc-graph"]["scope"].split()) == set(mine)
    assert guid("Her") not in {grant["principalId"] for grant in tenant.grants.values()}
    assert "role-graph/Mail.Read" not in tenant.roles
    assert tenant.remediator().restore_consent(before, hour(tenant)) == ()
