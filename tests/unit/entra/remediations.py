"""What the tests of remediation share: a broken tenant, its repair, and the truth about it."""

from __future__ import annotations

from datetime import timedelta

from connectors.entra.consent import review
from connectors.entra.models import ConsentManifest, ConsentVerdict, PermissionKind
from connectors.entra.planning import plan
from connectors.entra.remediation import Permit, RemediationPlan
from tests.fakes.tenant_model import ACCOUNT, APP_NAME, TenantModel, permission
from tests.unit.entra.test_tenants import carry_out, facts_of

APPLICATION, DELEGATED = PermissionKind.APPLICATION, PermissionKind.DELEGATED


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
    for key in tenant.everybody():
        resource = key.removeprefix("everybody-")
        given = {f"{resource}/{s.lower()}" for s in tenant.grants[key]["scope"].split()}
        idle = {f"{resource}/{scope}" for scope in signs_in}
        assert given - tenant.mine() - idle, "only what nothing else gives is left to everybody"
    if tenant.everybody():
        return ConsentVerdict.GRANTED_ORG_WIDE
    return ConsentVerdict.OVER_GRANTED if more else ConsentVerdict.FULLY_GRANTED


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


def planned(tenant: TenantModel) -> RemediationPlan:
    """Plan from what the tenant shows now."""
    manifest = manifest_of(tenant)
    return plan(manifest, facts_of(tenant, manifest), ACCOUNT)


def hour(tenant: TenantModel) -> Permit:
    """Allow changes for an hour."""
    return Permit(tenant.clock.timing().now() + timedelta(hours=1), lambda: None)
