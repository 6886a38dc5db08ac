"""The shapes of the tenant's sign-in policies, as far as a password sign-in depends on them."""

from __future__ import annotations

from pydantic import Field

from connectors.entra.shapes import Shape


class SecurityDefaults(Shape):
    """Whether security defaults are on."""

    enabled: bool = Field(alias="isEnabled")


class Users(Shape):
    """For whom a policy is: ids, or ``All``, ``None`` and ``GuestsOrExternalUsers``; roles by template id."""

    include: tuple[str, ...] = Field(default=(), alias="includeUsers")
    exclude: tuple[str, ...] = Field(default=(), alias="excludeUsers")
    include_groups: tuple[str, ...] = Field(default=(), alias="includeGroups")
    exclude_groups: tuple[str, ...] = Field(default=(), alias="excludeGroups")
    include_roles: tuple[str, ...] = Field(default=(), alias="includeRoles")
    exclude_roles: tuple[str, ...] = Field(default=(), alias="excludeRoles")


class Applications(Shape):
    """What is to be opened: app ids, or ``All``, ``None``, ``Office365`` and the like."""

    include: tuple[str, ...] = Field(default=(), alias="includeApplications")
    exclude: tuple[str, ...] = Field(default=(), alias="excludeApplications")


class Locations(Shape):
    """From where: ids of named locations, or ``All`` and ``AllTrusted``."""

    include: tuple[str, ...] = Field(default=(), alias="includeLocations")
    exclude: tuple[str, ...] = Field(default=(), alias="excludeLocations")


class Platforms(Shape):
    """On which systems."""

    include: tuple[str, ...] = Field(default=(), alias="includePlatforms")
    exclude: tuple[str, ...] = Field(default=(), alias="excludePlatforms")


class Conditions(Shape):
    """When a policy applies. What is absent does not narrow it."""

    users: Users
    applications: Applications
    client_app_types: tuple[str, ...] = Field(default=("all",), alias="clientAppTypes")
    locations: Locations | None = None
    platforms: Platforms | None = None
    devices: dict[str, object] | None = None
    user_risk: tuple[str, ...] | None = Field(default=None, alias="userRiskLevels")
    sign_in_risk: tuple[str, ...] | None = Field(default=None, alias="signInRiskLevels")
    flows: dict[str, object] | None = Field(default=None, alias="authenticationFlows")


class Controls(Shape):
    """What a policy demands before it lets somebody in."""

    operator: str | None = None
    built_in: tuple[str, ...] = Field(default=(), alias="builtInControls")
    custom: tuple[str, ...] = Field(default=(), alias="customAuthenticationFactors")
    terms: tuple[str, ...] = Field(default=(), alias="termsOfUse")
    strength: dict[str, object] | None = Field(default=None, alias="authenticationStrength")


class Policy(Shape):
    """One Conditional Access policy."""

    id: str
    name: str = Field(alias="displayName")
    state: str
    conditions: Conditions
    controls: Controls | None = Field(default=None, alias="grantControls")
