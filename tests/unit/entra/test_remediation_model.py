"""Any plan, carried out at a model of a tenant, cut off at any change: it only ever repairs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.entra.consent import review
from connectors.entra.models import (
    ConsentManifest,
    ConsentVerdict,
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
    RotationError,
    Superseded,
    Unknown,
    Unreachable,
)
from tests.unit.entra.tenant_model import (
    ACCOUNT,
    APP_NAME,
    OFFERED,
    Cut,
    TenantModel,
    guid,
    permission,
)
from tests.unit.entra.test_tenants import carry_out, facts_of

APPLICATION, DELEGATED = PermissionKind.APPLICATION, PermissionKind.DELEGATED
ROLES = [f"{name}/{value}" for name in OFFERED for value in OFFERED[name]["roles"]]
SCOPES = [f"{name}/{value}" for name in OFFERED for value in OFFERED[name]["scopes"]]
ALL = [permission(APPLICATION, it) for it in ROLES] + [permission(DELEGATED, it) for it in SCOPES]
LAGS = st.sampled_from([0.0, 0.0, 3.0, 30.0])
SOME_SCOPES = st.lists(st.sampled_from(SCOPES), max_size=5, unique=True).map(" ".join)
MOMENTS = st.sampled_from(["before", "after"])


@st.composite
def tenants(draw: st.DrawFn) -> TenantModel:
    """Draw what is required, and a tenant that grants any part of it, and more."""
    required = draw(st.frozensets(st.sampled_from(ALL), min_size=1, max_size=6))
    tenant = TenantModel(required=required, lag=draw(LAGS))
    tenant.assign(" ".join(draw(st.lists(st.sampled_from(ROLES), max_size=3, unique=True))))
    for whom in ("svc", "", "Her"):
        tenant.give(whom, draw(SOME_SCOPES))
    return tenant


def manifest_of(tenant: TenantModel) -> ConsentManifest:
    """Return the manifest that the tenant is measured by."""
    return ConsentManifest("test", APP_NAME, tenant.required)


def repair(tenant: TenantModel) -> None:
    """Review, plan and carry out, as a run does that knows nothing of the one before."""
    manifest = manifest_of(tenant)
    facts = facts_of(tenant, manifest)
    beyond = not tenant.keep_all
    carry_out(tenant, plan(manifest, facts, ACCOUNT, withdraw_beyond=beyond))


def verdict(tenant: TenantModel) -> ConsentVerdict:
    """Return the verdict as the product reads it."""
    manifest = manifest_of(tenant)
    return review(manifest, facts_of(tenant, manifest), ACCOUNT).verdict


def expected(tenant: TenantModel) -> ConsentVerdict:
    """Return what the truth comes to, counted without the product's code."""
    needed = {(p.kind, p.resource_app_id, p.value.lower()) for p in tenant.required}
    held = {permission(APPLICATION, f"{r}/{v}") for r, v in tenant.roles.values()}
    held |= {permission(DELEGATED, text) for text in tenant.mine()}
    has = {(p.kind, p.resource_app_id, p.value.lower()) for p in held}
    signs_in = {"openid", "profile", "email", "offline_access"}
    more = {key for key in has - needed if key[0] is APPLICATION or key[2] not in signs_in}
    assert needed <= has, "something is still missing"
    assert not tenant.everybody() or tenant.keep_all
    if tenant.everybody():
        return ConsentVerdict.GRANTED_ORG_WIDE
    return ConsentVerdict.OVER_GRANTED if more else ConsentVerdict.FULLY_GRANTED


@settings(max_examples=80, deadline=None)
@given(
    tenant=tenants(),
    keep_all=st.booleans(),
    cuts=st.lists(st.tuples(st.integers(1, 6), MOMENTS), max_size=3),
)
def test_any_plan_repairs_whatever_cuts_it_off(
    tenant: TenantModel, keep_all: bool, cuts: list[tuple[int, str]]
) -> None:
    """Killed at any change and begun again, it ends granted; the model watches every single change."""
    tenant.keep_all = keep_all
    for number, moment in cuts:
        tenant.cut, tenant._made = (number, moment), 0
        try:
            repair(tenant)
        except Cut:
            continue
        break
    tenant.cut = None
    repair(tenant)
    done = list(tenant.changes)
    assert verdict(tenant) is expected(tenant)
    repair(tenant)
    assert tenant.changes == done, "what is repaired is left alone"


