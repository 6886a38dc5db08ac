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


def _role(
    name: str, how: str = "direct", scope: str = "/", group: str | None = None
) -> RoleHolding:
    return RoleHolding(f"id of {name}", name, how, scope, group)


@pytest.mark.parametrize(
    ("required", "held", "subjects"),
    [
        (["User Administrator", "Exchange Administrator"], [_held()], []),
        (["User Administrator", "Exchange Administrator"], [_role("User Administrator")],
         ["Exchange Administrator"]),
        ([["User Administrator", "Exchange Administrator"]], [_role("Exchange Administrator")], []),
        ([["User Administrator", "Groups Administrator"]], [],
         ["User Administrator or Groups Administrator"]),
        (["User Administrator"], [_held("eligible only")], ["User Administrator"]),
        (["User Administrator"], [_held(scope="/administrativeUnits/1")], ["User Administrator"]),
    ],
)  # fmt: skip
def test_several_roles(required: Any, held: Any, subjects: list[str]) -> None:
    """Every role is needed, of a list any one; Global Administrator stands for all where it is active."""
    assert subjects == [item.subject for item in missing_roles(required, held, "a@b")]


def test_what_would_do_is_told() -> None:
    """A Global Administrator who is only eligible is named where another role is missing."""
    (finding,) = missing_roles(["User Administrator"], [_held("eligible only")], "a@b")
    assert "Global Administrator would do too, but is only eligible" in finding.detail
    held = [_role("User Administrator", "eligible only", group="Admins")]
    (finding,) = missing_roles(["User Administrator"], held, "a@b")
    assert "(through the group Admins)" in finding.detail


def test_a_group_that_may_hold_roles(entra: EntraClient, tenant: Wire) -> None:
    """A role-assignable group is asked itself: for eligible roles, and for roles in a part of the tenant."""
    group = {
        "@odata.type": "#microsoft.graph.group", "id": "g-1", "displayName": "Admins",
        "isAssignableToRole": True,
    }  # fmt: skip
    tenant.on("GET", GROUPS, answer(body={"value": [group]}))
    role = {"id": GLOBAL, "templateId": GLOBAL, "displayName": "Global Administrator"}
    unit = {"id": "a", "roleDefinition": role, "directoryScopeId": "/administrativeUnits/1"}
    tenant.on("GET", DIRECT, answer(body={"value": []}), answer(body={"value": [unit]}))
    eligible = {"id": "e", "roleDefinition": role, "directoryScopeId": "/"}
    tenant.on("GET", ELIGIBLE, answer(body={"value": []}), answer(body={"value": [eligible]}))
    facts = entra.role_facts(ACCOUNT)
    assert facts.groups == ("g-1",)
    assert [(h.how, h.scope, h.group) for h in facts.holdings] == [
        ("through a group", "/administrativeUnits/1", "Admins"),
        ("eligible only", "/", "Admins"),
    ]
    assert [query(call)["$filter"] for call in tenant.asked("GET", ELIGIBLE)] == [
        f"principalId eq '{ACCOUNT}'",
        "principalId eq 'g-1'",
    ]
