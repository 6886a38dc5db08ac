"""The audit log: who consented, and for whom."""

from __future__ import annotations

from typing import Any

from tests.sandbox.entra.conftest import ACCOUNT, GRAPH_APP, PRODUCT, READER, REMEDIATOR, Desk
from tests.sandbox.entra.test_grants import principal
from tests.sandbox.entra.test_graph_users import DENIED, refusal

LOG = "/auditLogs/directoryAudits"


def said(entry: dict[str, Any]) -> dict[str, str]:
    """Return the properties of an entry."""
    return {
        item["displayName"]: item["newValue"]
        for item in entry["targetResources"][0]["modifiedProperties"]
    }


def test_consent_is_logged(desk: Desk) -> None:
    """An administrator's own consent is an admin consent as well, but not on behalf of all."""
    assert refusal(desk.as_app().get(LOG)) == DENIED
    desk.stand_in.do("grant", client=READER, kind="application", values=["AuditLog.Read.All"])
    desk.consent()
    desk.stand_in.advance(1)
    desk.consent(on_behalf_of_organization=True)
    graph = desk.as_app()
    found = graph.get(LOG, params={"$filter": "activityDisplayName eq 'Consent to application'"})
    entries = found.json()["value"]
    assert [said(it)["ConsentContext.OnBehalfOfAll"] for it in entries] == ['"True"', '"False"']
    assert {said(it)["ConsentContext.IsAdminConsent"] for it in entries} == {'"True"'}
    assert {it["initiatedBy"]["user"]["userPrincipalName"] for it in entries} == {ACCOUNT}
    assert entries[0]["targetResources"][0]["id"] == principal(graph, PRODUCT)["id"]
    assert refusal(graph.get(LOG, params={"$select": "id"}))[0] == 400


def test_grants_by_api_are_logged(desk: Desk) -> None:
    """What an application writes is logged under that application, as other activities."""
    desk.stand_in.do("grant", client=READER, kind="application", values=["AuditLog.Read.All"])
    graph = desk.as_app(REMEDIATOR)
    client, resource = (principal(graph, it)["id"] for it in (PRODUCT, GRAPH_APP))
    new = {
        "clientId": client, "consentType": "Principal", "resourceId": resource,
        "principalId": desk.state_of(ACCOUNT)["id"], "scope": "User.Read",
    }  # fmt: skip
    created = graph.post("/oauth2PermissionGrants", json=new).json()
    graph.delete(f"/oauth2PermissionGrants/{created['id']}")
    entries = desk.as_app().get(LOG).json()["value"]
    assert {it["activityDisplayName"] for it in entries} == {
        "Add delegated permission grant",
        "Remove delegated permission grant",
    }
    me = principal(graph, REMEDIATOR)
    assert {it["initiatedBy"]["app"]["displayName"] for it in entries} == {me["displayName"]}
