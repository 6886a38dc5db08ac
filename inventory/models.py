"""The inventory as frozen models. Files are read by ``inventory.loader``, which reports every mistake."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from connectors.models import Engine, Extension, SecretHandle

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$")]
"""Lower-case letters, digits and dashes: it becomes part of artifact keys and run names."""

Text = Annotated[str, Field(min_length=1, max_length=512)]


def _one_or_several(value: object) -> object:
    return [value] if isinstance(value, str) else value


_NAMED = {"type": "string", "minLength": 1, "maxLength": 512}
Roles = Annotated[
    tuple[Text, ...],
    Field(min_length=1),
    BeforeValidator(_one_or_several),
    WithJsonSchema({"anyOf": [_NAMED, {"type": "array", "items": _NAMED, "minItems": 1}]}),
]
"""A directory role, or several of which one is enough."""


class Model(BaseModel):
    """Base of every model here: frozen, and unknown fields are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class SecretPlace(Model):
    """Where a secret lives in Vault's KV v2 engine. Never the secret itself."""

    path: Text = Field(description="Path below the mount, without 'data/'.")
    mount: Text = Field(default="kv", description="Mount of the KV v2 engine.")

    @property
    def handle(self) -> SecretHandle:
        """Return the handle of the latest version."""
        return SecretHandle(self.mount, self.path)


class ConnectionSecret(SecretPlace):
    """Where the credential of a connection lives: a KV v2 secret, or a static role that Vault rotates."""

    path: Text = Field(description="Path below the mount; with engine ldap the static role's name.")
    engine: Engine = Field(
        default=Engine.KV, description="kv, or ldap for a static role of the LDAP secrets engine."
    )

    @property
    def handle(self) -> SecretHandle:
        """Return the handle of the latest version."""
        return SecretHandle(self.mount, self.path, engine=self.engine)


class Directory(Model):
    """One Active Directory domain."""

    name: Name
    domain: Text = Field(description="DNS name of the domain.")
    base_dn: Text = Field(description="Distinguished name of the domain, DC=corp,DC=example.")
    controllers: tuple[Text, ...] = Field(
        min_length=1, description="LDAPS addresses of domain controllers, tried in this order."
    )
    ca_file: Path | None = Field(
        default=None, description="CA certificate as PEM; without it the machine's trust store."
    )
    reader: SecretPlace = Field(
        description="A plain domain user that looks at account states before a sign-in is spent."
    )
    setter: SecretPlace | None = Field(
        default=None,
        description="A user that may reset the passwords of the connection accounts, and nothing else.",
    )
    replication_wait_seconds: int = Field(
        default=60,
        ge=0,
        le=3600,
        description="How long a new password may take to reach the other domain controllers.",
    )
    require_every_controller: bool = Field(
        default=False,
        description="Stop a rotation when a new password has not reached every domain controller.",
    )
    sign_ins_kept_in_reserve: int = Field(
        default=2,
        ge=1,
        le=100,
        description="Wrong sign-ins that are never used up of what the lockout policy allows.",
    )


class AppIdentity(Model):
    """An app registration that the orchestrator itself signs in with."""

    client_id: UUID
    credential: SecretPlace
    kind: Literal["certificate", "secret"] = "certificate"


class Cloud(StrEnum):
    """The Microsoft cloud that a tenant is in."""

    PUBLIC = "public"
    US_GOVERNMENT = "us_government"
    CHINA = "china"


