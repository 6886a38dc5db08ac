"""Whether the setter may set a password: permission, roles, and what could not be read."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.entra.client import EntraClient
from connectors.errors import InvalidInput, NotFound, Unreachable
from tests.unit.entra.support import (
    SETTER,
    TOKEN,
    VERIFIER,
    Answer,
    FakeVault,
    Wire,
    answer,
    fixture,
    form,
    query,
    settings,
)

ACCOUNT = "aaaaaaaa-0000-4000-8000-000000000001"
PRINCIPAL = "bbbbbbbb-0000-4000-8000-000000000012"
GRAPH_APP = "00000003-0000-0000-c000-000000000000"
APP = f"/v1.0/servicePrincipals(appId='{SETTER}')"
RESOURCE = f"/v1.0/servicePrincipals(appId='{GRAPH_APP}')"
HELD = f"/v1.0/servicePrincipals/{PRINCIPAL}/appRoleAssignments"
ROLES = "/v1.0/roleManagement/directory/roleAssignments"
APP_GROUPS = f"/v1.0/servicePrincipals/{PRINCIPAL}/transitiveMemberOf"
GROUPS = f"/v1.0/users/{ACCOUNT}/transitiveMemberOf"

GLOBAL = ("62e90394-69f5-4237-9190-012177145e10", "Global Administrator")
PRIVILEGED = ("7be44c8a-adaf-4e2a-84d6-ab2649e08a13", "Privileged Authentication Administrator")
USERS = ("fe930be7-5e62-47db-91af-98c3a49a38b1", "User Administrator")
EXCHANGE = ("29232cdf-9323-42fd-ade2-1d097af3e4de", "Exchange Administrator")
PLAIN = (
    ("88d8e3e3-8f55-4a1e-953a-9b9898b8876b", "Directory Readers"),
    ("95e79109-95c0-4d8e-aee3-d01accf2d47b", "Guest Inviter"),
    ("729827e3-9c14-49f7-bb1b-9608f156bbb8", "Helpdesk Administrator"),
)
FORBIDDEN = answer(403, "error-forbidden")
Role = tuple[str, str]


def _assigned(*roles: Role, scope: str = "/") -> Any:
    return [
        {
            "id": f"x{template}",
            "directoryScopeId": scope,
            "roleDefinition": {"id": template, "templateId": template, "displayName": name},
        }
        for template, name in roles
    ]


def _through_group(*roles: Role) -> Answer:
    members = [
        {
            "@odata.type": "#microsoft.graph.directoryRole",
            "id": template,
            "roleTemplateId": template,
            "displayName": name,
        }
        for template, name in roles
    ]
    return answer(body={"value": members})


def _roles(wire: Wire, setter: Any, account: Any) -> None:
    """Answer by whose roles are asked for."""
    held = {PRINCIPAL: setter, ACCOUNT: account}

    def respond(request: Any) -> Any:
        holder = query(request)["$filter"].removeprefix("principalId eq ").strip("'")
        return answer(body={"value": held[holder]})(request)

    wire.on("GET", ROLES, respond)


@pytest.fixture
def tenant(wire: Wire) -> Wire:
    """Return a tenant in which the setter may set a Global Administrator's password."""
    wire.on("GET", APP, answer(body="read_app-setter"))
    wire.on("GET", RESOURCE, answer(body="read_resource-setter"))
    wire.on("GET", HELD, answer(body="read_application_permissions-setter"))
    _roles(wire, _assigned(PRIVILEGED), _assigned(GLOBAL))
    wire.on("GET", APP_GROUPS, _through_group(PRIVILEGED))
    wire.on("GET", GROUPS, _through_group(GLOBAL))
    return wire


def test_may(entra: EntraClient, tenant: Wire) -> None:
    """With permission and role there is nothing to say; the verifier asks, and nothing is changed."""
    check = entra.check_setter(ACCOUNT)
    assert (check.findings, check.unread) == ((), ())
    assert {form(token)["client_id"] for token in tenant.asked("POST", TOKEN)} == {VERIFIER}
    assert {r.method for r in tenant.requests if r.url.path.startswith("/v1.0")} == {"GET"}


@pytest.mark.parametrize("role", [PRIVILEGED, GLOBAL])
@pytest.mark.parametrize("direct", [True, False])
def test_reaches_anybody(entra: EntraClient, tenant: Wire, role: Role, direct: bool) -> None:
    """Either of two roles suffices for an administrator, held directly or through a group."""
    _roles(tenant, _assigned(role) if direct else [], _assigned(GLOBAL))
    tenant.on("GET", APP_GROUPS, _through_group(role))
    check = entra.check_setter(ACCOUNT)
    assert (check.findings, check.unread) == ((), ())