EVERYTHING = "graph/User.Read graph/User.ReadWrite.All graph/openid exchange/Exchange.Manage"
NEEDED = frozenset(
    {permission(APPLICATION, it) for it in ("graph/User.Read.All", "exchange/Exchange.ManageAsApp")}
    | {permission(DELEGATED, it) for it in EVERYTHING.split()}
)


def broken() -> TenantModel:
    """Return a tenant that needs every kind of change: the box was ticked, and half is missing."""
    tenant = TenantModel(required=NEEDED)
    tenant.give("svc", "graph/User.Read graph/Mail.Read")
    tenant.give("", EVERYTHING)
    return tenant


CHANGES = 6
REPAIRED = [
    "create exchange: Exchange.Manage",
    "widen graph: Mail.Read User.Read User.ReadWrite.All openid",
    "role exchange: Exchange.ManageAsApp",
    "role graph: User.Read.All",
    "delete exchange: Exchange.Manage",
    "delete graph: User.Read User.ReadWrite.All openid",
]


def test_the_safe_order() -> None:
    """First what the account needs, then the application, and only then what everybody had."""
    tenant = broken()
    repair(tenant)
    assert tenant.changes == REPAIRED
    assert len(REPAIRED) == CHANGES


@pytest.mark.parametrize("lag", [0.0, 30.0])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(1, CHANGES + 1))
def test_every_cut(number: int, moment: str, lag: float) -> None:
    """Killed before or after any change, the next run makes the rest, once each."""
    tenant = replace(broken(), lag=lag, cut=(number, moment))
    with pytest.raises(Cut):
        repair(tenant)
    tenant.cut = None
    repair(tenant)
    assert sorted(set(tenant.changes)) == sorted(REPAIRED)
    assert verdict(tenant) is expected(tenant) is ConsentVerdict.OVER_GRANTED


TROUBLE = {
    "never arrived": (Unreachable("entra", "x"), False),
    "throttled": (Unreachable("entra", "x", retry_after=7, status=429), False),
    "answer lost, done": (Unknown("entra", "x"), True),
    "answer lost, not done": (Unknown("entra", "x", status=504), False),
    "refused": (InvalidInput("entra", "x", status=400), False),
    "done, and refused as a duplicate": (InvalidInput("entra", "x", status=400), True),
}


@pytest.mark.parametrize("lag", [0.0, 30.0])
@pytest.mark.parametrize("kind", TROUBLE)
@pytest.mark.parametrize("number", range(1, CHANGES + 1))
def test_every_trouble(number: int, kind: str, lag: float) -> None:
    """Whatever happens to one change, it or the next run ends with exactly what was planned."""
    tenant = replace(broken(), lag=lag)
    tenant.trouble = lambda made: TROUBLE[kind] if made == number else None
    lost = kind.startswith("answer lost")
    try:
        repair(tenant)
    except RotationError as error:
        assert not lost, "a lost answer is looked into"
        assert isinstance(error, Unreachable | InvalidInput)
        repair(tenant)
    assert sorted(set(tenant.changes)) == sorted(REPAIRED)
    assert verdict(tenant) is ConsentVerdict.OVER_GRANTED


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
    made = plan(manifest_of(tenant), facts_of(tenant, manifest_of(tenant)), ACCOUNT)
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
    made = plan(manifest_of(tenant), facts_of(tenant, manifest_of(tenant)), ACCOUNT)
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


def _hour(tenant: TenantModel) -> Permit:
    return Permit(tenant.clock.timing().now() + timedelta(hours=1), lambda: None)


def test_nothing_is_withdrawn_before_it_is_replaced() -> None:
    """A withdrawal that comes first finds the account without its own grant, and does nothing."""
    tenant = broken()
    made = plan(manifest_of(tenant), facts_of(tenant, manifest_of(tenant)), ACCOUNT)
    with pytest.raises(OutOfStep):
        tenant.remediator().withdraw_from_organization(made, _hour(tenant))
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
    remediator.grant_for_account(made, _hour(tenant))
    with pytest.raises(OutOfStep):
        remediator.withdraw_from_organization(made, _hour(tenant))
    assert "everybody-graph" in tenant.grants


