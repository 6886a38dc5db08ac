"""Users, passwords and roles in Graph: who may do what to whom."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.sandbox.entra.conftest import ACCOUNT, DOMAIN, HELPER, PLAIN, PRODUCT, SETTER, Desk

METHOD = "28c10230-6103-485e-b985-444c60001490"


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return answer.status_code, answer.json()["error"]["code"]


def body(password: str, upn: str | None = None, must_change: bool = False) -> dict[str, Any]:
    """Return what creates a user."""
    name = uuid.uuid4().hex[:12]
    return {
        "accountEnabled": True,
        "displayName": name,
        "mailNickname": name,
        "userPrincipalName": upn or f"{name}@{DOMAIN}",
        "passwordProfile": {"forceChangePasswordNextSignIn": must_change, "password": password},
    }


DENIED = (403, "Authorization_RequestDenied")
MISSING = (404, "Request_ResourceNotFound")


def test_life_of_a_user(desk: Desk, new_password: Callable[[], str]) -> None:
    """A user is created, signs in, is changed, deleted softly, and the UPN is free again."""
    graph, new = desk.as_app(SETTER), body(new_password())
    created = graph.post("/users", json=new)
    assert created.status_code == 201
    where, upn = f"/users/{created.json()['id']}", new["userPrincipalName"]
    assert desk.codes(upn, new["passwordProfile"]["password"]) == []
    changed = graph.patch(where, json={"department": "Validation"})
    assert (changed.status_code, changed.content) == (204, b"")
    assert graph.get(f"{where}?$select=department").json()["department"] == "Validation"
    assert graph.delete(where).status_code == 204
    assert refusal(graph.get(where)) == MISSING
    binned = graph.get(f"/directory/deletedItems/{created.json()['id']}").json()
    assert binned["userPrincipalName"].endswith(upn)
    assert binned["userPrincipalName"] != upn
    assert graph.post("/users", json=new).status_code == 201


def test_user_by_either_name(desk: Desk) -> None:
    """A user is found by id, by UPN and by filter; the default fields leave out accountEnabled."""
    graph = desk.as_app()
    by_upn = graph.get(f"/users/{ACCOUNT}").json()
    assert graph.get(f"/users/{by_upn['id']}").json()["userPrincipalName"] == ACCOUNT
    listed = graph.get("/users", params={"$filter": f"userPrincipalName eq '{ACCOUNT.upper()}'"})
    assert [it["id"] for it in listed.json()["value"]] == [by_upn["id"]]
    assert "accountEnabled" not in by_upn
    selected = graph.get(
        f"/users/{ACCOUNT}?$select=id,accountEnabled,lastPasswordChangeDateTime,onPremisesSyncEnabled"
    ).json()
    assert selected["accountEnabled"] is True
    assert selected["onPremisesSyncEnabled"] is None
    assert selected["lastPasswordChangeDateTime"].endswith("Z")
    assert not any(name.startswith("_") for name in selected)


def test_refused_users(desk: Desk, new_password: Callable[[], str]) -> None:
    """Weak passwords, taken or foreign UPNs, missing and unknown properties are refused as bad requests."""
    graph = desk.as_app(SETTER)
    incomplete = body(new_password())
    del incomplete["mailNickname"]
    refused = [
        body("short"),
        body(new_password(), PLAIN),
        body(new_password(), "x@elsewhere.test"),
        incomplete,
        body(new_password()) | {"shoeSize": 43},
    ]
    answers = [graph.post("/users", json=it) for it in refused]
    assert {refusal(it) for it in answers} == {(400, "Request_BadRequest")}
    assert "already exists" in answers[1].json()["error"]["message"]


def test_permission_gate(desk: Desk, new_password: Callable[[], str]) -> None:
    """A reader does not write, nobody without a token reads, and foreign tokens are no tokens."""
    reader = desk.as_app()
    assert refusal(reader.post("/users", json=body(new_password()))) == DENIED
    assert refusal(reader.patch(f"/users/{PLAIN}", json={"department": "x"})) == DENIED
    assert refusal(reader.delete(f"/users/{PLAIN}")) == DENIED
    del reader.headers["Authorization"]
    answer = reader.get(f"/users/{PLAIN}")
    assert refusal(answer) == (401, "InvalidAuthenticationToken")
    assert "WWW-Authenticate" in answer.headers


def test_password_needs_its_own_permission(desk: Desk, new_password: Callable[[], str]) -> None:
    """User.ReadWrite.All alone does not set passwords."""
    profile = {"password": new_password(), "forceChangePasswordNextSignIn": False}
    change = {"passwordProfile": profile}
    assert desk.as_app(SETTER).patch(f"/users/{PLAIN}", json=change).status_code == 204
    assert desk.codes(PLAIN, profile["password"]) == []
    assert desk.state_of(PLAIN)["password_version"] == 2
    permission = "User-PasswordProfile.ReadWrite.All"
    desk.stand_in.do("revoke", client=SETTER, kind="application", values=[permission])
    assert refusal(desk.as_app(SETTER).patch(f"/users/{PLAIN}", json=change)) == DENIED


def test_password_rank(desk: Desk, new_password: Callable[[], str]) -> None:
    """Only who outranks an administrator sets that password or disables that account."""
    change = {"passwordProfile": {"password": new_password()}}
    assert refusal(desk.as_app(SETTER).patch(f"/users/{ACCOUNT}", json=change)) == DENIED
    helper = desk.as_user(HELPER)
    assert refusal(helper.patch(f"/users/{ACCOUNT}", json=change)) == DENIED
    assert refusal(helper.patch(f"/users/{ACCOUNT}", json={"accountEnabled": False})) == DENIED
    assert refusal(helper.delete(f"/users/{ACCOUNT}")) == DENIED
    assert helper.patch(f"/users/{PLAIN}", json=change).status_code == 204
    assert desk.as_user(ACCOUNT).patch(f"/users/{HELPER}", json=change).status_code == 204


def test_user_without_a_role(desk: Desk, new_password: Callable[[], str]) -> None:
    """The scope of a token is not enough: the signed-in user needs the role too."""
    graph = desk.as_user(PLAIN)
    assert refusal(graph.post("/users", json=body(new_password()))) == DENIED
    assert refusal(graph.patch(f"/users/{HELPER}", json={"department": "x"})) == DENIED
    assert graph.get("/me").json()["userPrincipalName"] == PLAIN


def test_app_only_refusals(desk: Desk, new_password: Callable[[], str]) -> None:
    """Applications on their own neither reset nor change passwords by method, nor empty the bin."""
    everything = ["UserAuthenticationMethod.ReadWrite.All"]
    desk.stand_in.do("grant", client=SETTER, kind="application", values=everything)
    graph = desk.as_app(SETTER)
    reset = f"/users/{PLAIN}/authentication/methods/{METHOD}/resetPassword"
    assert refusal(graph.post(reset, json={"newPassword": new_password()})) == DENIED
    own = {"currentPassword": "x", "newPassword": new_password()}
    assert refusal(graph.post("/me/changePassword", json=own)) == DENIED
    user = graph.post("/users", json=body(new_password())).json()["id"]
    graph.delete(f"/users/{user}")
    assert refusal(graph.delete(f"/directory/deletedItems/{user}")) == DENIED
    purged = desk.as_user(HELPER).delete(f"/directory/deletedItems/{user}")
    assert purged.status_code == 204


def test_own_password(desk: Desk, new_password: Callable[[], str]) -> None:
    """A person changes the own password with the current one, and a reset by another forces a change."""
    graph, fresh = desk.as_user(PLAIN), new_password()
    wrong = {"currentPassword": new_password(), "newPassword": fresh}
    assert refusal(graph.post("/me/changePassword", json=wrong))[0] == 400
    right = {"currentPassword": desk.passwords[PLAIN], "newPassword": fresh}
    assert graph.post("/me/changePassword", json=right).status_code == 204
    assert desk.codes(PLAIN, fresh) == []
    reset = f"/users/{PLAIN}/authentication/methods/{METHOD}/resetPassword"
    answer = desk.as_user(ACCOUNT).post(reset, json={"newPassword": desk.passwords[PLAIN]})
    assert (answer.status_code, "Location" in answer.headers) == (202, True)
    assert desk.codes(PLAIN) == [50055]


def test_synchronised_user(desk: Desk, new_password: Callable[[], str]) -> None:
    """A user that comes from Active Directory is not changed here."""
    desk.stand_in.do("set_user", upn=PLAIN, onPremisesSyncEnabled=True)
    answer = desk.as_app(SETTER).patch(f"/users/{PLAIN}", json={"department": "x"})
    assert refusal(answer) == (400, "Request_BadRequest")


def test_roles_and_how_they_are_held(desk: Desk, new_password: Callable[[], str]) -> None:
    """Direct, through a group, eligible and scoped roles are told apart."""
    upn = f"roles@{DOMAIN}"
    desk.stand_in.do(
        "add_user",
        upn=upn,
        password=new_password(),
        roles=["Exchange Administrator", {"name": "User Administrator", "scope": "/unit"}],
        roles_through_group=["Groups Administrator"],
        eligible_roles=["Global Administrator"],
    )
    graph = desk.as_app()
    user = graph.get(f"/users/{upn}").json()["id"]
    params = {"$filter": f"principalId eq '{user}'", "$expand": "roleDefinition"}
    management = "/roleManagement/directory"

    def names(path: str) -> dict[str, str]:
        found = graph.get(f"{management}/{path}", params=params).json()["value"]
        return {it["roleDefinition"]["displayName"]: it["directoryScopeId"] for it in found}

    assert names("roleAssignments") == {
        "Exchange Administrator": "/",
        "User Administrator": "/unit",
    }
    assert names("roleEligibilityScheduleInstances") == {"Global Administrator": "/"}
    members = graph.get(f"/users/{upn}/transitiveMemberOf").json()["value"]
    kind = "#microsoft.graph.directoryRole"
    roles = {it["displayName"] for it in members if it["@odata.type"] == kind}
    assert roles == {"Exchange Administrator", "Groups Administrator"}


def test_reduced_roles(desk: Desk) -> None:
    """Who may not read roles sees that there is one, not which."""
    graph = desk.as_app(SETTER)
    (role,) = graph.get(f"/users/{ACCOUNT}/transitiveMemberOf").json()["value"]
    assert (role["displayName"], role["roleTemplateId"]) == (None, None)


def test_no_premium_licence(desk: Desk) -> None:
    """Without the licence, eligible roles cannot be read."""
    desk.stand_in.do("set_premium", on=False)
    answer = desk.as_app().get("/roleManagement/directory/roleEligibilityScheduleInstances")
    assert refusal(answer) == (400, "AadPremiumLicenseRequired")


def test_late_visibility(desk: Desk, new_password: Callable[[], str]) -> None:
    """What was written is not seen until the lag has passed: not created, not changed, not deleted."""
    graph = desk.as_app(SETTER)
    desk.stand_in.do("set_lag", seconds=20)
    new = body(new_password())
    where = f"/users/{graph.post('/users', json=new).json()['id']}"
    assert refusal(graph.get(where)) == MISSING
    assert desk.codes(new["userPrincipalName"], new["passwordProfile"]["password"]) == [50034]
    assert graph.patch(where, json={"department": "one"}).status_code == 204
    desk.stand_in.advance(21)
    assert graph.get(f"{where}?$select=department").json()["department"] == "one"
    graph.patch(where, json={"department": "two"})
    assert graph.get(f"{where}?$select=department").json()["department"] == "one"
    graph.delete(where)
    assert graph.get(where).status_code == 200
    desk.stand_in.advance(21)
    assert refusal(graph.get(where)) == MISSING


def test_late_writes_too(desk: Desk, new_password: Callable[[], str]) -> None:
    """On request, changing and deleting miss an object that is not visible yet."""
    graph = desk.as_app(SETTER)
    desk.stand_in.do("set_lag", seconds=20, writes=True)
    where = f"/users/{graph.post('/users', json=body(new_password())).json()['id']}"
    assert refusal(graph.delete(where)) == MISSING
    desk.stand_in.advance(21)
    assert graph.delete(where).status_code == 204


def test_staler_index(desk: Desk) -> None:
    """Reads with ConsistencyLevel: eventual see an index that lags further behind."""
    desk.stand_in.do("set_lag", seconds=0, index=60)
    graph = desk.as_app(SETTER)
    graph.patch(f"/users/{PLAIN}", json={"department": "new"})
    user = f"/users/{PLAIN}?$select=department"
    assert graph.get(user).json()["department"] == "new"
    stale = graph.get(user, headers={"ConsistencyLevel": "eventual"})
    assert stale.status_code == 404
    desk.stand_in.advance(61)
    assert (
        graph.get(user, headers={"ConsistencyLevel": "eventual"}).json() == graph.get(user).json()
    )


def test_pages(desk: Desk) -> None:
    """A list comes in pages that lead on with a full address, keeping filter and selection."""
    desk.stand_in.do("set_page_size", size=2)
    graph = desk.as_app()
    first = graph.get("/users", params={"$select": "userPrincipalName"}).json()
    assert len(first["value"]) == 2
    assert first["@odata.nextLink"].startswith(desk.stand_in.url)
    second = graph.get(first["@odata.nextLink"]).json()
    assert "@odata.nextLink" not in second
    upns = [it["userPrincipalName"] for it in first["value"] + second["value"]]
    assert sorted(upns) == sorted([ACCOUNT, PLAIN, HELPER])


def test_expired_token(desk: Desk) -> None:
    """A token ends with its lifetime, or in mid-run when a fault says so."""
    graph = desk.as_app()
    desk.stand_in.arm("graph.users.get", "expired_token")
    assert refusal(graph.get(f"/users/{PLAIN}")) == (401, "InvalidAuthenticationToken")
    assert graph.get(f"/users/{PLAIN}").status_code == 200
    desk.stand_in.advance(3600)
    assert refusal(graph.get(f"/users/{PLAIN}")) == (401, "InvalidAuthenticationToken")


def test_faults_look_like_graph(desk: Desk) -> None:
    """An injected refusal has Graph's envelope, request ids and throttling headers."""
    graph = desk.as_app()
    desk.stand_in.arm("graph.users.get", "status", status=429, retry_after=7)
    answer = graph.get(f"/users/{PLAIN}", headers={"client-request-id": "mine"})
    assert refusal(answer) == (429, "TooManyRequests")
    assert (answer.headers["Retry-After"], answer.headers["client-request-id"]) == ("7", "mine")
    assert "x-ms-throttle-information" in answer.headers
    assert "request-id" in answer.headers
    desk.stand_in.arm("graph.users.list", "status", status=429)
    assert "Retry-After" not in graph.get("/users").headers