@pytest.mark.parametrize(
    "held", ["read_application_permissions-write", "read_application_permissions"]
)
def test_lacks_the_permission(entra: EntraClient, tenant: Wire, held: str) -> None:
    """Other permissions do not set passwords; the missing one is told with the call that gives it."""
    tenant.on("GET", HELD, answer(body=held))
    (finding,) = entra.check_setter(ACCOUNT).findings
    assert finding.code == "entra.setter-lacks-permission"
    assert finding.subject == "User-PasswordProfile.ReadWrite.All"
    resource = fixture("read_resource-setter")
    for word in (
        f"POST /servicePrincipals(appId='{GRAPH_APP}')/appRoleAssignedTo",
        f'"principalId": "{PRINCIPAL}"',
        f'"resourceId": "{resource["id"]}"',
        f'"appRoleId": "{resource["appRoles"][1]["id"]}"',
    ):
        assert word in finding.what_to_do()


def test_same_role_id_of_another_resource(entra: EntraClient, tenant: Wire) -> None:
    """A permission counts only when it is one of Microsoft Graph."""
    held = fixture("read_application_permissions-setter")
    held["value"][0]["resourceId"] = "cccccccc-0000-4000-8000-000000000009"
    tenant.on("GET", HELD, answer(body=held))
    (finding,) = entra.check_setter(ACCOUNT).findings
    assert finding.code == "entra.setter-lacks-permission"


@pytest.mark.parametrize("setter", [(), (USERS,), (EXCHANGE,)])
@pytest.mark.parametrize("account", [GLOBAL, EXCHANGE, ("cccc", "A custom role")])
def test_lacks_the_role(
    entra: EntraClient, tenant: Wire, setter: tuple[Role, ...], account: Role
) -> None:
    """For an administrator nothing less than the privileged role will do."""
    _roles(tenant, _assigned(*setter), _assigned(account))
    tenant.on("GET", APP_GROUPS, _through_group(*setter))
    tenant.on("GET", GROUPS, _through_group(account))
    (finding,) = entra.check_setter(ACCOUNT).findings
    assert finding.code == "entra.setter-lacks-role"
    assert finding.subject == "Privileged Authentication Administrator"
    assert account[1] in finding.detail
    for word in (
        "POST /roleManagement/directory/roleAssignments",
        f'"principalId": "{PRINCIPAL}"',
        f'"roleDefinitionId": "{PRIVILEGED[0]}"',
    ):
        assert word in finding.what_to_do()


def test_administrator_through_a_group(entra: EntraClient, tenant: Wire) -> None:
    """A role that the account holds through a group makes it an administrator too."""
    _roles(tenant, [], [])
    tenant.on("GET", APP_GROUPS, _through_group())
    assert [f.code for f in entra.check_setter(ACCOUNT).findings] == ["entra.setter-lacks-role"]


def test_administrator_of_a_part(entra: EntraClient, tenant: Wire) -> None:
    """A role for a part of the tenant makes an administrator as well."""
    _roles(tenant, [], _assigned(EXCHANGE, scope="/administrativeUnits/1"))
    for path in (GROUPS, APP_GROUPS):
        tenant.on("GET", path, _through_group())
    assert [f.code for f in entra.check_setter(ACCOUNT).findings] == ["entra.setter-lacks-role"]


def test_both_at_once(entra: EntraClient, tenant: Wire) -> None:
    """Everything that is missing is told in one reading."""
    tenant.on("GET", HELD, answer(body={"value": []}))
    _roles(tenant, [], _assigned(GLOBAL))
    tenant.on("GET", APP_GROUPS, _through_group())
    assert [finding.code for finding in entra.check_setter(ACCOUNT).findings] == [
        "entra.setter-lacks-permission",
        "entra.setter-lacks-role",
    ]


def test_setter_of_a_part(entra: EntraClient, tenant: Wire) -> None:
    """Whether an account lies in the part that the setter may manage is not claimed either way."""
    _roles(tenant, _assigned(PRIVILEGED, scope="/administrativeUnits/1"), _assigned(GLOBAL))
    tenant.on("GET", APP_GROUPS, _through_group())
    check = entra.check_setter(ACCOUNT)
    assert check.findings == ()
    (note,) = check.unread
    assert "/administrativeUnits/1" in note


@pytest.mark.parametrize("account", [(), PLAIN])
def test_open_point(entra: EntraClient, tenant: Wire, account: tuple[Role, ...]) -> None:
    """Whether a role is needed for an account that is no administrator is a note, not a finding."""
    _roles(tenant, [], _assigned(*account))
    tenant.on("GET", APP_GROUPS, _through_group())
    tenant.on("GET", GROUPS, _through_group(*account))
    check = entra.check_setter(ACCOUNT)
    assert check.findings == ()
    (note,) = check.unread
    for word in (*USERS, "POST /roleManagement/directory/roleAssignments", PRINCIPAL):
        assert word in note


def test_user_administrator(entra: EntraClient, tenant: Wire) -> None:
    """User Administrator settles the open point; what it does not reach is said."""
    _roles(tenant, _assigned(USERS), [])
    tenant.on("GET", APP_GROUPS, _through_group(USERS))
    tenant.on("GET", GROUPS, _through_group())
    check = entra.check_setter(ACCOUNT)
    assert check.findings == ()
    (note,) = check.unread
    assert "role-assignable group" in note


