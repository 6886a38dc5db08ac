"""Where one tenant is, who looks at it, and how often a password may be tried there."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from connectors.errors import InvalidInput
from connectors.models import SecretHandle

SYSTEM = "entra"
MOST_PROBES = 3


@dataclass(frozen=True, slots=True)
class Cloud:
    """The addresses of one Microsoft cloud, and how many probes its smart lockout leaves us."""

    authority: str
    graph: str
    probe_limit: int


PUBLIC = Cloud("https://login.microsoftonline.com", "https://graph.microsoft.com/v1.0", MOST_PROBES)
# US Government locks after three wrong passwords, so one probe is all that is safe.
US_GOVERNMENT = Cloud("https://login.microsoftonline.us", "https://graph.microsoft.us/v1.0", 1)
CHINA = Cloud(
    "https://login.partner.microsoftonline.cn",
    "https://microsoftgraph.chinacloudapi.cn/v1.0",
    MOST_PROBES,
)
CLOUDS = {"public": PUBLIC, "us_government": US_GOVERNMENT, "china": CHINA}


class CredentialKind(StrEnum):
    """How an application proves who it is. A certificate leaves nothing reusable on the wire."""

    CERTIFICATE = "certificate"
    SECRET = "secret"


@dataclass(frozen=True, slots=True)
class AppIdentity:
    """One application that signs in by itself.

    ``credential`` names a Vault document: fields ``private_key`` and ``certificate`` (PEM) for a
    certificate, field ``client_secret`` for a secret.
    """

    client_id: str
    credential: SecretHandle
    kind: CredentialKind


@dataclass(frozen=True, slots=True)
class TenantSettings:
    """Everything about one tenant that does not change during a run. Does no I/O.

    ``verifier`` only reads. ``validator`` creates and removes test users, ``setter`` sets passwords of
    connection accounts, ``remediator`` repairs consents; without one nothing here can do its work.
    ``accounts`` are the UPNs of all connection accounts in the tenant. ``required_roles`` are role names or
    role template ids. ``pass_through`` says that wrong passwords count in Active Directory too. Raises
    InvalidInput naming the field.
    """

    name: str
    tenant_id: str
    domain: str
    verifier: AppIdentity
    probe_client_id: str
    validator: AppIdentity | None = None
    setter: AppIdentity | None = None
    remediator: AppIdentity | None = None
    authority: str = PUBLIC.authority
    graph: str = PUBLIC.graph
    ca_file: Path | None = None
    probe_limit: int = MOST_PROBES
    pass_through: bool = False
    required_roles: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    federated_allowed: bool = False

    def __post_init__(self) -> None:
        _require_guid("tenant_id", self.tenant_id)
        _require_guid("verifier.client_id", self.verifier.client_id)
        _require_guid("probe_client_id", self.probe_client_id)
        for name in ("validator", "setter", "remediator"):
            identity: AppIdentity | None = getattr(self, name)
            if identity is not None:
                _require_guid(f"{name}.client_id", identity.client_id)
        # Discovery documents name the authority with the tenant behind it; both forms are taken.
        bare = self.authority.rstrip("/").removesuffix(f"/{self.tenant_id}")
        object.__setattr__(self, "authority", bare)
        object.__setattr__(self, "graph", self.graph.rstrip("/"))
        _require_https("authority", self.authority)
        _require_https("graph", self.graph)
        if urlsplit(self.authority).path:
            raise _invalid("authority", "Give scheme and host only; the tenant is tenant_id.")
        if not 1 <= self.probe_limit <= MOST_PROBES:
            raise _invalid("probe_limit", f"Give a number from 1 to {MOST_PROBES}.")

    @property
    def authority_url(self) -> str:
        """The authority with the tenant, as MSAL wants it."""
        return f"{self.authority}/{self.tenant_id}"

    @property
    def known_host(self) -> bool:
        """Say whether the authority is a Microsoft host that needs no instance discovery."""
        return self.authority in {cloud.authority for cloud in CLOUDS.values()}

    @property
    def graph_resource(self) -> str:
        """The audience of Graph tokens: the cloud's own Graph, the public one for any other host."""
        parts = urlsplit(self.graph)
        host = f"{parts.scheme}://{parts.netloc}"
        known = {cloud.graph.removesuffix("/v1.0") for cloud in CLOUDS.values()}
        return host if host in known else PUBLIC.graph.removesuffix("/v1.0")

    @property
    def probes_allowed(self) -> int:
        """How many unproven password sign-ins one account may cost per client instance."""
        if self.pass_through or self.authority == US_GOVERNMENT.authority:
            return 1
        return self.probe_limit


def _require_guid(field: str, value: str) -> None:
    try:
        uuid.UUID(value)
    except ValueError:
        problem = _invalid(field, "Give the GUID that the Entra admin centre shows, not a name.")
    else:
        return
    raise problem


def _require_https(field: str, value: str) -> None:
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.query:
        raise _invalid(field, "Give an https:// address; passwords and tokens travel there.")


def _invalid(field: str, advice: str) -> InvalidInput:
    return InvalidInput(SYSTEM, "read tenant settings", field=field, advice=f"{field}: {advice}")