def test_applied_but_answered_504(desk: Desk, new_password: Callable[[], str]) -> None:
    """A 504 after a write, and a lost answer, have written."""
    graph, new, other = desk.as_app(SETTER), body(new_password()), body(new_password())
    desk.stand_in.arm("graph.users.create", "status_after", status=504)
    assert graph.post("/users", json=new).status_code == 504
    desk.stand_in.arm("graph.users.create", "answer_lost")
    with pytest.raises(httpx.HTTPError):
        graph.post("/users", json=other)
    upns = {user["upn"] for user in desk.stand_in.state()["users"]}
    assert {new["userPrincipalName"], other["userPrincipalName"]} <= upns


def test_organization(desk: Desk) -> None:
    """The organization is the tenant with its verified domain."""
    (organization,) = desk.as_app().get("/organization").json()["value"]
    assert organization["id"] == desk.stand_in.endpoints["tenant_id"]
    assert organization["verifiedDomains"][0]["name"] == DOMAIN


def test_sessions_are_revoked(desk: Desk) -> None:
    """Ending somebody's sessions is answered with true."""
    answer = desk.as_app(SETTER).post(f"/users/{PLAIN}/revokeSignInSessions")
    assert (answer.status_code, answer.json()["value"]) == (200, True)


def test_wrong_password_of_the_product_client(desk: Desk) -> None:
    """The product's own client signs nobody in before somebody consented."""
    assert desk.codes(ACCOUNT, client=PRODUCT) == [65001]
