"""Writing grants: what the consent prompt, the seeds and the state commands have in common."""

from __future__ import annotations

import secrets
from typing import Any

from sandbox.entra.catalogue import (
    DEFAULT_ACCESS,
    DISPLAY_NAMES,
    made_up_id,
    offered,
    resource_app_id,
)
from sandbox.entra.errors import stamp
from sandbox.entra.records import Record
from sandbox.entra.tenant import Tenant, first, new_id

_LISTS = {"application": "appRoles", "delegated": "oauth2PermissionScopes"}
_ACCESS_TYPES = {"application": "Role", "delegated": "Scope"}


def add_resource(tenant: Tenant, app_id: str, display_name: str | None = None) -> Record:
    """Add the service principal of a resource, with the permissions that it offers."""
    principal = new_service_principal(app_id, display_name or DISPLAY_NAMES.get(app_id, app_id))
    for permission in offered(app_id):
        _offer(principal, permission.kind, permission.value, permission.id)
    tenant.service_principals.put(principal["id"], principal)
    return principal


def new_service_principal(app_id: str, display_name: str) -> Record:
    """Return the service principal of an application, not yet stored."""
    return {
        "id": new_id(),
        "appId": app_id,
        "displayName": display_name,
        "appDisplayName": display_name,
        "accountEnabled": True,
        "servicePrincipalType": "Application",
        "appRoleAssignmentRequired": False,
        "appRoles": [],
        "oauth2PermissionScopes": [],
    }


def _offer(principal: Record, kind: str, value: str, permission_id: str) -> None:
    entry: dict[str, Any] = {"id": permission_id, "value": value, "isEnabled": True}
    if kind == "application":
        entry |= {"allowedMemberTypes": ["Application"], "displayName": value}
    else:
        entry |= {"type": "Admin", "adminConsentDisplayName": value}
    principal[_LISTS[kind]].append(entry)


def permission_id(tenant: Tenant, resource: str, kind: str, value: str) -> str:
    """Return the id of a permission; a resource offers from now on what it did not know before."""
    app_id = resource_app_id(resource)
    principal = first(tenant.service_principals.all(), appId=app_id) or add_resource(
        tenant, app_id, resource
    )
    for entry in principal[_LISTS[kind]]:
        if entry["value"] == value:
            return str(entry["id"])
    made_up = made_up_id(app_id, kind, value)
    _offer(principal, kind, value, made_up)
    tenant.service_principals.put(principal["id"], principal)
    return made_up


def required_access(tenant: Tenant, permissions: list[dict[str, str]]) -> list[Record]:
    """Turn permissions given by name into an application's requiredResourceAccess."""
    found: dict[str, list[dict[str, str]]] = {}
    for wanted in permissions:
        permission = permission_id(tenant, wanted["resource"], wanted["kind"], wanted["value"])
        entry = {"id": permission, "type": _ACCESS_TYPES[wanted["kind"]]}
        found.setdefault(resource_app_id(wanted["resource"]), []).append(entry)
    return [{"resourceAppId": app_id, "resourceAccess": it} for app_id, it in found.items()]


def named_access(tenant: Tenant, application: Record) -> list[dict[str, str]]:
    """Turn an application's requiredResourceAccess into names; what is not offered is left out."""
    found = []
    for resource in application["requiredResourceAccess"]:
        app_id = resource["resourceAppId"]
        principal = first(tenant.service_principals.all(), appId=app_id)
        for access in resource["resourceAccess"] if principal else ():
            kind = "application" if access["type"] == "Role" else "delegated"
            entries = principal[_LISTS[kind]] if principal else []
            found += [
                {
                    "resource_app_id": app_id,
                    "resource": DISPLAY_NAMES.get(app_id, app_id),
                    "kind": kind,
                    "value": entry["value"],
                }
                for entry in entries
                if entry["id"] == access["id"]
            ]
    return found