class Tenant(Model):
    """One Entra ID tenant."""

    name: Name
    tenant_id: UUID
    domain: Text = Field(description="A verified domain of the tenant.")
    cloud: Cloud = Cloud.PUBLIC
    authority: Text | None = Field(
        default=None, description="Sign-in address when it is none of Microsoft's clouds (sandbox)."
    )
    graph: Text | None = Field(
        default=None, description="Graph address when it is none of Microsoft's clouds (sandbox)."
    )
    ca_file: Path | None = None
    verifier: AppIdentity = Field(description="Read-only identity: account, roles, consent.")
    validator: AppIdentity | None = Field(
        default=None, description="Identity that removes test users which the product left behind."
    )
    setter: AppIdentity | None = Field(
        default=None, description="Identity that sets the passwords of the connection accounts."
    )
    remediator: AppIdentity | None = Field(
        default=None, description="Identity that grants what the product's app lacks."
    )
    probe_client_id: UUID = Field(description="Public client for one password sign-in at a time.")
    pass_through_authentication: bool = Field(
        default=False, description="Wrong sign-ins reach the on-premises directory: one per run."
    )


class Driver(StrEnum):
    """How console steps are carried out."""

    BRIDGE = "bridge"
    OPERATOR = "operator"


class Console(Model):
    """The Cayosoft Administrator console of one service."""

    driver: Driver
    url: Text | None = Field(default=None, description="Address of the bridge (driver bridge).")
    ca_file: Path | None = None
    client: SecretPlace | None = Field(
        default=None, description="Bridge client: a secret with client_id and client_secret."
    )
    answer_hours: float = Field(
        default=24.0,
        gt=0,
        le=24 * 30,
        description="How long a run waits for the person who enters a credential (driver operator).",
    )

    @model_validator(mode="after")
    def _bridge_is_reachable(self) -> Self:
        missing = [name for name in ("url", "client") if getattr(self, name) is None]
        if self.driver is Driver.BRIDGE and missing:
            raise ValueError(f"driver bridge needs {' and '.join(missing)}")
        return self


class RotatedBy(StrEnum):
    """Who changes the password in the directory. Never two parties."""

    VAULT = "vault"
    ORCHESTRATOR = "orchestrator"


class Mode(StrEnum):
    """One account whose password changes in place, or two that take turns."""

    IN_PLACE = "in_place"
    ALTERNATE = "alternate"


class Validation(StrEnum):
    """Who carries out the operations that prove a new credential."""

    PRODUCT = "product"
    ACCOUNT = "account"
    BOTH = "both"


class ConsentPolicy(StrEnum):
    """Whether missing consent is granted after a person said yes, or at once."""

    ASK = "ask"
    AUTO = "auto"


class Consent(Model):
    """What the product's Entra app must be granted, and who may grant it."""

    manifest: Text = Field(description="A built-in manifest's name, or the path of a JSON file.")
    policy: ConsentPolicy = ConsentPolicy.ASK
    approval_hours: float = Field(
        default=24.0, gt=0, le=24 * 30, description="How long a run waits for a person's answer."
    )


class Account(Model):
    """An account that a connection signs in with."""

    username: Text = Field(description="UPN, or DOMAIN\\name for Active Directory.")


class ConnectionBase(Model):
    """What both extensions' connections have."""

    name: Name
    row: Text = Field(description="The row of the extension as the console shows it.")
    accounts: tuple[Account, ...] = Field(min_length=1, max_length=2)
    mode: Mode = Mode.IN_PLACE
    secret: ConnectionSecret
    rotated_by: RotatedBy
    password_policy: Text | None = Field(
        default=None,
        description="Vault password policy by which the orchestrator makes passwords.",
    )
    grace_period_hours: float = Field(
        default=24.0,
        ge=0.0,
        le=8760.0,
        description="How long the account that is no longer used keeps its password (mode alternate).",
    )


class ActiveDirectoryConnection(ConnectionBase):
    """The connection of the Active Directory extension."""

    extension: Literal[Extension.ACTIVE_DIRECTORY]
    directory: Name
    validation_ou: Text = Field(description="Where test users are created and deleted.")
    validation: Validation = Field(
        default=Validation.PRODUCT,
        description="Who does so: the product with what it holds, the account itself over LDAPS, or both. "
        "Without the product, nothing proves that the product works; driver operator knows only the account.",
    )
    managed_ous: tuple[Text, ...] = Field(
        default=(),
        max_length=20,
        description="Parts of the domain that the product manages, where its documented rights are looked "
        "at; the whole domain unless told.",
    )


