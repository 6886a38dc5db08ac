"""The shapes of Graph's answers. One that does not fit is refused whole, never half understood."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

import httpx
from pydantic import (
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from connectors.entra.granted import AppUser, AssignedRole, DelegatedGrant
from connectors.entra.models import BinnedApp, EntraAccount, EntraApp, EntraUser


def _guid(value: object) -> object:
    """Return a GUID in one spelling: they are compared as text."""
    return str(UUID(value)) if isinstance(value, str) else value


Guid = Annotated[str, BeforeValidator(_guid)]


class Shape(BaseModel):
    """Base of all shapes: frozen, wrong types refused, what we did not ask for ignored."""

    model_config = ConfigDict(frozen=True, strict=False, extra="ignore")


class Page(Shape):
    """One page of a list."""

    value: list[dict[str, object]]
    next_link: str | None = Field(default=None, alias="@odata.nextLink")


class Account(Shape):
    """A user as READ_ACCOUNT selects it."""

    id: Guid
    upn: str = Field(alias="userPrincipalName")
    enabled: bool = Field(alias="accountEnabled")
    synced: bool | None = Field(default=None, alias="onPremisesSyncEnabled")
    changed: datetime | None = Field(default=None, alias="lastPasswordChangeDateTime")

    def noun(self) -> EntraAccount:
        """Return it in our words."""
        return EntraAccount(self.id, self.upn, self.enabled, not self.synced, self.changed)


class User(Shape):
    """A user as FIND_USER selects it."""

    id: Guid
    upn: str = Field(alias="userPrincipalName")
    display_name: str = Field(alias="displayName")
    department: str | None = None
    created: datetime | None = Field(default=None, alias="createdDateTime")
    deleted: datetime | None = Field(default=None, alias="deletedDateTime")

    def noun(self) -> EntraUser:
        """Return it in our words."""
        return EntraUser(
            self.id, self.upn, self.display_name, self.department, self.created, self.deleted
        )


class RoleDefinition(Shape):
    """A directory role; the template id is the same in every tenant."""

    id: str
    template_id: str | None = Field(default=None, alias="templateId")
    name: str = Field(alias="displayName")


class RoleAssignment(Shape):
    """One role of one principal, active or eligible."""

    definition: RoleDefinition = Field(alias="roleDefinition")
    scope: str = Field(default="/", alias="directoryScopeId")


class Membership(Shape):
    """One thing that the account is a member of. Reduced when the reader may not see more."""

    kind: str = Field(validation_alias=AliasChoices("@odata.type"))
    id: str | None = None
    assignable: bool | None = Field(default=None, alias="isAssignableToRole")
    name: str | None = Field(default=None, alias="displayName")
    role_template_id: str | None = Field(default=None, alias="roleTemplateId")


class Principal(Shape):
    """A service principal as FIND_APPS selects it. ``id`` and ``app_id`` are never the same."""

    id: Guid
    app_id: Guid = Field(alias="appId")
    name: str = Field(alias="displayName")
    enabled: bool = Field(alias="accountEnabled")
    only_assigned: bool | None = Field(default=None, alias="appRoleAssignmentRequired")

    def noun(self) -> EntraApp:
        """Return it in our words."""
        return EntraApp(self.app_id, self.id, self.name, self.enabled)


class Binned(Shape):
    """A deleted app as BINNED_APPS selects it."""

    id: Guid
    app_id: Guid = Field(alias="appId")
    name: str = Field(alias="displayName")
    deleted: datetime | None = Field(default=None, alias="deletedDateTime")

    def noun(self) -> BinnedApp:
        """Return it in our words."""
        return BinnedApp(self.app_id, self.id, self.deleted)


class AppRole(Shape):
    """One application permission that a resource offers."""

    id: Guid
    value: str | None = None
    enabled: bool = Field(alias="isEnabled")
    members: tuple[str, ...] = Field(alias="allowedMemberTypes")


class Scope(Shape):
    """One delegated permission that a resource offers."""

    id: Guid
    value: str | None = None
    enabled: bool = Field(alias="isEnabled")


class Resource(Shape):
    """A service principal that offers permissions."""

    id: Guid
    app_id: Guid = Field(alias="appId")
    name: str = Field(alias="displayName")
    roles: tuple[AppRole, ...] = Field(alias="appRoles")
    scopes: tuple[Scope, ...] = Field(alias="oauth2PermissionScopes")


class RoleGrant(Shape):
    """One application permission that the app holds."""

    id: str
    role_id: Guid = Field(alias="appRoleId")
    resource_id: Guid = Field(alias="resourceId")

    def noun(self) -> AssignedRole:
        """Return it in our words."""
        return AssignedRole(self.id, self.resource_id, self.role_id)


class Assigned(Shape):
    """A user, group or application that is assigned to the app."""

    id: Guid = Field(alias="principalId")
    name: str | None = Field(default=None, alias="principalDisplayName")
    kind: str = Field(alias="principalType")

    def noun(self) -> AppUser:
        """Return it in our words."""
        return AppUser(self.id, self.name or self.id, self.kind)


class UserGrant(Shape):
    """Delegated permissions that the app holds on one resource, for one user or for everybody."""

    id: str
    consent: Literal["Principal", "AllPrincipals"] = Field(alias="consentType")
    principal_id: Guid | None = Field(default=None, alias="principalId")
    resource_id: Guid = Field(alias="resourceId")
    scope: str | None = None

    @model_validator(mode="after")
    def _for_whom(self) -> Self:
        # One that says neither whom it is for nor that it is for all is not half understood.
        if (self.consent == "Principal") != bool(self.principal_id):
            raise ValueError("consentType and principalId")
        return self

    def noun(self) -> DelegatedGrant:
        """Return it in our words."""
        scopes = tuple(sorted((self.scope or "").split()))
        return DelegatedGrant(self.id, self.resource_id, self.principal_id or "", scopes)


class Access(Shape):
    """One id of a registration's list: ``Role`` or ``Scope``."""

    id: Guid
    kind: Literal["Role", "Scope"] = Field(alias="type")


class ResourceAccess(Shape):
    """What a registration asks for on one resource."""

    app_id: Guid = Field(alias="resourceAppId")
    access: tuple[Access, ...] = Field(alias="resourceAccess")


class Registration(Shape):
    """The application object; only the home tenant of an app has it."""

    required: tuple[ResourceAccess, ...] = Field(alias="requiredResourceAccess")


def error_code(response: httpx.Response) -> tuple[str | None, str | None]:
    """Return Graph's error code and request id; the spelling of the keys varies, so case is ignored."""
    try:
        body = _lowered(json.loads(response.content))
    except (ValueError, RecursionError):
        body = {}
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return None, response.headers.get("request-id")
    inner = error.get("innererror")
    inner_id = inner.get("request-id") if isinstance(inner, dict) else None
    code = error.get("code")
    return (
        code if isinstance(code, str) and len(code) <= 80 else None,
        response.headers.get("request-id") or (inner_id if isinstance(inner_id, str) else None),
    )


def _lowered(value: object) -> object:
    if isinstance(value, dict):
        return {str(key).lower(): _lowered(item) for key, item in value.items()}
    return value
