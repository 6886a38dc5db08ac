"""The connector and the tenant stand-in, begun anew for each test."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from connectors.entra.client import EntraClient
from connectors.entra.models import ConsentManifest, Permission, PermissionKind
from connectors.entra.settings import AppIdentity, CredentialKind, TenantSettings
from connectors.models import SecretHandle
from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority
from tests.unit.entra.support import Clock, FakeVault
from tests.unit.entra.test_auth import certificate_pair

DOMAIN = "contoso.example.test"
ACCOUNT = f"svc-cayosoft@{DOMAIN}"
OTHER = f"other@{DOMAIN}"
VERIFIER, VALIDATOR, SETTER, REMEDIATOR, PROBE, PRODUCT = (str(uuid.uuid4()) for _ in range(6))
APP_NAME = "Cayosoft Administrator API Access"
GRAPH_APP = "00000003-0000-0000-c000-000000000000"
APPLICATION, DELEGATED = PermissionKind.APPLICATION, PermissionKind.DELEGATED
WANTED = (
    (DELEGATED, "User.Read"),
    (DELEGATED, "User.ReadWrite.All"),
    (DELEGATED, "Group.ReadWrite.All"),
    (APPLICATION, "Directory.Read.All"),
)
MANIFEST = ConsentManifest(
    "contract",
    APP_NAME,
    frozenset(Permission(GRAPH_APP, "Microsoft Graph", kind, value) for kind, value in WANTED),
)
ACCOUNT_SECRET = SecretHandle("kv", "accounts/entra")
VERIFIER_SECRET = SecretHandle("kv", "apps/verifier")
VALIDATOR_SECRET = SecretHandle("kv", "apps/validator")
SETTER_SECRET = SecretHandle("kv", "apps/setter")
REMEDIATOR_SECRET = SecretHandle("kv", "apps/remediator")


@dataclass
class Desk:
    """The stand-in, the Vault that holds its credentials, and the connector."""

    tenant: StandIn
    vault: FakeVault
    settings: TenantSettings
    clock: Clock
    client: EntraClient

    def again(self, **changes: Any) -> EntraClient:
        """Return another connector, with a budget of its own; the caller closes it."""
        settings = replace(self.settings, **changes)
        return EntraClient(settings, self.vault, timing=self.clock.timing())

    def store(self, password: str, username: str = ACCOUNT) -> None:
        """Put another credential into the Vault."""
        self.vault.put(ACCOUNT_SECRET, username=username, password=password)

    def user(self, upn: str = ACCOUNT) -> dict[str, Any]:
        """Return what the stand-in knows of a user."""
        return next(u for u in self.tenant.state()["users"] if u["upn"] == upn)


@dataclass(frozen=True)
class _Site:
    tenant: StandIn
    vault: FakeVault
    settings: TenantSettings
    password: str


@pytest.fixture(scope="session")
def site(
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
    new_password: Callable[[], str],
) -> Iterator[_Site]:
    """Start the stand-in once."""
    certificate, key = authority.issue("entra-contract")
    password, other = new_password(), new_password()
    secret, setting, remedying = (secrets.token_urlsafe(24) for _ in range(3))
    pair = certificate_pair()
    config = {
        "port": 0,
        "tls": {"cert": str(certificate), "key": str(key)},
        "tenant_id": str(uuid.uuid4()),
        "domain": DOMAIN,
        "users": [
            {"upn": ACCOUNT, "password": password, "roles": ["Global Administrator"]},
            {"upn": OTHER, "password": other, "roles": []},
        ],
        "clients": [
            {
                "app_id": VERIFIER,
                "display_name": "verifier",
                "kind": "confidential",
                "certificate_pem": pair["certificate"],
                "application_permissions": [
                    "User.Read.All",
                    "Application.Read.All",
                    "Directory.Read.All",
                    "RoleManagement.Read.Directory",
                    "AuditLog.Read.All",
                ],
            },
            {
                "app_id": VALIDATOR,
                "display_name": "validator",
                "kind": "confidential",
                "client_secret": secret,
                "application_permissions": ["User.ReadWrite.All", "User.DeleteRestore.All"],
            },
            {
                "app_id": SETTER,
                "display_name": "setter",
                "kind": "confidential",
                "client_secret": setting,
                "application_permissions": ["User-PasswordProfile.ReadWrite.All"],
                "roles": ["Privileged Authentication Administrator"],
            },
            {
                "app_id": REMEDIATOR,
                "display_name": "remediator",
                "kind": "confidential",
                "client_secret": remedying,
                "application_permissions": [
                    "DelegatedPermissionGrant.ReadWrite.All",
                    "AppRoleAssignment.ReadWrite.All",
                    "Application.Read.All",
                ],
            },
            {
                "app_id": PROBE,
                "display_name": "probe",
                "kind": "public",
                "delegated_permissions": ["User.Read"],
            },
        ],
        "product": {
            "app_display_name": APP_NAME,
            "app_id": PRODUCT,
            "permissions": [
                {"resource": "Microsoft Graph", "kind": kind.value, "value": value}
                for kind, value in WANTED
            ],
            "granted_for": [ACCOUNT],
        },
    }
    vault = FakeVault()
    vault.put(VERIFIER_SECRET, **pair)
    vault.put(VALIDATOR_SECRET, client_secret=secret)
    vault.put(SETTER_SECRET, client_secret=setting)
    vault.put(REMEDIATOR_SECRET, client_secret=remedying)
    log = tmp_path_factory.mktemp("entra") / "log"
    with StandIn.start("sandbox.entra", config, Path(log)) as tenant:
        settings = TenantSettings(
            name="contoso",
            tenant_id=config["tenant_id"],  # type: ignore[arg-type]
            domain=DOMAIN,
            authority=tenant.endpoints["authority"],
            graph=tenant.endpoints["graph"],
            ca_file=authority.ca_file,
            verifier=AppIdentity(VERIFIER, VERIFIER_SECRET, CredentialKind.CERTIFICATE),
            validator=AppIdentity(VALIDATOR, VALIDATOR_SECRET, CredentialKind.SECRET),
            setter=AppIdentity(SETTER, SETTER_SECRET, CredentialKind.SECRET),
            remediator=AppIdentity(REMEDIATOR, REMEDIATOR_SECRET, CredentialKind.SECRET),
            probe_client_id=PROBE,
            required_roles=("Global Administrator",),
        )
        yield _Site(tenant, vault, settings, password)


@pytest.fixture
def desk(site: _Site) -> Iterator[Desk]:
    """Return the connector at a tenant that is as it was in the beginning."""
    site.tenant.disarm()
    site.tenant.do("reset")
    site.tenant.forget()
    clock = Clock(on_sleep=site.tenant.advance)
    with EntraClient(site.settings, site.vault, timing=clock.timing()) as client:
        desk = Desk(site.tenant, site.vault, site.settings, clock, client)
        desk.store(site.password)
        yield desk