class Microsoft365Connection(ConnectionBase):
    """The connection of the Microsoft 365 extension."""

    extension: Literal[Extension.MICROSOFT_365]
    tenant: Name
    validation_domain: Text = Field(description="Domain of the test users' names.")
    required_roles: tuple[Roles, ...] = Field(
        default=(("Global Administrator",),),
        description="Directory roles the account must hold; of a list in it, any one. Global Administrator "
        "stands for each. The vendor's articles disagree.",
    )
    consent: Consent


Connection = Annotated[
    ActiveDirectoryConnection | Microsoft365Connection, Field(discriminator="extension")
]


class Service(Model):
    """One Cayosoft Administrator Service with accounts of its own."""

    name: Name
    console: Console
    connections: tuple[Connection, ...] = Field(min_length=1)

    @property
    def in_person(self) -> bool:
        """Whether only a person reaches the console."""
        return self.console.driver is Driver.OPERATOR


class FailurePolicy(Model):
    """What becomes of a connection whose rotation fails again and again."""

    most_cycles: int = Field(
        default=5, ge=1, le=100, description="Failed runs in a row before a person is needed."
    )
    first_wait_minutes: float = Field(
        default=5.0, ge=0.0, le=1440.0, description="Wait after the first failed run; it doubles."
    )
    longest_wait_minutes: float = Field(
        default=360.0, ge=0.0, le=10080.0, description="Longest wait between two scheduled runs."
    )


class Guardian(Model):
    """Accounts that Cayosoft Guardian uses; the vendor forbids sharing them."""

    accounts: tuple[Account, ...] = ()


class ApproveIn(StrEnum):
    """Where the answer of a person counts."""

    PREFECT = "prefect"
    VAULT = "vault"


class Inventory(Model):
    """Everything the orchestrator looks after."""

    version: Literal[1]
    directories: tuple[Directory, ...] = ()
    tenants: tuple[Tenant, ...] = ()
    services: tuple[Service, ...] = Field(min_length=1)
    guardian: Guardian = Guardian()
    failure_policy: FailurePolicy = FailurePolicy()
    ledgers: SecretPlace = Field(
        default=SecretPlace(path="rotation"),
        description="Below this path the orchestrator keeps one ledger per connection.",
    )

    approve_in: ApproveIn = Field(
        default=ApproveIn.PREFECT,
        description="Where a person's answer counts: in Prefect, which does not know who answers, or in Vault, "
        "where each approver may write below a folder of the own name only.",
    )
    approvals: SecretPlace = Field(
        default=SecretPlace(path="approvals"),
        description="The folder of these folders (approve_in: vault).",
    )

    @property
    def approval_place(self) -> SecretHandle | None:
        """Where approvals are looked for; None where an answer in Prefect counts."""
        return self.approvals.handle if self.approve_in is ApproveIn.VAULT else None

    def service(self, name: str) -> Service:
        """Return a service by name; raises KeyError."""
        return {service.name: service for service in self.services}[name]

    def directory(self, name: str) -> Directory:
        """Return a directory by name; raises KeyError."""
        return {directory.name: directory for directory in self.directories}[name]

    def connection(self, name: str) -> tuple[Service, Connection]:
        """Return a connection by name, with its service; raises KeyError."""
        return {item.name: (s, item) for s in self.services for item in s.connections}[name]

    def tenant(self, name: str) -> Tenant:
        """Return a tenant by name; raises KeyError."""
        return {tenant.name: tenant for tenant in self.tenants}[name]

    def accounts_in(self, tenant: str) -> tuple[str, ...]:
        """Return the usernames of every Microsoft 365 connection in a tenant."""
        return tuple(
            account.username
            for service in self.services
            for item in service.connections
            if isinstance(item, Microsoft365Connection) and item.tenant == tenant
            for account in item.accounts
        )