def grant_delegated(
    tenant: Tenant, client: Record, resource: Record, user_id: str | None, values: list[str]
) -> None:
    """Add scopes to the grant of a client, for one user or (None) for the whole organization."""
    keys = {"clientId": client["id"], "resourceId": resource["id"], "principalId": user_id}
    existing = first(tenant.grants.all(), **keys)
    if existing is None:
        grant = new_grant(keys, " ".join(values))
        tenant.grants.put(grant["id"], grant)
        return
    scopes = list(dict.fromkeys([*existing["scope"].split(), *values]))
    tenant.grants.change(existing["id"], scope=" ".join(scopes))


def new_grant(keys: dict[str, str | None], scope: str) -> Record:
    """Return a new permission grant; ``keys`` are clientId, resourceId and principalId."""
    kind = "Principal" if keys["principalId"] else "AllPrincipals"
    return {"id": secrets.token_urlsafe(24), "consentType": kind, **keys, "scope": scope}


def revoke_delegated(
    tenant: Tenant, client: Record, resource: Record, user_id: str | None, values: list[str]
) -> None:
    """Take scopes away again; a grant without scopes goes as well."""
    for grant in list(tenant.grants.all()):
        if (grant["clientId"], grant["resourceId"]) != (client["id"], resource["id"]):
            continue
        if grant["principalId"] == user_id:
            left = [scope for scope in grant["scope"].split() if scope not in values]
            if left:
                tenant.grants.change(grant["id"], scope=" ".join(left))
            else:
                tenant.grants.remove(grant["id"])


def assign_app_role(
    tenant: Tenant, principal: Record, resource: Record, role_id: str, kind: str
) -> Record | None:
    """Assign an app role of a resource to a principal; None when it was assigned already."""
    keys = {"principalId": principal["id"], "resourceId": resource["id"], "appRoleId": role_id}
    if first(tenant.assignments.all(), **keys):
        return None
    assignment: Record = {
        "id": secrets.token_urlsafe(24),
        "createdDateTime": stamp(tenant.control.now()),
        "principalType": kind,
        "principalDisplayName": principal["displayName"],
        "resourceDisplayName": resource["displayName"],
        **keys,
    }
    tenant.assignments.put(assignment["id"], assignment)
    return assignment


def grant_application(tenant: Tenant, client: Record, resource: Record, values: list[str]) -> None:
    """Give a client application permissions of a resource."""
    for role in resource["appRoles"]:
        if role["value"] in values:
            assign_app_role(tenant, client, resource, role["id"], "ServicePrincipal")


def revoke_application(tenant: Tenant, client: Record, resource: Record, values: list[str]) -> None:
    """Take application permissions away again."""
    ids = {role["id"] for role in resource["appRoles"] if role["value"] in values}
    for assignment in list(tenant.assignments.all()):
        if assignment["principalId"] == client["id"] and assignment["appRoleId"] in ids:
            tenant.assignments.remove(assignment["id"])


def default_access(tenant: Tenant, user: Record, client: Record) -> None:
    """Assign a user to an application, as the first consent of that user does."""
    assign_app_role(tenant, user, client, DEFAULT_ACCESS, "User")


def accept(
    tenant: Tenant,
    client: Record,
    user: Record,
    for_whom: str | None,
    permissions: list[dict[str, str]],
) -> list[dict[str, str]]:
    """Grant what the tenant does not withhold; application permissions by a Global Administrator only.

    ``for_whom`` is a user's id, or None for the whole organization. Returns what was granted.
    """
    default_access(tenant, user, client)
    may_all = "Global Administrator" in tenant.roles(user["id"])
    granted = []
    for permission in permissions:
        value = permission["value"]
        resource = tenant.resource(resource_app_id(permission["resource"]))
        if value in tenant.withheld or (permission["kind"] == "application" and not may_all):
            continue
        granted.append(permission)
        if permission["kind"] == "delegated":
            grant_delegated(tenant, client, resource, for_whom, [value])
        else:
            grant_application(tenant, client, resource, [value])
    return granted
