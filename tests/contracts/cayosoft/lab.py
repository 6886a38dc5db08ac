"""A console with a directory and a tenant behind it, all three real processes."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from connectors.cayosoft.bridge import BridgeConsole
from connectors.cayosoft.settings import BridgeSettings
from connectors.entra.client import EntraClient
from connectors.entra.settings import AppIdentity, CredentialKind, TenantSettings
from connectors.models import Extension, SecretHandle
from connectors.tls import tls_context
from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority
from tests.contracts.cayosoft.contract import Checked, Contract
from tests.contracts.cayosoft.vault import FakeVault
from tests.unit.entra.support import Clock

AD, M365 = Extension.ACTIVE_DIRECTORY, Extension.MICROSOFT_365
DOMAIN, BASE_DN, TENANT_DOMAIN = "corp.example.test", "DC=corp,DC=example,DC=test", "example.test"
OU = f"OU=Validation,{BASE_DN}"
AD_ACCOUNT, M365_ACCOUNT = f"svc-cayo@{DOMAIN}", f"svc-cayo@{TENANT_DOMAIN}"
ROWS = {AD: DOMAIN, M365: TENANT_DOMAIN}
APP = "Cayosoft Administrator API Access"
VERIFIER = SecretHandle("kv", "orchestrator/contoso/verifier")
CLIENT = SecretHandle("kv", "orchestrator/bridge/hq")
ACCOUNTS = {
    AD: SecretHandle("kv", "cayosoft/hq/ad", 1),
    M365: SecretHandle("kv", "cayosoft/hq/m365", 1),
}
PERMISSIONS = [
    {"resource": "Microsoft Graph", "kind": kind, "value": value}
    for kind, value in (
        ("delegated", "User.Read"),
        ("delegated", "User.ReadWrite.All"),
        ("delegated", "Group.ReadWrite.All"),
        ("application", "Organization.Read.All"),
    )
]


@dataclass
class Lab:
    """The running systems. ``passwords`` are those that the directories know."""

    directory: StandIn
    tenant: StandIn
    console: StandIn
    authority: Authority
    passwords: dict[Extension, str]
    client: dict[str, str]
    tenant_id: str
    verifier: dict[str, str]
    console_account: dict[str, str]
    vault: FakeVault = field(default_factory=FakeVault)
    contract: Contract = field(default_factory=Contract)

    def driver(self, *, timeout: float = 30.0, checked: bool = True) -> BridgeConsole:
        """Return a new driver; everything it says and hears is held against the contract."""
        self.vault.put(CLIENT, **self.client)
        settings = BridgeSettings(
            url=self.console.url,
            client=CLIENT,
            ca_file=self.authority.ca_file,
            answer_timeout=timeout,
        )
        context = tls_context(self.authority.ca_file, "cayosoft")
        transport: httpx.BaseTransport = httpx.HTTPTransport(verify=context, retries=0)
        return BridgeConsole(
            settings,
            self.vault,
            transport=Checked(transport, self.contract) if checked else transport,
        )

    def entra(self) -> EntraClient:
        """Return the tenant as the verifier sees it; its waits move the tenant's clock."""
        self.vault.put(VERIFIER, client_secret=self.verifier["client_secret"])
        settings = TenantSettings(
            name="contoso",
            tenant_id=self.tenant_id,
            domain=TENANT_DOMAIN,
            authority=self.tenant.endpoints["authority"],
            graph=self.tenant.endpoints["graph"],
            ca_file=self.authority.ca_file,
            verifier=AppIdentity(self.verifier["app_id"], VERIFIER, CredentialKind.SECRET),
            probe_client_id=str(uuid.uuid4()),
        )
        timing = Clock(on_sleep=self.tenant.advance).timing()
        return EntraClient(settings, self.vault, timing=timing)

    def rotate(self, extension: Extension, password: str) -> SecretHandle:
        """Change the account's password where it lives and in Vault; the console is left behind."""
        if extension is AD:
            # Twice: AD accepts the previous password for another hour.
            for value in (f"Aa1!{secrets.token_urlsafe(24)}", password):
                self.directory.do("set_password", username="svc-cayo", password=value)
        else:
            self.tenant.do("set_password", upn=M365_ACCOUNT, password=password)
        self.passwords[extension] = password
        return self.publish(extension)

    def publish(self, extension: Extension, password: str | None = None) -> SecretHandle:
        """Write the account's password, or another one, to Vault."""
        account = AD_ACCOUNT if extension is AD else M365_ACCOUNT
        value = password or self.passwords[extension]
        return self.vault.put(ACCOUNTS[extension], username=account, password=value)

    def signs_in(self, extension: Extension) -> bool:
        """Say whether the credential that the console holds signs in."""
        answer = self.console.do("signs_in", extension=extension.value, row=ROWS[extension])
        return bool(answer["signs_in"])

    def row(self, extension: Extension) -> dict[str, Any]:
        """Return the console's own view of a row."""
        rows = self.console.state()["rows"]
        return next(row for row in rows if row["extension"] == extension.value)

    def reset(self) -> None:
        """Bring console and tenant back to the beginning: everything in step, nothing armed."""
        self.tenant.do("reset")
        for system in (self.directory, self.tenant, self.console):
            system.disarm()
            system.forget()
        self.console.do("set_role", role="Global Administrators")
        self.console.do("expire_drafts")
        self.console.do("forget_keys")
        for extension, name in ROWS.items():
            account = AD_ACCOUNT if extension is AD else M365_ACCOUNT
            password = self.passwords[extension]
            if extension is AD:
                self.directory.do("set_password", username="svc-cayo", password=password)
            else:
                self.tenant.do("set_password", upn=account, password=password)
            self.console.do(
                "set_row", extension=extension.value, row=name, account=account, password=password
            )
            self.console.do("enable_extension", extension=extension.value)
            self.publish(extension)


