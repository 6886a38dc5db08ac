"""What a tenant has granted: read whole, by the right ids, twice."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from connectors.entra.client import EntraClient
from connectors.entra.models import (
    ConsentFacts,
    ConsentManifest,
    Grant,
    GrantedHow,
    Permission,
    PermissionKind,
)
from tests.unit.entra.support import Clock, Wire, answer, broken, fixture

GRAPH_APP = "00000003-0000-0000-c000-000000000000"
GRAPH_SP = "cccccccc-0000-4000-8000-000000000001"
APP = "bbbbbbbb-0000-4000-8000-000000000001"
SP = "bbbbbbbb-0000-4000-8000-000000000002"
ACCOUNT = "aaaaaaaa-0000-4000-8000-000000000001"
READ_APP = f"/v1.0/servicePrincipals(appId='{APP}')"
RESOURCE = f"/v1.0/servicePrincipals(appId='{GRAPH_APP}')"
RESOURCE_BY_ID = f"/v1.0/servicePrincipals/{GRAPH_SP}"
ROLES = f"/v1.0/servicePrincipals/{SP}/appRoleAssignments"
GRANTS = f"/v1.0/servicePrincipals/{SP}/oauth2PermissionGrants"
ASSIGNED = f"/v1.0/servicePrincipals/{SP}/appRoleAssignedTo"
REGISTRATION = f"/v1.0/applications(appId='{APP}')"


def graph(kind: PermissionKind, value: str) -> Permission:
    """Name one permission of Microsoft Graph."""
    return Permission(GRAPH_APP, "Microsoft Graph", kind, value)


READ_ALL = graph(PermissionKind.APPLICATION, "User.Read.All")
READ = graph(PermissionKind.DELEGATED, "User.Read")
MANIFEST = ConsentManifest("test", "Cayosoft Administrator API Access", frozenset({READ_ALL, READ}))


@pytest.fixture
def tenant(wire: Wire) -> Wire:
    """Return a tenant with the app and its grants."""
    for path, body in (
        (READ_APP, "read_app"),
        (RESOURCE, "read_resource"),
        (RESOURCE_BY_ID, "read_resource"),
        (ROLES, "read_application_permissions"),
        (GRANTS, "read_delegated_grants"),
        (REGISTRATION, "read_app_registration"),
        (ASSIGNED, "read_who_is_assigned"),
    ):
        wire.on("GET", path, answer(body=body))
    return wire


def facts_of(entra: EntraClient, manifest: ConsentManifest = MANIFEST) -> ConsentFacts:
    """Read the facts of the app."""
    return entra.consent_facts(APP, ACCOUNT, manifest)


def test_reads_every_grant(entra: EntraClient, tenant: Wire, clock: Clock) -> None:
    """Grants come with names, for whom they hold, and without the default role; read twice."""
    facts = facts_of(entra)
    assert set(facts.grants) == {
        Grant(READ_ALL, GrantedHow.APPLICATION),
        Grant(READ, GrantedHow.CONNECTION_ACCOUNT),
        Grant(graph(PermissionKind.DELEGATED, "openid"), GrantedHow.CONNECTION_ACCOUNT),
        Grant(graph(PermissionKind.DELEGATED, "User.ReadWrite.All"), GrantedHow.ANOTHER_USER),
        Grant(READ, GrantedHow.ORGANIZATION),
    }
    assert facts.complete
    assert facts.unread == facts.stale == facts.missing_resources == ()
    assert facts.declared == MANIFEST.permissions
    assert len(tenant.asked("GET", GRANTS)) == 2
    assert clock.slept == [1]


def test_every_page(entra: EntraClient, tenant: Wire) -> None:
    """The second page counts as much as the first."""
    first, second = (answer(body=f"read_delegated_grants-page-{n}") for n in (1, 2))
    tenant.on("GET", GRANTS, first, second, first, second)
    values = {grant.permission.value for grant in facts_of(entra).grants}
    assert values == {"User.Read.All", "User.Read", "openid"}


def test_waits_for_two_equal_readings(entra: EntraClient, tenant: Wire) -> None:
    """A grant that appears between two readings is read once more."""
    empty = answer(body={"value": []})
    tenant.on("GET", GRANTS, empty, answer(body="read_delegated_grants"))
    facts = facts_of(entra)
    assert facts.complete
    assert any(grant.how is GrantedHow.ORGANIZATION for grant in facts.grants)
    assert len(tenant.asked("GET", GRANTS)) == 3


def test_never_settles(entra: EntraClient, tenant: Wire) -> None:
    """Readings that never agree prove nothing."""
    flapping = [answer(body={"value": []}), answer(body="read_delegated_grants")] * 20
    tenant.on("GET", GRANTS, *flapping)
    facts = facts_of(entra)
    assert not facts.complete
    assert "never agreed" in facts.unread[-1]


@pytest.mark.parametrize("path", [READ_APP, RESOURCE, ROLES, GRANTS])
def test_forbidden_read_is_told(entra: EntraClient, tenant: Wire, path: str, clock: Clock) -> None:
    """A read that is not allowed leaves incomplete facts that name the permission, and no waiting."""
    tenant.on("GET", path, answer(403, "error-forbidden"))
    facts = facts_of(entra)
    assert not facts.complete
    assert any("Read.All is missing" in what for what in facts.unread)
    assert clock.slept == []


@pytest.mark.parametrize("trouble", [answer(503, b""), broken(httpx.ReadTimeout), answer(200, b"")])
@pytest.mark.parametrize("path", [READ_APP, RESOURCE, ROLES, GRANTS])
def test_passing_trouble(entra: EntraClient, tenant: Wire, path: str, trouble: Any) -> None:
    """A read that fails once is made up for by the next readings."""
    body = {
        READ_APP: "read_app",
        RESOURCE: "read_resource",
        ROLES: "read_application_permissions",
        GRANTS: "read_delegated_grants",
    }[path]
    tenant.on("GET", path, trouble, answer(body=body))
    assert facts_of(entra).complete


def test_lasting_trouble(entra: EntraClient, tenant: Wire) -> None:
    """A read that keeps failing leaves incomplete facts, not an exception."""
    tenant.on("GET", GRANTS, answer(503, b""))
    facts = facts_of(entra)
    assert not facts.complete
    assert "the delegated grants" in facts.unread


def test_honours_retry_after(entra: EntraClient, tenant: Wire, clock: Clock) -> None:
    """The wait that Graph asks for is waited; one that is too long ends the reading."""
    throttled = answer(429, "error-throttled", Retry_After="20")
    tenant.on("GET", ROLES, throttled, answer(body="read_application_permissions"))
    assert facts_of(entra).complete
    assert clock.slept[0] == 20
    clock.slept.clear()
    tenant.on("GET", ROLES, answer(429, "error-throttled", Retry_After="300"))
    assert not facts_of(entra).complete
    assert clock.slept == []


def test_missing_app(entra: EntraClient, tenant: Wire) -> None:
    """An app that two readings do not show is missing."""
    tenant.on("GET", READ_APP, answer(404, "error-not-found"))
    facts = facts_of(entra)
    assert facts.app is None
    assert facts.complete


def test_missing_resource(entra: EntraClient, tenant: Wire) -> None:
    """A resource without a service principal is named; its permissions are not called stale."""
    other = "00000002-0000-0ff1-ce00-000000000000"
    wanted = Permission(
        other, "Exchange Online", PermissionKind.APPLICATION, "Exchange.ManageAsApp"
    )
    path = f"/v1.0/servicePrincipals(appId='{other}')"
    tenant.on("GET", path, answer(404, "error-not-found"))
    manifest = ConsentManifest("test", "app", MANIFEST.permissions | {wanted})
    facts = facts_of(entra, manifest)
    assert facts.missing_resources == (other,)
    assert facts.stale == ()
    assert facts.complete


def test_stale_permissions(entra: EntraClient, tenant: Wire) -> None:
    """A permission that is disabled, or not offered in its kind, is stale."""
    disabled = graph(PermissionKind.APPLICATION, "Group.Read.All")
    other_kind = graph(PermissionKind.APPLICATION, "User.Read")
    spelled = graph(PermissionKind.DELEGATED, "user.readwrite.all")
    manifest = ConsentManifest("test", "app", frozenset({disabled, other_kind, spelled}))
    assert facts_of(entra, manifest).stale == (disabled, other_kind)


def test_role_no_longer_offered(entra: EntraClient, tenant: Wire) -> None:
    """A granted permission that the resource no longer names keeps its id."""
    gone = "99999999-0000-4000-8000-000000000001"
    tenant.on(
        "GET",
        ROLES,
        answer(body={"value": [{"id": "1", "appRoleId": gone, "resourceId": GRAPH_SP}]}),
    )
    named = {g.permission.value for g in facts_of(entra).grants if g.how is GrantedHow.APPLICATION}
    assert named == {gone}


def test_grant_on_unknown_resource(entra: EntraClient, tenant: Wire) -> None:
    """A grant on a resource that cannot be named leaves the facts incomplete."""
    lost = "99999999-0000-4000-8000-000000000002"
    grant = {"id": "1", "appRoleId": "99999999-0000-4000-8000-000000000001", "resourceId": lost}
    tenant.on("GET", ROLES, answer(body={"value": [grant]}))
    tenant.on("GET", f"/v1.0/servicePrincipals/{lost}", answer(404, "error-not-found"))
    assert not facts_of(entra).complete


def test_empty_grant_for_everybody(entra: EntraClient, tenant: Wire) -> None:
    """A grant for the whole organization counts even when it holds nothing today."""
    grant = {"id": "1", "consentType": "AllPrincipals", "principalId": None, "scope": " "}
    tenant.on("GET", GRANTS, answer(body={"value": [grant | {"resourceId": GRAPH_SP}]}))
    assert any(item.how is GrantedHow.ORGANIZATION for item in facts_of(entra).grants)


def test_odd_consent_type_fails_closed(entra: EntraClient, tenant: Wire) -> None:
    """A kind of grant that nobody documented is not taken for a known one."""
    body = fixture("read_delegated_grants")
    body["value"][0]["consentType"] = "SomePrincipals"
    tenant.on("GET", GRANTS, answer(body=body))
    assert not facts_of(entra).complete


@pytest.mark.parametrize("status", [403, 404, 503])
def test_registration_is_optional(entra: EntraClient, tenant: Wire, status: int) -> None:
    """An app of another tenant has no registration here; the facts stay complete without it."""
    tenant.on("GET", REGISTRATION, answer(status, {}))
    facts = facts_of(entra)
    assert facts.declared is None
    assert facts.complete
    assert bool(facts.unread) == (status != 404)


def test_identifiers_are_not_mixed(entra: EntraClient, tenant: Wire) -> None:
    """Grants are asked for by the service principal's id, never by the app id."""
    facts_of(entra)
    asked = " ".join(request.url.path for request in tenant.requests)
    assert f"servicePrincipals/{APP}" not in asked
    assert f"(appId='{SP}')" not in asked
