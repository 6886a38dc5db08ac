"""Accounts, tenants and services of the sandbox: one data model from which every stand-in is seeded."""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

DOMAIN = "corp.example.test"
BASE_DN = "DC=corp,DC=example,DC=test"
READER, SETTER = "svc-rotation-reader", "svc-rotation-setter"
AD_ROW = DOMAIN  # how every console shows its Active Directory connection
MANAGED_OU = "OU=People"  # what the product manages
PASSWORD_POLICY = "account-rotation"
APP_NAME = "Cayosoft Administrator API Access"
GRAPH_APP_ID = "00000003-0000-0000-c000-000000000000"

PERMISSIONS: tuple[tuple[str, str], ...] = (
    ("delegated", "openid"),
    ("delegated", "User.Read"),
    ("delegated", "User.ReadWrite.All"),
    ("delegated", "Group.ReadWrite.All"),
    ("delegated", "Directory.Read.All"),
    ("application", "Organization.Read.All"),
)
"""What the sandbox's product asks for. The real list is the vendor's and is not readable here."""


_APP_RIGHTS: dict[str, dict[str, list[str]]] = {
    "verifier": {
        "application_permissions": [
            "User.Read.All",
            "Application.Read.All",
            "Directory.Read.All",
            "RoleManagement.Read.Directory",
            "Policy.Read.All",
        ]
    },
    "validator": {"application_permissions": ["User.ReadWrite.All", "User.DeleteRestore.All"]},
    # The permission alone reaches nobody with a directory role, and the connection accounts have one.
    "setter": {
        "application_permissions": ["User-PasswordProfile.ReadWrite.All"],
        "roles": ["Privileged Authentication Administrator"],
    },
    "remediator": {
        "application_permissions": [
            "Application.Read.All",
            "AppRoleAssignment.ReadWrite.All",
            "DelegatedPermissionGrant.ReadWrite.All",
        ]
    },
}


def password() -> str:
    """Make a random password that satisfies every policy in the sandbox."""
    return f"Aa1!{secrets.token_urlsafe(24)}"


@cache
def _key_pair(name: str, tenant: str) -> rsa.RSAPrivateKey:
    """Make the key pair of an identity, once for all sandboxes of this process: it takes longer than the rest."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class AppKey:
    """An app identity with a certificate, as the orchestrator's own identities have one."""

    client_id: str
    private_key: str = field(repr=False)
    certificate: str

    @classmethod
    def make(cls, name: str, tenant: str) -> AppKey:
        """Make a self-signed certificate for an identity of a tenant."""
        key = _key_pair(name, tenant)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=90))
            .sign(key, hashes.SHA256())
        )
        return cls(
            str(uuid.uuid4()),
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode(),
            certificate.public_bytes(serialization.Encoding.PEM).decode(),
        )


@dataclass
class TenantSeed:
    """One Entra tenant. ``withhold`` is never granted by the prompt; ``organization_wide`` already is.

    ``setter`` is there when the orchestrator itself rotates accounts of the tenant.
    """

    name: str
    withhold: tuple[str, ...] = ()
    organization_wide: tuple[str, ...] = ()
    tenant_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    probe_client_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    setup_client_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    verifier: AppKey = field(init=False)
    validator: AppKey = field(init=False)
    remediator: AppKey = field(init=False)
    setter: AppKey | None = None
    users: list[dict[str, Any]] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self.verifier = AppKey.make("verifier", self.name)
        self.validator = AppKey.make("validator", self.name)
        self.remediator = AppKey.make("remediator", self.name)

    @property
    def domain(self) -> str:
        """The tenant's verified domain."""
        return f"{self.name}.example.test"

    def config(self) -> dict[str, Any]:
        """Return the configuration of this tenant's stand-in."""
        return {
            "tenant_id": self.tenant_id,
            "domain": self.domain,
            "users": self.users,
            "clients": self._clients(),
            "product": {
                "app_display_name": APP_NAME,
                "app_id": str(uuid.uuid4()),
                "permissions": [
                    {"resource": "Microsoft Graph", "kind": kind, "value": value}
                    for kind, value in PERMISSIONS
                ],
                "withhold": list(self.withhold),
                "granted_organization_wide": list(self.organization_wide),
            },
        }

    @property
    def identities(self) -> dict[str, AppKey]:
        """The orchestrator's own app identities in this tenant, by their role."""
        always = {
            "verifier": self.verifier,
            "validator": self.validator,
            "remediator": self.remediator,
        }
        return always if self.setter is None else {**always, "setter": self.setter}

    def _clients(self) -> list[dict[str, Any]]:
        own = [
            {
                "app_id": key.client_id,
                "display_name": f"Rotation {role}",
                "kind": "confidential",
                "certificate_pem": key.certificate,
                **_APP_RIGHTS[role],
            }
            for role, key in self.identities.items()
        ]
        probe = {
            "app_id": self.probe_client_id,
            "display_name": "Rotation password probe",
            "kind": "public",
            "delegated_permissions": ["User.Read"],
        }
        setup = {
            "app_id": self.setup_client_id,
            "display_name": "Cayosoft Administrator",
            "kind": "public",
            "delegated_permissions": [
                "Application.ReadWrite.All",
                "Directory.Read.All",
                "User.Read",
            ],
        }
        return [*own, probe, setup]


