"""What a remediation sends: method, path and body of each change, to the letter."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from connectors.entra.client import EntraClient
from connectors.entra.models import ConsentManifest, EntraAccount, PermissionKind
from connectors.entra.planning import plan
from connectors.entra.remediation import Permit, RemediationPlan
from connectors.entra.settings import AppIdentity, CredentialKind
from connectors.models import SecretHandle
from tests.unit.entra.support import TOKEN, Clock, FakeVault, Wire, fixture, form, settings
from tests.unit.entra.test_grants import (
    ACCOUNT,
    APP,
    GRANTS,
    GRAPH_SP,
    READ,
    READ_ALL,
    ROLES,
    graph,
    tenant,
)

__all__ = ["tenant"]  # a fixture

REMEDIATOR = "66666666-aaaa-4aaa-8aaa-666666666666"
SECRET = SecretHandle("kv", "apps/remediator")
WRITE = graph(PermissionKind.DELEGATED, "User.ReadWrite.All")
MANIFEST = ConsentManifest("test", "app", frozenset({READ_ALL, READ, WRITE}))
USER = EntraAccount(ACCOUNT, "svc-cayosoft@corp.example.test", True, True, None)
ONE = "/v1.0/oauth2PermissionGrants"
ASSIGN = f"/v1.0/servicePrincipals/{GRAPH_SP}/appRoleAssignedTo"


class Grants:
    """The lists of grants and roles as they are now; what is sent changes them."""

    def __init__(self, wire: Wire) -> None:
        self.grants: list[dict[str, Any]] = fixture("read_delegated_grants")["value"]
        self.roles: list[dict[str, Any]] = fixture("read_application_permissions")["value"]
        wire.on("GET", GRANTS, lambda _: httpx.Response(200, json={"value": self.grants}))
        wire.on("GET", ROLES, lambda _: httpx.Response(200, json={"value": self.roles}))
        wire.on("PATCH", f"{ONE}/g1", self._patch)
        wire.on("POST", ONE, self._post)
        wire.on("POST", ASSIGN, self._assign)
        wire.on("DELETE", f"{ONE}/g3", self._delete)

    def _patch(self, request: httpx.Request) -> httpx.Response:
        self.grants[0]["scope"] = json.loads(request.content)["scope"]
        return httpx.Response(204)

    def _post(self, request: httpx.Request) -> httpx.Response:
        self.grants.append({"id": "g4", **json.loads(request.content)})
        return httpx.Response(201, json=self.grants[-1])

    def _assign(self, request: httpx.Request) -> httpx.Response:
        self.roles.append({"id": "3", **json.loads(request.content)})
        return httpx.Response(201, json=self.roles[-1])

    def _delete(self, _: httpx.Request) -> httpx.Response:
        self.grants = [grant for grant in self.grants if grant["id"] != "g3"]
        return httpx.Response(204)


@pytest.fixture
def now(tenant: Wire) -> Grants:
    """Return the tenant's grants, to be changed before the test begins."""
    return Grants(tenant)


@pytest.fixture
def client(
    tenant: Wire, vault: FakeVault, clock: Clock, new_password: Callable[[], str]
) -> Iterator[EntraClient]:
    """Return a client whose tenant has a remediator."""
    vault.put(SECRET, client_secret=new_password())
    identity = AppIdentity(REMEDIATOR, SECRET, CredentialKind.SECRET)
    chosen = settings(remediator=identity)
    with EntraClient(chosen, vault, transport=tenant.transport(), timing=clock.timing()) as opened:
        yield opened


def planned(client: EntraClient) -> RemediationPlan:
    """Plan what the wire's tenant lacks."""
    return plan(MANIFEST, client.consent_facts(APP, ACCOUNT, MANIFEST), USER)


def permit(clock: Clock) -> Permit:
    """Allow changes for a while."""
    return Permit(clock.timing().now() + timedelta(minutes=5), lambda: None)


def sent(tenant: Wire, method: str, path: str) -> Any:
    """Return the body of the only request of a route."""
    (request,) = tenant.asked(method, path)
    return json.loads(request.content) if request.content else None


def test_widening(client: EntraClient, tenant: Wire, now: Grants, clock: Clock) -> None:
    """The account's grant gets the union as its whole scope, and nothing but the scope is sent."""
    client.remediator.grant_for_account(planned(client), permit(clock))
    assert sent(tenant, "PATCH", f"{ONE}/g1") == fixture("set_scope-request")
    assert now.grants[1]["scope"] == "User.ReadWrite.All", "another user's grant is left alone"


def test_creating(client: EntraClient, tenant: Wire, now: Grants, clock: Clock) -> None:
    """A new grant names client, account and resource by their object ids, and Principal."""
    now.grants = now.grants[1:]
    client.remediator.grant_for_account(planned(client), permit(clock))
    assert sent(tenant, "POST", ONE) == fixture("create_grant-request")


def test_assigning(client: EntraClient, tenant: Wire, now: Grants, clock: Clock) -> None:
    """An app role is assigned on the resource's side, by three ids."""
    now.roles = now.roles[:1]
    client.remediator.grant_to_application(planned(client), permit(clock))
    assert sent(tenant, "POST", ASSIGN) == fixture("assign_role-request")


def test_deleting(client: EntraClient, tenant: Wire, now: Grants, clock: Clock) -> None:
    """The grant for everybody is deleted by its id, after the account's own has been widened."""
    made = planned(client)
    client.remediator.grant_for_account(made, permit(clock))
    client.remediator.withdraw_from_organization(made, permit(clock))
    assert sent(tenant, "DELETE", f"{ONE}/g3") is None
    assert [grant["id"] for grant in now.grants] == ["g1", "g2"]


def test_who_signs_in(client: EntraClient, tenant: Wire, now: Grants, clock: Clock) -> None:
    """The remediator signs in when the first change is due, and not to look."""
    now.roles = now.roles[:1]
    made = planned(client)
    client.remediator.snapshot(made)
    before = {form(request)["client_id"] for request in tenant.asked("POST", TOKEN)}
    assert REMEDIATOR not in before
    client.remediator.grant_to_application(made, permit(clock))
    after = {form(request)["client_id"] for request in tenant.asked("POST", TOKEN)}
    assert after - before == {REMEDIATOR}