def test_the_time_is_over_while_it_waits() -> None:
    """Deadline and fence are asked after the waiting, right before a change is sent."""
    tenant = broken()
    made = plan(manifest_of(tenant), facts_of(tenant, manifest_of(tenant)), ACCOUNT)
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
    made = plan(manifest_of(tenant), facts_of(tenant, manifest_of(tenant)), ACCOUNT)
    tenant.remediator().grant_for_account(made, _hour(tenant))
    tenant.give("", "graph/Group.ReadWrite.All")
    tenant.clock.pass_by(1)
    tenant.changes.clear()
    with pytest.raises(OutOfStep):
        tenant.remediator().withdraw_from_organization(made, _hour(tenant))
    assert "delete graph" not in " ".join(tenant.changes)


def test_what_somebody_has_taken_away_is_not_written_again() -> None:
    """A grant that shows less than the plan saw is not widened from memory."""
    tenant = broken()
    made = plan(manifest_of(tenant), facts_of(tenant, manifest_of(tenant)), ACCOUNT)
    tenant.grants["svc-graph"]["scope"] = "graph/openid"
    tenant.assign("")
    with pytest.raises(OutOfStep):
        tenant.remediator().grant_for_account(made, _hour(tenant))
    assert tenant.grants["svc-graph"]["scope"] == "graph/openid"


def test_what_was_added_meanwhile_is_kept() -> None:
    """Widening replaces the whole scope, so what came into it after the plan goes with it."""
    tenant = broken()
    made = plan(manifest_of(tenant), facts_of(tenant, manifest_of(tenant)), ACCOUNT)
    tenant.give("svc", "graph/Group.ReadWrite.All")
    tenant.remediator().grant_for_account(made, _hour(tenant))
    assert "graph/group.readwrite.all" in tenant.mine()


@pytest.mark.parametrize("what", ["scope", "role", "role id", "resource"])
def test_a_plan_that_was_tampered_with(what: str) -> None:
    """What the manifest does not list, or an id that names something else, is refused unsent."""
    tenant = broken()
    made = plan(manifest_of(tenant), facts_of(tenant, manifest_of(tenant)), ACCOUNT)
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
    made = plan(manifest_of(tenant), facts_of(tenant, manifest_of(tenant)), ACCOUNT)
    tenant.clock.pass_by(2)
    tenant.lag = 1.5
    tenant.grants["svc-graph"]["scope"] = "User.Read"
    tenant._remember(0.0)
    before = tenant.remediator().snapshot(made)
    assert [g.scopes for g in before.grants if g.principal_id] == [("User.Read",)]


def test_a_snapshot_puts_everything_back() -> None:
    """What was deleted is created again and what was widened is narrowed; what was added stays."""
    tenant = broken()
    made = plan(manifest_of(tenant), facts_of(tenant, manifest_of(tenant)), ACCOUNT)
    before = tenant.remediator().snapshot(made)
    assert before.plan == made.digest
    assert from_json(to_json(before)) == before
    wide = {grant["scope"] for grant in tenant.grants.values() if not grant["principalId"]}
    mine = tenant.grants["svc-graph"]["scope"].split()
    carry_out(tenant, made)
    tenant.required = frozenset()
    tenant._watch = lambda *_: None  # type: ignore[method-assign]  it is a person who takes and gives here
    done = tenant.remediator().restore_consent(from_json(to_json(before)), _hour(tenant))
    assert [change.already for change in done] == [False, False, False]
    after = [grant["scope"] for grant in tenant.grants.values() if not grant["principalId"]]
    assert [set(scope.split()) for scope in sorted(after)] == [
        set(scope.split()) for scope in sorted(wide)
    ]
    assert set(tenant.grants["svc-graph"]["scope"].split()) == set(mine)
    assert tenant.remediator().restore_consent(before, _hour(tenant)) == ()
