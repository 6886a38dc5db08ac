"""Applications, service principals, assignments, grants, and the consent prompt."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.sandbox.entra.conftest import (
    ACCOUNT,
    GRAPH_APP,
    HELPER,
    PERMISSIONS,
    PLAIN,
    PRODUCT,
    READER,
    REMEDIATOR,
    SETUP,
    Desk,
)
from tests.sandbox.entra.test_graph_users import DENIED, MISSING, refusal

NAME = "Cayosoft Administrator API Access"


def principal(graph: httpx.Client, app_id: str) -> dict[str, Any]:
    """Read a service principal by app id."""
    found: dict[str, Any] = graph.get(f"/servicePrincipals(appId='{app_id}')").json()
    return found


def grants(graph: httpx.Client, client: str) -> list[dict[str, Any]]:
    """Read the delegated grants of a service principal."""
    params = {"$filter": f"clientId eq '{client}'"}
    return list(graph.get("/oauth2PermissionGrants", params=params).json()["value"])


def test_three_ids(desk: Desk) -> None:
    """Application id, app id and service principal id differ, and none works in another's place."""
    graph = desk.as_app()
    (application,) = graph.get("/applications", params={"$filter": f"appId eq '{PRODUCT}'"}).json()[
        "value"
    ]
    of_tenant = principal(graph, PRODUCT)
    assert len({application["id"], of_tenant["id"], PRODUCT}) == 3
    for wrong in (
        f"/applications/{PRODUCT}",
        f"/applications/{of_tenant['id']}",
        f"/servicePrincipals/{PRODUCT}",
        f"/servicePrincipals/{application['id']}",
        f"/servicePrincipals(appId='{of_tenant['id']}')",
        f"/servicePrincipals/{PRODUCT}/appRoleAssignments",
    ):
        assert refusal(graph.get(wrong)) == MISSING, wrong
    assert graph.get(f"/servicePrincipals/{of_tenant['id']}").json()["appId"] == PRODUCT
    named = {"$filter": f"displayName eq '{NAME}'"}
    assert len(graph.get("/servicePrincipals", params=named).json()["value"]) == 1


def test_what_the_app_asks_for(desk: Desk) -> None:
    """The app's required access resolves, by the resource's own lists, to the configured permissions."""
    graph = desk.as_app()
    (application,) = graph.get("/applications", params={"$filter": f"appId eq '{PRODUCT}'"}).json()[
        "value"
    ]
    values = set()
    for resource in application["requiredResourceAccess"]:
        offering = principal(graph, resource["resourceAppId"])
        by_id = {it["id"]: it["value"] for it in offering["appRoles"]} | {
            it["id"]: it["value"] for it in offering["oauth2PermissionScopes"]
        }
        values |= {by_id[it["id"]] for it in resource["resourceAccess"]}
    assert values == {permission["value"] for permission in PERMISSIONS}
    ids = {it["value"]: it["id"] for it in principal(graph, GRAPH_APP)["appRoles"]}
    assert ids["Directory.Read.All"] == "7ab1d382-f21e-4acd-a863-ba3e13f7da61"


def test_consent_for_oneself(desk: Desk) -> None:
    """The prompt grants for the person alone, and the product's client signs in from then on."""
    where = f"{desk.authority}/oauth2/v2.0/consent"
    asked = {"client_id": PRODUCT, "username": ACCOUNT}
    before = desk.http().get(where, params=asked).json()
    assert (len(before["permissions"]), before["already_granted"]) == (4, False)
    assert desk.consent().status_code == 200
    assert desk.http().get(where, params=asked).json()["already_granted"] is True
    graph = desk.as_app()
    user, client = graph.get(f"/users/{ACCOUNT}").json()["id"], principal(graph, PRODUCT)["id"]
    found = grants(graph, client)
    assert {(it["consentType"], it["principalId"]) for it in found} == {("Principal", user)}
    scopes = {frozenset(it["scope"].split()) for it in found}
    assert scopes == {
        frozenset({"User.ReadWrite.All", "Group.ReadWrite.All"}), frozenset({"Exchange.Manage"})
    }  # fmt: skip
    held = graph.get(f"/servicePrincipals/{client}/appRoleAssignments").json()["value"]
    assert [it["resourceDisplayName"] for it in held] == ["Microsoft Graph"]
    assert desk.as_user(ACCOUNT, PRODUCT).get("/me").status_code == 200
    assert desk.codes(HELPER, client=PRODUCT) == [65001]


