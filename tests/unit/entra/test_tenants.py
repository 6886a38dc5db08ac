"""Tenants as data, from fully granted to hopeless: the verdict, the findings, the plan, and what it leads to."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from connectors.entra.consent import review
from connectors.entra.grants import consent_facts
from connectors.entra.models import ConsentFacts, ConsentManifest, PermissionKind
from connectors.entra.planning import plan
from connectors.entra.remediation import Permit, RemediationPlan
from tests.fakes.tenant_model import (
    ACCOUNT,
    APP_ID,
    APP_NAME,
    NAMES,
    TenantModel,
    guid,
    permission,
)

KINDS = {"roles": PermissionKind.APPLICATION, "scopes": PermissionKind.DELEGATED}
NEEDS = (
    "roles:graph/User.Read.All roles:graph/Group.Read.All "
    "scopes:graph/User.Read scopes:graph/User.ReadWrite.All scopes:exchange/Exchange.Manage"
)
KNOWN = {
    "tenant", "needs", "part", "roles", "mine", "everybody", "others", "users", "empty", "declared",
    "gone", "retired", "unreadable", "other_apps", "name", "app", "enabled", "only_assigned",
    "withdraw_beyond", "verdict", "findings", "plan", "cannot", "takes", "losers", "losers_known", "after",
}  # fmt: skip
TENANTS: list[dict[str, Any]] = YAML(typ="safe").load(Path(__file__).with_name("tenants.yaml"))
OLD_NAME = "CayosoftGraphApiAccessApp"


def manifest_of(case: dict[str, Any]) -> ConsentManifest:
    """Return the manifest of a case."""
    needs = (text.partition(":") for text in case.get("needs", NEEDS).split())
    permissions = frozenset(permission(KINDS[kind], name) for kind, _, name in needs)
    complete = not case.get("part", False)
    return ConsentManifest("test", APP_NAME, permissions, complete, (OLD_NAME,))


def tenant_of(case: dict[str, Any]) -> TenantModel:
    """Return the tenant of a case."""
    given = {"app", "enabled", "name", "only_assigned", "other_apps", "users"}
    tenant = TenantModel(**{name: value for name, value in case.items() if name in given})
    tenant.declared = tuple(case["declared"].split()) if "declared" in case else None
    tenant.gone = frozenset(case.get("gone", "").split())
    tenant.retired = frozenset(case.get("retired", "").split())
    tenant.unreadable = frozenset(case.get("unreadable", ()))
    tenant.required = manifest_of(case).permissions
    tenant.keep_all = not case.get("withdraw_beyond", False)
    tenant.assign(case.get("roles", ""))
    tenant.give("svc", case.get("mine", ""))
    tenant.give("", case.get("everybody", ""))
    for name, texts in case.get("others", {}).items():
        tenant.give(name, texts)
    if "empty" in case:
        whom = "svc" if case["empty"] == "svc" else ""
        tenant.give(whom, "graph/x")
        for grant in tenant.grants.values():
            grant["scope"] = grant["scope"].removesuffix("x").strip()
        tenant.assign("")
    return tenant


def facts_of(tenant: TenantModel, manifest: ConsentManifest) -> ConsentFacts:
    """Read the facts as the product does."""
    timing = tenant.clock.timing()
    return consent_facts(tenant, timing, APP_ID, ACCOUNT.id, manifest)  # type: ignore[arg-type]


def calls_of(made: RemediationPlan) -> list[str]:
    """Return the plan as the calls that carry it out."""
    short = {name: key for key, name in NAMES.items()}
    calls = []
    for grant in made.for_account:
        scopes = sorted({*grant.held, *(item.value for item in grant.adds)})
        verb = "widen" if grant.grant_id else "create"
        calls.append(f"{verb} {short[grant.resource]}: {' '.join(scopes)}")
    for role in made.to_application:
        calls.append(f"role {short[role.permission.resource]}: {role.permission.value}")
    for item in made.withdrawals:
        resource = next(key for key in NAMES if guid("resource", key) == item.resource_id)
        calls.append(f"delete {resource}: {' '.join(item.scopes)}")
    return calls


def carry_out(tenant: TenantModel, made: RemediationPlan) -> None:
    """Carry a plan out in its order."""
    permit = Permit(tenant.clock.timing().now() + timedelta(hours=1), lambda: None)
    remediator = tenant.remediator()
    remediator.grant_for_account(made, permit)
    remediator.grant_to_application(made, permit)
    remediator.withdraw_from_organization(made, permit)


def test_the_table_is_whole() -> None:
    """There are at least forty tenants, each with its own name, and no word that nobody reads."""
    assert len(TENANTS) >= 40
    assert len({case["tenant"] for case in TENANTS}) == len(TENANTS)
    assert {key for case in TENANTS for key in case} <= KNOWN
    assert len({case["verdict"] for case in TENANTS}) == 7, "every verdict is in it"


@pytest.mark.parametrize("case", TENANTS, ids=lambda case: case["tenant"])
def test_tenant(case: dict[str, Any]) -> None:
    """Verdict, findings and plan are as the table says, and the plan leads where it says."""
    tenant, manifest = tenant_of(case), manifest_of(case)
    facts = facts_of(tenant, manifest)
    reviewed = review(manifest, facts, ACCOUNT)
    made = plan(manifest, facts, ACCOUNT, withdraw_beyond=case.get("withdraw_beyond", False))

    assert reviewed.verdict.name == case["verdict"]
    said = [f"{finding.code} {finding.subject}" for finding in reviewed.findings]
    assert said == case.get("findings", [])
    assert calls_of(made) == case.get("plan", [])
    assert list(made.takes) == case.get("takes", [])
    losers = [name for item in made.withdrawals for name in item.losers]
    assert losers == case.get("losers", [])
    assert made.losers_known == case.get("losers_known", not made.withdrawals)
    kept = [f"{it.code} {it.subject}" for it in made.cannot if it not in reviewed.findings]
    assert kept == case.get("cannot", [])
    assert made.empty == (not case.get("plan"))

    carry_out(tenant, made)
    assert sorted(tenant.changes) == sorted(case.get("plan", []))
    after = review(manifest, facts_of(tenant, manifest), ACCOUNT)
    assert after.verdict.name == case.get("after", "FULLY_GRANTED")
