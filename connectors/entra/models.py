"""The nouns of Entra ID and Microsoft Graph that the procedure needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from connectors.entra.granted import AppUsers, AssignedRole, DelegatedGrant, Place
from connectors.models import Finding


class ProbeVerdict(StrEnum):
    """What one password sign-in proved (facts: the AADSTS map). Only VALID is proof."""

    VALID = "valid"
    VALID_MFA_REQUIRED = "accepted, multi-factor authentication demanded"
    VALID_BLOCKED_BY_POLICY = "accepted, blocked by a policy"
    VALID_NEEDS_CONSENT = "accepted, the probe app lacks consent"
    VALID_EXPIRED = "accepted, password expired"
    INVALID = "rejected"
    LOCKED = "locked"
    DISABLED = "disabled"
    USER_NOT_FOUND = "user not found"
    CLIENT_CONFIG = "the probe app is misconfigured"
    TENANT_CONFIG = "the tenant is misconfigured"
    TRANSIENT = "no answer worth believing"
    UNKNOWN = "unknown answer"

    @property
    def password_accepted(self) -> bool | None:
        """True: accepted or very likely so. False: rejected. None: says nothing about the password."""
        if self.name.startswith("VALID"):
            return True
        return False if self is ProbeVerdict.INVALID else None


@dataclass(frozen=True, slots=True)
class PasswordProbe:
    """The answer to one password sign-in attempt; each one may cost part of the lockout budget."""

    account: str
    verdict: ProbeVerdict
    codes: tuple[int, ...]  # AADSTS numbers, empty on success
    correlation_id: str | None
    at: datetime
    retry_after: float | None = None  # seconds that a TRANSIENT answer asked for


@dataclass(frozen=True, slots=True)
class EntraAccount:
    """A user as Graph shows it to the verifier."""

    id: str
    upn: str
    enabled: bool
    cloud_only: bool
    password_last_changed: datetime | None


@dataclass(frozen=True, slots=True)
class RoleHolding:
    """One directory role of the account. Eligible (PIM) is not active."""

    template_id: str
    name: str
    how: str  # "direct", "through a group", "eligible only"
    scope: str = "/"
    group: str | None = None  # the group that has it, where that is known


@dataclass(frozen=True, slots=True)
class RoleFacts:
    """The roles and groups of an account, and what could not be read about them, for the report."""

    holdings: tuple[RoleHolding, ...]
    unread: tuple[str, ...]
    groups: tuple[str, ...] = ()  # ids of all its groups, through other groups too


@dataclass(frozen=True, slots=True)
class SignInPolicy:
    """One Conditional Access policy that reaches password sign-ins of an account."""

    id: str
    name: str
    demands: str  # "blocks the sign-in", "demands multi-factor authentication"
    only_when: tuple[str, ...]  # conditions that cannot be decided from here


@dataclass(frozen=True, slots=True)
class SignInPolicies:
    """What could stop a password sign-in of an account, and what could not be read of it."""

    security_defaults: bool | None  # None: not read
    reaching: tuple[SignInPolicy, ...]
    report_only: tuple[str, ...]  # names of policies that would reach it if they were enforced
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SetterCheck:
    """Whether the setter identity may set one account's password: what it lacks, what could not be read."""

    findings: tuple[Finding, ...]
    unread: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EntraApp:
    """An enterprise application (service principal) of the tenant. Three different ids: do not mix."""

    app_id: str
    service_principal_id: str
    display_name: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class BinnedApp:
    """A deleted app that can still be restored; ``id`` is its object id in the recycle bin."""

    app_id: str
    id: str
    deleted_at: datetime | None


@dataclass(frozen=True, slots=True)
class AppPresence:
    """What the tenant has under one app name, and what could not be read of it."""

    apps: tuple[EntraApp, ...]
    binned: tuple[BinnedApp, ...]  # only looked for where there is no app
    missing_resources: tuple[str, ...]  # resource app ids without a service principal here
    unread: tuple[str, ...]


class PermissionKind(StrEnum):
    """Application permissions are always tenant-wide; delegated ones act as a signed-in user."""

    APPLICATION = "application"
    DELEGATED = "delegated"


@dataclass(frozen=True, slots=True, order=True)
class Permission:
    """One permission of one resource, by its names as a portal shows them."""

    resource_app_id: str
    resource: str  # "Microsoft Graph"
    kind: PermissionKind
    value: str  # "User.ReadWrite.All"


@dataclass(frozen=True, slots=True)
class ConsentManifest:
    """The pinned list of what the product needs from its app, per product version.

    ``complete`` False: only a part of it is known, so holding all of it proves nothing.
    """

    name: str
    app_display_name: str
    permissions: frozenset[Permission]
    complete: bool = True
    former_names: tuple[str, ...] = ()  # what older versions of the product called the app


class GrantedHow(StrEnum):
    """For whom a permission was granted."""

    APPLICATION = "to the application"
    CONNECTION_ACCOUNT = "for the connection account"
    ANOTHER_USER = "for another user"
    ORGANIZATION = "for the whole organization"


@dataclass(frozen=True, slots=True)
class Grant:
    """One permission that the tenant has granted to the app, and for whom."""

    permission: Permission
    how: GrantedHow


@dataclass(frozen=True, slots=True)
class ConsentFacts:
    """Everything read from the tenant about one app's consent. ``complete`` False: some read failed."""

    app: EntraApp | None
    grants: tuple[Grant, ...]
    missing_resources: tuple[str, ...]  # resource app ids without a service principal here
    stale: tuple[Permission, ...]  # required, but the resource no longer offers them
    complete: bool
    unread: tuple[str, ...]  # what could not be read, for the report
    # What the app's own registration asks for; None where it is not in this tenant or unread.
    declared: frozenset[Permission] | None = None
    delegated: tuple[DelegatedGrant, ...] = ()
    roles: tuple[AssignedRole, ...] = ()
    offered: tuple[tuple[Permission, Place], ...] = ()  # the required ones, where they are offered
    users: AppUsers | None = None  # read only where something is granted for everybody
    former_apps: tuple[EntraApp, ...] = ()  # apps of the product's former names beside this one


class ConsentVerdict(StrEnum):
    """Our own computation of the consent status (DESIGN section 9)."""

    FULLY_GRANTED = "Fully granted"
    PARTIAL = "Partially granted"
    NOT_GRANTED = "Not granted"
    APP_MISSING = "App missing"
    GRANTED_ORG_WIDE = "Granted for the whole organization"
    OVER_GRANTED = "More granted than needed"
    INDETERMINATE = "Could not be determined"


@dataclass(frozen=True, slots=True)
class ConsentLine:
    """One row of the consent table in the report."""

    permission: Permission
    required: bool
    granted: tuple[GrantedHow, ...]  # empty: not granted


@dataclass(frozen=True, slots=True)
class ConsentReview:
    """The verdict with its reasons: one line per permission, one finding per thing wrong."""

    verdict: ConsentVerdict
    app: EntraApp | None
    lines: tuple[ConsentLine, ...]
    findings: tuple[Finding, ...]

    @property
    def ready(self) -> bool:
        """Say whether the product may work: complete, and nothing granted org-wide."""
        return self.verdict in (ConsentVerdict.FULLY_GRANTED, ConsentVerdict.OVER_GRANTED)


@dataclass(frozen=True, slots=True)
class EntraUser:
    """A test user as Graph shows it."""

    id: str
    upn: str
    display_name: str
    department: str | None
    created: datetime | None = None
    deleted: datetime | None = None  # since when it is in the recycle bin
