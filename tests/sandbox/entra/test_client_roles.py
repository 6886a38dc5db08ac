"""Directory roles of applications: given, seen in Graph, and what they open."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.sandbox.entra.conftest import ACCOUNT, HELPER, PLAIN, READER, SETTER, Desk
from tests.sandbox.entra.test_graph_users import DENIED, MISSING, refusal

PERMISSION = "User-PasswordProfile.ReadWrite.All"
PRIVILEGED = "Privileged Authentication Administrator"
NewPassword = Callable[[], str]


def _set(desk: Desk, upn: str, password: str, client: str = SETTER) -> httpx.Response:
    profile = {"password": password, "forceChangePasswordNextSignIn": False}
    return desk.as_app(client).patch(f"/users/{upn}", json={"passwordProfile": profile})


def _app(desk: Desk, client: str = SETTER) -> dict[str, Any]:
    return next(app for app in desk.stand_in.state()["apps"] if app["app_id"] == client)


def _members(graph: httpx.Client, principal: str) -> list[tuple[str, str | None]]:
    answer = graph.get(f"/servicePrincipals/{principal}/transitiveMemberOf")
    assert answer.status_code == 200
    return [(it["@odata.type"], it["displayName"]) for it in answer.json()["value"]]


@pytest.mark.parametrize("role", [PRIVILEGED, "Global Administrator"])
def test_client_that_outranks(desk: Desk, new_password: NewPassword, role: str) -> None:
    """A client with the role sets an administrator's password, and no longer when it is taken away."""
    fresh = new_password()
    desk.stand_in.do("set_roles", client=SETTER, roles=[role])
    assert _app(desk)["roles"] == [role]
    assert _set(desk, ACCOUNT, fresh).status_code == 204
    assert desk.codes(ACCOUNT, fresh) == []
    desk.stand_in.do("set_roles", client=SETTER, roles=[])
    assert refusal(_set(desk, ACCOUNT, new_password())) == DENIED
    assert desk.state_of(ACCOUNT)["password_version"] == 2


def test_client_that_does_not_outrank(desk: Desk, new_password: NewPassword) -> None:
    """User Administrator reaches a User Administrator, and no Global Administrator."""
    desk.stand_in.do("set_roles", client=SETTER, roles=["User Administrator"])
    assert _set(desk, HELPER, new_password()).status_code == 204
    assert refusal(_set(desk, ACCOUNT, new_password())) == DENIED


def test_role_for_a_part(desk: Desk, new_password: NewPassword) -> None:
    """A role for a part of the tenant opens nothing here."""
    part = {"name": PRIVILEGED, "scope": "/administrativeUnits/1"}
    desk.stand_in.do("set_roles", client=SETTER, roles=[part])
    assert refusal(_set(desk, ACCOUNT, new_password())) == DENIED


def test_role_without_the_permission(desk: Desk, new_password: NewPassword) -> None:
    """No role makes up for the permission that sets passwords, nor does User.ReadWrite.All."""
    desk.stand_in.do("set_roles", client=SETTER, roles=["Global Administrator"])
    desk.stand_in.do("revoke", client=SETTER, kind="application", values=[PERMISSION])
    for upn in (ACCOUNT, PLAIN):
        assert refusal(_set(desk, upn, new_password())) == DENIED
        assert desk.state_of(upn)["password_version"] == 1


def test_only_the_permission(desk: Desk, new_password: NewPassword) -> None:
    """The permission that sets passwords changes nothing else."""
    desk.stand_in.do("revoke", client=SETTER, kind="application", values=["User.ReadWrite.All"])
    assert _set(desk, PLAIN, new_password()).status_code == 204
    graph = desk.as_app(SETTER)
    assert refusal(graph.patch(f"/users/{PLAIN}", json={"department": "x"})) == DENIED


def test_configured_roles(desk: Desk, new_password: NewPassword) -> None:
    """A client may begin with roles, its own or those of a group."""
    password = new_password()
    for how in ("roles", "roles_through_group"):
        client, credential = str(uuid.uuid4()), new_password()
        spec = {
            "app_id": client,
            "client_secret": credential,
            "application_permissions": [PERMISSION],
        }
        desk.stand_in.do("add_client", **spec, **{how: [PRIVILEGED]})
        graph = desk.graph(desk.application(client, credential))
        change = {"passwordProfile": {"password": password}}
        assert graph.patch(f"/users/{ACCOUNT}", json=change).status_code == 204
        assert _app(desk, client)["roles"] == [PRIVILEGED]


def test_seen_in_graph(desk: Desk) -> None:
    """A client's roles are listed as assignments and as memberships, those through a group as such."""
    reader = desk.as_app()
    principal = _app(desk)["service_principal_id"]
    assert _members(reader, principal) == []
    desk.stand_in.do("set_roles", client=SETTER, roles=[PRIVILEGED])
    assigned = reader.get(
        "/roleManagement/directory/roleAssignments",
        params={"$filter": f"principalId eq '{principal}'", "$expand": "roleDefinition"},
    ).json()["value"]
    assert [it["roleDefinition"]["displayName"] for it in assigned] == [PRIVILEGED]
    assert _members(reader, principal) == [("#microsoft.graph.directoryRole", PRIVILEGED)]
    grouped = desk.stand_in.do(
        "add_client", app_id=str(uuid.uuid4()), roles_through_group=["User Administrator"]
    )
    kinds = [kind for kind, _ in _members(reader, grouped["id"])]
    assert kinds == ["#microsoft.graph.group", "#microsoft.graph.directoryRole"]


def test_who_may_look(desk: Desk) -> None:
    """Memberships need a permission, the names of roles another one, and the object id."""
    desk.stand_in.do("set_roles", client=SETTER, roles=[PRIVILEGED])
    where = f"/servicePrincipals/{_app(desk)['service_principal_id']}/transitiveMemberOf"
    assert refusal(desk.as_app(SETTER).get(where)) == DENIED
    assert refusal(desk.as_app().get(f"/servicePrincipals/{SETTER}/transitiveMemberOf")) == MISSING
    reduced = ["Directory.Read.All", "RoleManagement.Read.Directory"]
    desk.stand_in.do("revoke", client=READER, kind="application", values=reduced)
    (role,) = desk.as_app().get(where).json()["value"]
    assert (role["displayName"], role["roleTemplateId"]) == (None, None)


def test_roles_of_one_holder(desk: Desk) -> None:
    """Roles are set for a user or for a client, never for both or for neither."""
    for holders in ({}, {"upn": PLAIN, "client": SETTER}):
        with pytest.raises(ValueError, match="upn or client"):
            desk.stand_in.do("set_roles", roles=[PRIVILEGED], **holders)


@pytest.mark.parametrize("profile", ["text", 1, [], True])
def test_malformed_profile(desk: Desk, profile: object) -> None:
    """A password profile that is no object is refused, and changes nothing."""
    answer = desk.as_app(SETTER).patch(f"/users/{PLAIN}", json={"passwordProfile": profile})
    assert refusal(answer) == (400, "Request_BadRequest")
    assert desk.state_of(PLAIN)["password_version"] == 1