@dataclass
class ServiceSeed:
    """One Cayosoft Administrator Service with accounts of its own.

    ``suffixes`` has one ending per account: two accounts take turns. Console and Vault hold the first one,
    to which ``ad_password`` and ``entra_password`` belong; the passwords of the other one are kept apart.
    """

    name: str
    tenant: TenantSeed
    rotated_by: str = "vault"
    suffixes: tuple[str, ...] = ("",)
    ad_password: str = field(default_factory=password, repr=False)
    entra_password: str = field(default_factory=password, repr=False)
    idle_ad_password: str = field(default_factory=password, repr=False)
    idle_entra_password: str = field(default_factory=password, repr=False)
    client_id: str = field(default_factory=lambda: f"bridge-{secrets.token_hex(4)}")
    client_secret: str = field(default_factory=password, repr=False)
    console_password: str = field(default_factory=password, repr=False)

    @property
    def console_account(self) -> str:
        """The account with which a person opens this service's console."""
        return f"CORP\\console-{self.name}"

    @property
    def mode(self) -> str:
        """How its accounts are used: ``in_place`` or ``alternate``."""
        return "alternate" if len(self.suffixes) > 1 else "in_place"

    @property
    def ad_usernames(self) -> tuple[str, ...]:
        """The sAMAccountNames of the Active Directory connection accounts."""
        return tuple(f"svc-cayo-{self.name}{suffix}" for suffix in self.suffixes)

    @property
    def ad_upns(self) -> tuple[str, ...]:
        """UPNs of the Active Directory connection accounts."""
        return tuple(f"{username}@{DOMAIN}" for username in self.ad_usernames)

    @property
    def entra_upns(self) -> tuple[str, ...]:
        """UPNs of the Entra connection accounts."""
        return tuple(f"{username}@{self.tenant.domain}" for username in self.ad_usernames)

    @property
    def ad_username(self) -> str:
        """The sAMAccountName of the first Active Directory connection account."""
        return self.ad_usernames[0]

    @property
    def ad_upn(self) -> str:
        """UPN of the first Active Directory connection account."""
        return self.ad_upns[0]

    @property
    def entra_upn(self) -> str:
        """UPN of the first Entra connection account."""
        return self.entra_upns[0]

    @property
    def ad_passwords(self) -> tuple[str, ...]:
        """The first passwords of the Active Directory connection accounts, in their order."""
        return (self.ad_password, self.idle_ad_password)[: len(self.suffixes)]

    @property
    def entra_passwords(self) -> tuple[str, ...]:
        """The first passwords of the Entra connection accounts, in their order."""
        return (self.entra_password, self.idle_entra_password)[: len(self.suffixes)]

    @property
    def validation_ou(self) -> str:
        """Where the test users of this service live."""
        return f"OU=Validation {self.name},{BASE_DN}"


_TENANTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "north": ((), ()),
    "south": (("Group.ReadWrite.All",), ("Directory.Read.All",)),
}
"""Of each tenant of the sandbox: what it withholds, and what was granted to the whole organization."""

_SERVICES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "hq": ("north", "vault", ("",)),
    "branch": ("south", "vault", ("",)),
    "plant": ("north", "orchestrator", ("",)),
    "depot": ("north", "orchestrator", ("-a", "-b")),
}
"""Of each service of the sandbox: its tenant, who rotates its accounts, and their endings."""


def make_services(names: Sequence[str]) -> list[ServiceSeed]:
    """Make services with their accounts, and the tenants that they need and no others."""
    if unknown := sorted(set(names) - set(_SERVICES)):
        raise ValueError(f"no service {', '.join(unknown)}; there are {', '.join(_SERVICES)}")
    tenants = {
        name: TenantSeed(name, *_TENANTS[name])
        for name in dict.fromkeys(_SERVICES[service][0] for service in names)
    }
    services = []
    for name in names:
        home, rotated_by, suffixes = _SERVICES[name]
        tenant = tenants[home]
        if rotated_by == "orchestrator" and tenant.setter is None:
            tenant.setter = AppKey.make("setter", home)
        seed = ServiceSeed(name, tenant, rotated_by, suffixes)
        tenant.users += [
            {"upn": upn, "password": first, "roles": ["Global Administrator"]}
            for upn, first in zip(seed.entra_upns, seed.entra_passwords, strict=True)
        ]
        services.append(seed)
    return services


def tenants_of(services: Sequence[ServiceSeed]) -> list[TenantSeed]:
    """Return the tenants of services, each once."""
    return list({seed.tenant.name: seed.tenant for seed in services}.values())


def orchestrator_rotates(services: Sequence[ServiceSeed]) -> bool:
    """Say whether the orchestrator itself rotates accounts of one of these services."""
    return any(seed.rotated_by == "orchestrator" for seed in services)


def manifest() -> dict[str, Any]:
    """Return the sandbox's consent manifest, in the product's data format."""
    return {
        "name": "sandbox",
        "app_display_name": APP_NAME,
        "permissions": [
            {
                "resource_app_id": GRAPH_APP_ID,
                "resource": "Microsoft Graph",
                "kind": kind,
                "value": value,
            }
            for kind, value in PERMISSIONS
        ],
    }