@contextmanager
def running(
    authority: Authority,
    folder: Path,
    new_password: Callable[[], str],
    *,
    directory: str = "active_directory",
    registered: bool = True,
    **more: Any,
) -> Iterator[Lab]:
    """Start directory, tenant and console; ``registered`` False leaves the app to be registered."""
    passwords = {AD: new_password(), M365: new_password()}
    verifier = {"app_id": str(uuid.uuid4()), "client_secret": new_password()}
    client = {"client_id": "rotation", "client_secret": f"{new_password()} +%:é"}
    console_account = {"account": r"CORP\console-hq", "password": new_password()}
    setup_client = str(uuid.uuid4())
    tenant_id = str(uuid.uuid4())

    def config(name: str, **rest: Any) -> dict[str, Any]:
        certificate, key = authority.issue(f"{name}-{secrets.token_hex(4)}", f"dc1.{DOMAIN}")
        tls = {"cert": str(certificate), "key": str(key)}
        return {"port": 0, "tls": tls, "ca_file": str(authority.ca_file), **rest}

    with (
        StandIn.start(
            f"sandbox.{directory}",
            config("ad", **directory_seed(passwords[AD], new_password), **more),
            folder / "ad.log",
        ) as ad,
        StandIn.start(
            "sandbox.entra",
            config("entra", **tenant_seed(tenant_id, setup_client, passwords[M365], registered, verifier)),
            folder / "entra.log",
        ) as entra,
        StandIn.start(
            "sandbox.cayosoft",
            config(
                "console",
                database=str(folder / "console.sqlite"),
                service="hq",
                product_version="13.3",
                client=client,
                console_accounts=[console_account],
                active_directory={"url": ad.url, "base_dn": BASE_DN, "domain": DOMAIN},
                entra={
                    "authority": f"{entra.url}/{tenant_id}",
                    "graph": f"{entra.url}/v1.0",
                    "tenant_id": tenant_id,
                    "domain": TENANT_DOMAIN,
                    "app_display_name": APP,
                    "setup_client_id": setup_client,
                    "permissions": PERMISSIONS,
                },
                rows=[
                    {"extension": "active_directory", "row": DOMAIN, "account": AD_ACCOUNT,
                     "password": passwords[AD]},
                    {"extension": "microsoft_365", "row": TENANT_DOMAIN, "account": M365_ACCOUNT,
                     "password": passwords[M365]},
                ],
            ),
            folder / "console.log",
        ) as console,
    ):  # fmt: skip
        lab = Lab(
            ad, entra, console, authority, passwords, client, tenant_id, verifier, console_account
        )
        for extension in ROWS:
            lab.publish(extension)
        yield lab


def directory_seed(password: str, new_password: Callable[[], str]) -> dict[str, Any]:
    """Return the directory's seed: the connection account with its documented rights."""
    return {
        "domain": DOMAIN,
        "netbios": "CORP",
        "administrator": {"username": "Administrator", "password": new_password()},
        "organizational_units": ["OU=Service Accounts", "OU=Validation", "OU=Forbidden"],
        "users": [
            {"username": "svc-cayo", "password": password, "container": "OU=Service Accounts"}
        ],
        "delegations": [
            {
                "trustee": "svc-cayo",
                "container": "OU=Validation",
                "rights": [
                    "create users", "reset passwords", "write user attributes", "delete users",
                ],
            }
        ],
        "lockout_threshold": 0,
        "lockout_window": 60,
        "lockout_duration": 60,
        "min_password_length": 7,
    }  # fmt: skip


def tenant_seed(
    tenant_id: str, setup_client: str, password: str, registered: bool, verifier: dict[str, str]
) -> dict[str, Any]:
    """Return the tenant's seed: the connection account, the console's first app, perhaps the second."""
    return {
        "tenant_id": tenant_id,
        "domain": TENANT_DOMAIN,
        "users": [{"upn": M365_ACCOUNT, "password": password, "roles": ["Global Administrator"]}],
        "clients": [
            {
                "app_id": setup_client,
                "display_name": "Cayosoft Administrator",
                "kind": "public",
                "delegated_permissions": [
                    "Application.ReadWrite.All",
                    "Directory.Read.All",
                    "User.Read",
                ],
            },
            verifier
            | {
                "display_name": "verifier",
                "application_permissions": [
                    "User.Read.All",
                    "Application.Read.All",
                    "Directory.Read.All",
                    "RoleManagement.Read.Directory",
                    "Policy.Read.All",
                ],
            },
        ],
        "product": {
            "app_display_name": APP,
            "app_id": str(uuid.uuid4()) if registered else None,
            "permissions": PERMISSIONS,
        },
    }
