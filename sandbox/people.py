"""Accounts, tenants and services of the sandbox: one data model from which every stand-in is seeded."""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

DOMAIN = "corp.example.test"
BASE_DN = "DC=corp,DC=example,DC=test"
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


def password() -> str:
    """Make a random password that satisfies every policy in the sandbox."""
    return f"Aa1!{secrets.token_urlsafe(24)}"


@dataclass
class AppKey:
    """An app identity with a certificate, as the orchestrator's own identities have one."""

    client_id: str
    private_key: str = field(repr=False)
    certificate: str

    @classmethod
    def make(cls, name: str) -> AppKey:
        """Make a key pair and a self-signed certificate."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=2))
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
    """One Entra tenant. ``withhold`` is never granted by the prompt; ``organization_wide`` already is."""

    name: str
    withhold: tuple[str, ...] = ()
    organization_wide: tuple[str, ...] = ()
    tenant_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    probe_client_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    setup_client_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    verifier: AppKey = field(default_factory=lambda: AppKey.make("verifier"))
    validator: AppKey = field(default_factory=lambda: AppKey.make("validator"))
    users: list[dict[str, Any]] = field(default_factory=list, repr=False)

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
            "clients": [
                {
                    "app_id": self.verifier.client_id,
                    "display_name": "Rotation verifier",
                    "kind": "confidential",
                    "certificate_pem": self.verifier.certificate,
                    "application_permissions": [
                        "User.Read.All",
                        "Application.Read.All",
                        "Directory.Read.All",
                        "RoleManagement.Read.Directory",
                    ],
                },
                {
                    "app_id": self.validator.client_id,
                    "display_name": "Rotation validator",
                    "kind": "confidential",
                    "certificate_pem": self.validator.certificate,
                    "application_permissions": ["User.ReadWrite.All", "User.DeleteRestore.All"],
                },
                {
                    "app_id": self.probe_client_id,
                    "display_name": "Rotation password probe",
                    "kind": "public",
                    "delegated_permissions": ["User.Read"],
                },
                {
                    "app_id": self.setup_client_id,
                    "display_name": "Cayosoft Administrator",
                    "kind": "public",
                    "delegated_permissions": [
                        "Application.ReadWrite.All",
                        "Directory.Read.All",
                        "User.Read",
                    ],
                },
            ],
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


@dataclass
class ServiceSeed:
    """One Cayosoft Administrator Service with its own two accounts."""

    name: str
    tenant: TenantSeed
    ad_password: str = field(default_factory=password, repr=False)
    entra_password: str = field(default_factory=password, repr=False)
    client_id: str = field(default_factory=lambda: f"bridge-{secrets.token_hex(4)}")
    client_secret: str = field(default_factory=password, repr=False)

    @property
    def ad_username(self) -> str:
        """The sAMAccountName of the Active Directory connection account."""
        return f"svc-cayo-{self.name}"

    @property
    def ad_upn(self) -> str:
        """UPN of the Active Directory connection account."""
        return f"{self.ad_username}@{DOMAIN}"

    @property
    def entra_upn(self) -> str:
        """UPN of the Entra connection account."""
        return f"svc-cayo-{self.name}@{self.tenant.domain}"

    @property
    def validation_ou(self) -> str:
        """Where the test users of this service live."""
        return f"OU=Validation {self.name},{BASE_DN}"


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