def test_consent_for_everybody(desk: Desk) -> None:
    """The forbidden box makes AllPrincipals grants, and only a Global Administrator may tick it."""
    refused = desk.consent(HELPER, on_behalf_of_organization=True)
    assert refused.json()["error_codes"] == [90094]
    assert desk.consent(on_behalf_of_organization=True).status_code == 200
    graph = desk.as_app()
    found = grants(graph, principal(graph, PRODUCT)["id"])
    assert {(it["consentType"], it["principalId"]) for it in found} == {("AllPrincipals", None)}
    scopes = ("https://graph.microsoft.com/.default",)
    assert desk.codes(HELPER, client=PRODUCT, scopes=scopes) == []


def test_consent_withheld(desk: Desk) -> None:
    """What the tenant withholds is never granted; an ordinary administrator grants no app roles."""
    desk.stand_in.do("withhold", values=["Group.ReadWrite.All"])
    granted = {it["value"] for it in desk.consent().json()["granted"]}
    assert granted == {"User.ReadWrite.All", "Directory.Read.All", "Exchange.Manage"}
    for_helper = {it["kind"] for it in desk.consent(HELPER).json()["granted"]}
    assert for_helper == {"delegated"}


def test_consent_signs_in(desk: Desk) -> None:
    """The prompt wants the right password, and does with a second factor since a person is there."""
    wrong = desk.consent(password="x")
    assert wrong.json()["error_codes"] == [50126]
    desk.stand_in.do("set_mfa", upn=ACCOUNT)
    assert desk.consent().status_code == 200
    assert desk.state_of(ACCOUNT)["attempts"] == 2


def test_seeded_organization_wide_grant(desk: Desk) -> None:
    """A grant for everybody and grants for one person stand side by side."""
    desk.stand_in.do("grant", client=PRODUCT, kind="delegated", values=["Directory.Read.All"])
    desk.consent()
    graph = desk.as_app()
    kinds = [it["consentType"] for it in grants(graph, principal(graph, PRODUCT)["id"])]
    assert sorted(kinds) == ["AllPrincipals", "Principal", "Principal"]


def test_grants_by_api(desk: Desk) -> None:
    """A grant is created once, its scope replaced as a whole, and deleted."""
    graph = desk.as_app(REMEDIATOR)
    client, resource = (principal(graph, it)["id"] for it in (PRODUCT, GRAPH_APP))
    user = desk.state_of(ACCOUNT)["id"]
    new = {
        "clientId": client, "consentType": "Principal", "principalId": user,
        "resourceId": resource, "scope": "User.ReadWrite.All",
    }  # fmt: skip
    created = graph.post("/oauth2PermissionGrants", json=new)
    assert created.status_code == 201
    duplicate = graph.post("/oauth2PermissionGrants", json=new)
    assert refusal(duplicate) == (409, "Request_MultipleObjectsWithSameKeyValue")
    where = f"/oauth2PermissionGrants/{created.json()['id']}"
    assert graph.patch(where, json={"scope": "Group.ReadWrite.All"}).status_code == 204
    assert graph.get(where).json()["scope"] == "Group.ReadWrite.All"
    of_client = graph.get(f"/servicePrincipals/{client}/oauth2PermissionGrants").json()["value"]
    assert [it["id"] for it in of_client] == [created.json()["id"]]
    assert graph.delete(where).status_code == 204
    assert refusal(graph.get(where)) == MISSING
    assert (
        refusal(graph.post("/oauth2PermissionGrants", json=new | {"clientId": PRODUCT})) == MISSING
    )
    everybody = new | {"consentType": "AllPrincipals"}
    assert refusal(graph.post("/oauth2PermissionGrants", json=everybody))[0] == 400


def test_assignments_by_api(desk: Desk) -> None:
    """An app role is assigned once, shows on both sides, and is taken away."""
    graph = desk.as_app(REMEDIATOR)
    client, resource = principal(graph, PRODUCT), principal(graph, GRAPH_APP)
    role = next(it["id"] for it in resource["appRoles"] if it["value"] == "Directory.Read.All")
    where = f"/servicePrincipals/{resource['id']}/appRoleAssignedTo"
    new = {"principalId": client["id"], "resourceId": resource["id"], "appRoleId": role}
    created = graph.post(where, json=new)
    assert created.status_code == 201
    duplicate = graph.post(where, json=new)
    assert refusal(duplicate) == (400, "Request_BadRequest")
    assert "already exists" in duplicate.json()["error"]["message"]
    unknown = graph.post(where, json=new | {"appRoleId": client["id"]})
    assert refusal(unknown) == (400, "Request_BadRequest")
    held = f"/servicePrincipals/{client['id']}/appRoleAssignments"
    assert [it["appRoleId"] for it in graph.get(held).json()["value"]] == [role]
    assert graph.delete(f"{where}/{created.json()['id']}").status_code == 204
    assert graph.get(held).json()["value"] == []


