"""Sign-in policies that are really enforced: security defaults, and plain Conditional Access policies."""

from __future__ import annotations

from typing import Any

from sandbox.entra.catalogue import ROLE_TEMPLATES
from sandbox.entra.errors import SignInRefused
from sandbox.entra.records import Record
from sandbox.entra.tenant import Tenant, new_id

DEFAULTS_ID = "00000000-0000-0000-0000-000000000005"
_CODES = {"block": 53003, "compliantDevice": 53000, "domainJoinedDevice": 53000, "mfa": 50076}


def conditional_access(tenant: Tenant, spec: dict[str, Any]) -> Record:
    """Return a policy as Graph shows it; users and roles are named, ids of groups are given as they are."""

    def ids(field: str) -> list[str]:
        words = ("All", "None", "GuestsOrExternalUsers")
        return [it if it in words else _user_id(tenant, it) for it in spec.get(field, ())]

    def roles(field: str) -> list[str]:
        return [ROLE_TEMPLATES[name] for name in spec.get(field, ())]

    conditions: dict[str, Any] = {
        "clientAppTypes": spec.get("client_app_types", ["all"]),
        "users": {
            "includeUsers": ids("include_users"),
            "excludeUsers": ids("exclude_users"),
            "includeGroups": spec.get("include_groups", []),
            "excludeGroups": spec.get("exclude_groups", []),
            "includeRoles": roles("include_roles"),
            "excludeRoles": roles("exclude_roles"),
        },
        "applications": {
            "includeApplications": spec.get("applications", ["All"]),
            "excludeApplications": spec.get("exclude_applications", []),
        },
        "userRiskLevels": [],
        "signInRiskLevels": [],
        "platforms": None,
        "locations": None,
        "devices": None,
    }
    return {
        "id": new_id(),
        "displayName": spec["display_name"],
        "state": spec.get("state", "enabled"),
        "conditions": conditions | spec.get("conditions", {}),
        "grantControls": {"operator": "OR", "builtInControls": spec.get("controls", ["mfa"])},
        "sessionControls": None,
    }


def _user_id(tenant: Tenant, upn: str) -> str:
    user = tenant.user(upn)
    if user is None:
        raise KeyError(upn)
    return str(user["id"])


def enforce(tenant: Tenant, user: Record, *, person: bool) -> None:
    """Refuse a sign-in with the right password that a policy does not let through.

    ``person``: somebody sits at a browser and can give a second factor. Policies with conditions beyond
    users, roles, groups and all applications are shown, not enforced.
    """
    roles = tenant.roles(user["id"])
    if tenant.security_defaults and roles and not person:
        raise SignInRefused(50076)
    demanded = [
        control
        for policy in tenant.conditional_access
        if policy["state"] == "enabled" and _reaches(tenant, policy, user, roles)
        for control in policy["grantControls"]["builtInControls"]
    ]
    for control, code in _CODES.items():
        if control in demanded and not (control == "mfa" and person):
            raise SignInRefused(code)


def _reaches(tenant: Tenant, policy: Record, user: Record, roles: set[str]) -> bool:
    conditions = policy["conditions"]
    users = conditions["users"]
    mine = {
        "Users": {"All", user["id"]},
        "Groups": {group["id"] for group in tenant.groups_of(user["id"])},
        "Roles": {ROLE_TEMPLATES[name] for name in roles},
    }
    included = any(not mine[kind].isdisjoint(users[f"include{kind}"]) for kind in mine)
    excluded = any(not mine[kind].isdisjoint(users[f"exclude{kind}"]) for kind in mine)
    everything = conditions["applications"]["includeApplications"] == ["All"]
    plain = everything and not any(
        conditions.get(name)
        for name in ("userRiskLevels", "signInRiskLevels", "platforms", "locations", "devices")
    )
    client = not {"all", "mobileAppsAndDesktopClients"}.isdisjoint(conditions["clientAppTypes"])
    return included and not excluded and plain and client