def test_not_in_this_tenant(entra: EntraClient, tenant: Wire) -> None:
    """A setter that the tenant does not know is one finding; nothing more is asked."""
    tenant.on("GET", APP, answer(404, "error-not-found"))
    check = entra.check_setter(ACCOUNT)
    (finding,) = check.findings
    assert (finding.code, finding.subject) == ("entra.setter-missing", SETTER)
    assert "setter.client_id" in finding.what_to_do()
    assert check.unread == ()


def test_disabled(entra: EntraClient, tenant: Wire) -> None:
    """A setter that may not sign in is a finding beside the others."""
    tenant.on("GET", APP, answer(body=fixture("read_app-setter") | {"accountEnabled": False}))
    (finding,) = entra.check_setter(ACCOUNT).findings
    assert finding.code == "entra.setter-disabled"
    assert f"PATCH /servicePrincipals/{PRINCIPAL}" in finding.what_to_do()


@pytest.mark.parametrize(
    ("path", "told", "permission"),
    [
        (APP, "the setter's application", "Application.Read.All"),
        (RESOURCE, "Microsoft Graph", "Application.Read.All"),
        (HELD, "the setter's application permissions", "Application.Read.All"),
        (ROLES, "the directory roles of the setter", "RoleManagement.Read.Directory"),
        (APP_GROUPS, "the directory roles of the setter through groups", "Application.Read.All"),
    ],
)
def test_what_may_not_be_read(
    entra: EntraClient, tenant: Wire, path: str, told: str, permission: str
) -> None:
    """What may not be read is named with the right that is missing, and is never a finding."""
    tenant.on("GET", path, FORBIDDEN)
    check = entra.check_setter(ACCOUNT)
    assert check.findings == ()
    assert any(told in note and permission in note for note in check.unread)


def test_unread_roles_of_the_setter(entra: EntraClient, tenant: Wire) -> None:
    """A role that could not be looked for is not called missing."""
    _roles(tenant, [], _assigned(GLOBAL))
    tenant.on("GET", APP_GROUPS, FORBIDDEN)
    check = entra.check_setter(ACCOUNT)
    assert check.findings == ()
    (note,) = check.unread
    assert "the directory roles of the setter through groups" in note


def test_unread_roles_of_the_account(entra: EntraClient, tenant: Wire) -> None:
    """An account whose roles could not all be looked for is not called one without roles."""
    _roles(tenant, [], [])
    tenant.on("GET", APP_GROUPS, _through_group())
    tenant.on("GET", GROUPS, FORBIDDEN)
    check = entra.check_setter(ACCOUNT)
    assert check.findings == ()
    (note,) = check.unread
    assert (
        note == "the directory roles of the account through groups: give the verifier User.Read.All"
    )


def test_half_read_roles_of_the_account(entra: EntraClient, tenant: Wire) -> None:
    """A role that could be read counts, whatever could not be read beside it."""
    _roles(tenant, [], _assigned(GLOBAL))
    tenant.on("GET", APP_GROUPS, _through_group())
    tenant.on("GET", GROUPS, FORBIDDEN)
    check = entra.check_setter(ACCOUNT)
    assert [finding.code for finding in check.findings] == ["entra.setter-lacks-role"]
    assert len(check.unread) == 1


def test_hidden_role(entra: EntraClient, tenant: Wire) -> None:
    """A role whose name Graph hides is told; nothing is concluded from it."""
    hidden = {"@odata.type": "#microsoft.graph.directoryRole", "id": "x", "displayName": None}
    _roles(tenant, [], [])
    tenant.on("GET", APP_GROUPS, _through_group())
    tenant.on("GET", GROUPS, answer(body={"value": [hidden]}))
    check = entra.check_setter(ACCOUNT)
    assert check.findings == ()
    (note,) = check.unread
    assert note.startswith("of the account: ")
    assert "Directory.Read.All" in note


@pytest.mark.parametrize("path", [APP, RESOURCE, HELD, ROLES, APP_GROUPS])
def test_busy(entra: EntraClient, tenant: Wire, path: str) -> None:
    """A busy Graph is Unreachable with the wait, and no half check is returned."""
    tenant.on("GET", path, answer(429, "error-throttled", Retry_After="6"))
    with pytest.raises(Unreachable) as busy:
        entra.check_setter(ACCOUNT)
    assert busy.value.retry_after == 6


def test_no_such_account(entra: EntraClient, tenant: Wire) -> None:
    """An account that is not there is no account without roles."""
    _roles(tenant, [], [])
    tenant.on("GET", APP_GROUPS, _through_group())
    tenant.on("GET", GROUPS, answer(404, "error-not-found"))
    with pytest.raises(NotFound):
        entra.check_setter(ACCOUNT)


def test_without_setter(wire: Wire, vault: FakeVault) -> None:
    """A tenant without a setter has nothing to check; the inventory's field is named."""
    with (
        EntraClient(settings(setter=None), vault, transport=wire.transport()) as client,
        pytest.raises(InvalidInput) as refused,
    ):
        client.check_setter(ACCOUNT)
    assert refused.value.identifiers["identity"] == "setter"
    assert "`setter`" in refused.value.what_to_do()
    assert wire.requests == []