@pytest.mark.parametrize("missing", ["AppRoleAssignment.ReadWrite.All", "Application.Read.All"])
def test_assigning_needs_both_permissions(desk: Desk, missing: str) -> None:
    """An app role is assigned only with both permissions."""
    reader = desk.as_app()
    client, resource = (principal(reader, it)["id"] for it in (PRODUCT, GRAPH_APP))
    desk.stand_in.do(
        "revoke", client=REMEDIATOR, kind="application",
        values=[missing, "Application.ReadWrite.OwnedBy"],
    )  # fmt: skip
    role = "7ab1d382-f21e-4acd-a863-ba3e13f7da61"
    new = {"principalId": client, "resourceId": resource, "appRoleId": role}
    where = f"/servicePrincipals/{resource}/appRoleAssignedTo"
    assert refusal(desk.as_app(REMEDIATOR).post(where, json=new)) == DENIED


def test_registering_the_app(desk: Desk) -> None:
    """An app is registered with a service principal of its own, once it is visible."""
    desk.stand_in.do("delete_app", client=PRODUCT)
    graph = desk.as_user(ACCOUNT, SETUP)
    new = {"displayName": NAME, "signInAudience": "AzureADMyOrg", "isFallbackPublicClient": True}
    desk.stand_in.do("set_lag", seconds=10)
    application = graph.post("/applications", json=new).json()
    assert len(application["requiredResourceAccess"]) == 2
    body = {"appId": application["appId"]}
    early = graph.post("/servicePrincipals", json=body)
    assert refusal(early) == (400, "NoBackingApplicationObject")
    desk.stand_in.advance(11)
    desk.stand_in.do("set_lag", seconds=0)
    assert graph.post("/servicePrincipals", json=body).status_code == 201
    assert refusal(graph.post("/servicePrincipals", json=body))[0] == 409
    assert desk.consent(client_id=application["appId"]).status_code == 200
    assert desk.as_user(ACCOUNT, application["appId"]).get("/me").status_code == 200


def test_deleted_and_disabled_app(desk: Desk) -> None:
    """Deleting an app takes its grants along; a disabled one shows as disabled and signs nobody in."""
    desk.consent()
    desk.stand_in.do("disable_app", client=PRODUCT)
    graph = desk.as_app()
    assert principal(graph, PRODUCT)["accountEnabled"] is False
    assert desk.codes(ACCOUNT, client=PRODUCT) == [7000112]
    desk.stand_in.do("delete_app", client=NAME)
    assert refusal(graph.get(f"/servicePrincipals(appId='{PRODUCT}')")) == MISSING
    apps = {app["app_id"]: app["service_principal_id"] for app in desk.stand_in.state()["apps"]}
    assert {it["clientId"] for it in desk.stand_in.state()["grants"]} <= set(apps.values())


def test_stale_permission_and_missing_resource(desk: Desk) -> None:
    """A resource may stop offering a permission, or leave the tenant."""
    graph = desk.as_app()
    desk.stand_in.do("retire_permission", kind="delegated", value="Group.ReadWrite.All")
    offered = {it["value"] for it in principal(graph, GRAPH_APP)["oauth2PermissionScopes"]}
    assert "Group.ReadWrite.All" not in offered
    desk.stand_in.do("remove_resource", resource="Exchange Online")
    answer = graph.get("/servicePrincipals(appId='00000002-0000-0ff1-ce00-000000000000')")
    assert refusal(answer) == MISSING


def test_grants_need_their_permission(desk: Desk) -> None:
    """The validator, who may do everything to users, sees no grants; the remediator's list is paged."""
    desk.consent()
    desk.consent(PLAIN)
    assert refusal(desk.as_user(PLAIN, SETUP).get("/oauth2PermissionGrants")) == DENIED
    desk.stand_in.do("set_page_size", size=1)
    graph = desk.as_app(REMEDIATOR)
    client = principal(graph, PRODUCT)["id"]
    params: dict[str, str] | None = {
        "$filter": f"clientId eq '{client}' and consentType eq 'Principal'"
    }
    address: str | None = "/oauth2PermissionGrants"
    found = []
    while address:
        page = graph.get(address, params=params).json()
        found += page["value"]
        address, params = page.get("@odata.nextLink"), None
    assert len(found) == 4


def test_state_shows_the_tenant(desk: Desk) -> None:
    """The state view names apps by all three ids and says what they ask for."""
    (app,) = [it for it in desk.stand_in.state()["apps"] if it["app_id"] == PRODUCT]
    assert {it["value"] for it in app["asks_for"]} == {it["value"] for it in PERMISSIONS}
    assert app["enabled"] and app["public"]
    (reader,) = [it for it in desk.stand_in.state()["apps"] if it["app_id"] == READER]
    assert reader["public"] is False
