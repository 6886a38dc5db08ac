"""What the systems of a sandbox begin with: the configurations of directory and consoles, Vault's content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox import delegation, people
from sandbox.people import BASE_DN, DOMAIN, READER, SETTER, ServiceSeed
from sandbox.vault_admin import READING_POLICY, ROTATING_POLICY, VaultAdmin

ACCOUNTS = "OU=Service Accounts"
# Who may reset what is in the OU above must not be in it, or it could take over the reader, and itself.
IDENTITIES = "OU=Rotation"


@dataclass(frozen=True)
class DirectoryIdentities:
    """The domain's administrator, and the orchestrator's own identities; a setter only where one is needed."""

    administrator: dict[str, str] = field(repr=False)
    reader_password: str = field(repr=False)
    setter_password: str | None = field(repr=False)

    @classmethod
    def make(cls, services: Sequence[ServiceSeed]) -> DirectoryIdentities:
        """Make passwords for those that a sandbox with these services has."""
        return cls(
            {"username": "Administrator", "password": people.password()},
            people.password(),
            people.password() if people.orchestrator_rotates(services) else None,
        )

    @property
    def passwords(self) -> dict[str, str]:
        """The passwords of the orchestrator's own identities, by sAMAccountName."""
        setter = {SETTER: self.setter_password} if self.setter_password else {}
        return {READER: self.reader_password, **setter}


def directory_config(
    services: Sequence[ServiceSeed], identities: DirectoryIdentities, rights: Sequence[str]
) -> dict[str, Any]:
    """Return the configuration of the directory, for the stand-in and for Samba alike."""
    accounts = [
        {
            "username": username,
            "password": password,
            "container": ACCOUNTS,
            # As accounts have it that somebody made in a console; Vault's LDAP engine looks for it.
            "upn": f"{username}@{DOMAIN}",
        }
        for seed in services
        for username, password in zip(seed.ad_usernames, seed.ad_passwords, strict=True)
    ]
    own = [
        {"username": username, "password": password, "container": IDENTITIES}
        for username, password in identities.passwords.items()
    ]
    units = {seed.name: seed.validation_ou.removesuffix(f",{BASE_DN}") for seed in services}
    delegations = [
        {"trustee": username, "container": units[seed.name], "rights": list(rights)}
        for seed in services
        for username in seed.ad_usernames
    ]
    documented = [
        {"trustee": username, "container": people.MANAGED_OU, "sddl": delegation.VENDOR}
        for seed in services
        for username in seed.ad_usernames
    ]
    if identities.setter_password:
        resetting = {"trustee": SETTER, "container": ACCOUNTS, "rights": ["reset passwords"]}
        delegations.append(resetting)
    return {
        "domain": DOMAIN,
        "netbios": "CORP",
        "administrator": identities.administrator,
        "organizational_units": [ACCOUNTS, IDENTITIES, people.MANAGED_OU, *units.values()],
        "users": [*accounts, *own],
        "delegations": delegations,
        "access_entries": documented,
        "lockout_threshold": 5,
        "lockout_window": 1800,
        "lockout_duration": 1800,
        "min_password_length": 12,
    }


def console_config(folder: Path, seed: ServiceSeed, ad_url: str, entra_url: str) -> dict[str, Any]:
    """Return the configuration of a service's console, which holds the first account of each extension."""
    return {
        "database": str(folder / f"console-{seed.name}.sqlite"),
        "service": seed.name,
        "product_version": "13.3",
        "client": {"client_id": seed.client_id, "client_secret": seed.client_secret},
        "console_accounts": [{"account": seed.console_account, "password": seed.console_password}],
        "active_directory": {"url": ad_url, "base_dn": BASE_DN, "domain": DOMAIN},
        "entra": {
            "authority": f"{entra_url}/{seed.tenant.tenant_id}",
            "graph": f"{entra_url}/v1.0",
            "tenant_id": seed.tenant.tenant_id,
            "domain": seed.tenant.domain,
            "app_display_name": people.APP_NAME,
            "setup_client_id": seed.tenant.setup_client_id,
        },
        "rows": [
            {
                "extension": "active_directory",
                "row": people.AD_ROW,
                "account": seed.ad_upn,
                "password": seed.ad_password,
            },
            {
                "extension": "microsoft_365",
                "row": seed.tenant.domain,
                "account": seed.entra_upn,
                "password": seed.entra_password,
            },
        ],
    }


def fill_vault(
    admin: VaultAdmin, services: Sequence[ServiceSeed], identities: DirectoryIdentities
) -> None:
    """Write the orchestrator's own credentials, and the password policy where it makes passwords."""
    for username, password in identities.passwords.items():
        place = f"orchestrator/ad-{username.rpartition('-')[2]}"
        admin.write(place, {"username": f"{username}@{DOMAIN}", "password": password})
    for seed in services:
        client = {"client_id": seed.client_id, "client_secret": seed.client_secret}
        admin.write(f"orchestrator/bridge/{seed.name}", client)
    for tenant in people.tenants_of(services):
        for role, key in tenant.identities.items():
            document = {"private_key": key.private_key, "certificate": key.certificate}
            admin.write(f"orchestrator/{tenant.name}/{role}", document)
    if people.orchestrator_rotates(services):
        admin.write_password_policy(people.PASSWORD_POLICY)


def admit_orchestrator(admin: VaultAdmin, services: Sequence[ServiceSeed]) -> tuple[str, str]:
    """Let the orchestrator into Vault, with the least that these services need; return its login."""
    policy = ROTATING_POLICY if people.orchestrator_rotates(services) else READING_POLICY
    return admin.admit("orchestrator", policy)


def secrets_of(services: Sequence[ServiceSeed], identities: DirectoryIdentities) -> set[str]:
    """Return every secret that was made for a sandbox with these services."""
    found = {identities.administrator["password"], *identities.passwords.values()}
    for seed in services:
        found |= {
            seed.client_secret,
            seed.console_password,
            *seed.ad_passwords,
            *seed.entra_passwords,
        }
        # The body of the key, so that a scan finds it however its lines are broken.
        found |= {key.private_key.splitlines()[1] for key in seed.tenant.identities.values()}
    return found
