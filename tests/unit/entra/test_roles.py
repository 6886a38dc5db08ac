"""The roles of an account."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.entra.client import EntraClient
from connectors.entra.models import RoleHolding
from connectors.entra.roles import missing_roles
from connectors.errors import NotPermitted, Unreachable
from tests.unit.entra.support import Wire, answer, query

ACCOUNT = "aaaaaaaa-0000-4000-8000-000000000001"
DIRECT = "/v1.0/roleManagement/directory/roleAssignments"
GROUPS = f"/v1.0/users/{ACCOUNT}/transitiveMemberOf"
ELIGIBLE = "/v1.0/roleManagement/directory/roleEligibilityScheduleInstances"
GLOBAL = "62e90394-69f5-4237-9190-012177145e10"


@pytest.fixture
def tenant(wire: Wire) -> Wire:
    """Return a tenant where the account holds one role of each kind."""
    wire.on("GET", DIRECT, answer(body="read_role_assignments"))
    wire.on("GET", GROUPS, answer(body="read_memberships"))
    wire.on("GET", ELIGIBLE, answer(body="read_eligible_roles"))
    return wire


def test_three_ways(entra: EntraClient, tenant: Wire) -> None:
    """Each role is told once, the way it is really held."""
    held = {(item.name, item.how) for item in entra.role_facts(ACCOUNT).holdings}
    assert held == {
        ("User Administrator", "direct"),
        ("Exchange Administrator", "through a group"),
        ("Global Administrator", "eligible only"),
    }
    asked = query(tenant.asked("GET", DIRECT)[0])
    assert asked["$filter"] == f"principalId eq '{ACCOUNT}'"
    assert asked["$expand"] == "roleDefinition"


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, "error-forbidden", "RoleEligibilitySchedule.Read.Directory"),
        (400, "error-no-licence", "P2"),
    ],
)
def test_eligible_roles_may_stay_unread(
    entra: EntraClient, tenant: Wire, status: int, body: str, said: str
) -> None:
    """Eligible roles that may not be read are a note, not a failure."""
    tenant.on("GET", ELIGIBLE, answer(status, body))
    facts = entra.role_facts(ACCOUNT)
    assert [item.how for item in facts.holdings] == ["direct", "through a group"]
    (note,) = facts.unread
    assert said in note


@pytest.mark.parametrize("path", [DIRECT, GROUPS])
def test_active_roles_must_be_read(entra: EntraClient, tenant: Wire, path: str) -> None:
    """Active roles that may not be read are a refusal: nothing can be said without them."""
    tenant.on("GET", path, answer(403, "error-forbidden"))
    with pytest.raises(NotPermitted):
        entra.role_facts(ACCOUNT)


def test_busy_is_not_forbidden(entra: EntraClient, tenant: Wire) -> None:
    """A throttled reading of eligible roles is repeated by the step, not skipped."""
    tenant.on("GET", ELIGIBLE, answer(429, "error-throttled"))
    with pytest.raises(Unreachable):
        entra.role_facts(ACCOUNT)


def test_reduced_role_is_noted(entra: EntraClient, tenant: Wire) -> None:
    """A role whose name Graph hides is not passed over in silence."""
    hidden = {"@odata.type": "#microsoft.graph.directoryRole", "id": "x", "displayName": None}
    tenant.on("GET", GROUPS, answer(body={"value": [hidden]}))
    assert any("Directory.Read.All" in note for note in entra.role_facts(ACCOUNT).unread)


def _held(how: str = "direct", scope: str = "/") -> RoleHolding:
    return RoleHolding(GLOBAL, "Global Administrator", how, scope)


@pytest.mark.parametrize("role", ["Global Administrator", "global administrator", GLOBAL])
@pytest.mark.parametrize("how", ["direct", "through a group"])
def test_active_role_suffices(role: str, how: str) -> None:
    """An active role satisfies, by name in any case or by template id."""
    assert missing_roles([role], [_held(how)], "a@b") == ()


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ([], "is not assigned"),
        ([_held("eligible only")], "only eligible"),
        ([_held(scope="/administrativeUnits/1")], "/administrativeUnits/1 only"),
    ],
)
def test_missing_role(held: Any, said: str) -> None:
    """A role that is absent, only eligible or only for a part of the tenant is a finding."""
    (finding,) = missing_roles(["Global Administrator"], held, "a@b")
    assert said in finding.detail
    assert "Add assignments" in finding.what_to_do()
