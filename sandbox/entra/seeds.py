"""What is in the tenant to begin with."""

from __future__ import annotations

from typing import Any

from cryptography import x509

from sandbox.entra.catalogue import EXCHANGE, GRAPH, ROLE_TEMPLATES, resource_app_id
from sandbox.entra.errors import stamp
from sandbox.entra.granting import (
    accept,
    add_resource,
    grant_application,
    grant_delegated,
    new_service_principal,
    permission_id,
    required_access,
)
from sandbox.entra.passwords import hashed
from sandbox.entra.records import Record
from sandbox.entra.tenant import ClientCredential, Tenant, new_id

Spec = dict[str, Any]
# Microsoft's names of roles are also written short in places.
_SHORT = {"Admin": "Administrator"}


def plant(tenant: Tenant, config: Spec) -> None:
    """Fill an empty tenant from the configuration that the process was started with."""
    for resource in (GRAPH, EXCHANGE):
        add_resource(tenant, resource)
    product = config.get("product") or {}
    tenant.product = product
    tenant.withheld = set(product.get("withhold", ()))
    tenant.federated_domains = {name.casefold() for name in config.get("federated_domains", ())}
    tenant.page_size = config.get("page_size", tenant.page_size)
    tenant.token_lifetime = config.get("token_lifetime", tenant.token_lifetime)
    tenant.premium = config.get("premium", True)
    lockout = config.get("lockout") or {}
    tenant.passwords.threshold = lockout.get("threshold", 10)
    tenant.passwords.seconds = lockout.get("seconds", 60)
    tenant.passwords.pass_through = lockout.get("pass_through", False)
    for user in config.get("users", ()):
        add_user(tenant, user)
    for client in config.get("clients", ()):
        add_client(tenant, client)
    for permission in product.get("permissions", ()):
        permission_id(tenant, permission["resource"], permission["kind"], permission["value"])
    if product.get("app_id"):
        _add_product(tenant, product)


def add_user(tenant: Tenant, spec: Spec) -> Record:
    """Add a user; roles may be held directly, through a group, or be eligible only."""
    upn = spec["upn"]
    now = stamp(tenant.control.now())
    user = new_user(upn, spec.get("display_name") or upn.split("@", maxsplit=1)[0], now)
    user |= {
        "accountEnabled": spec.get("enabled", True),
        "onPremisesSyncEnabled": None if spec.get("cloud_only", True) else True,
        "_password": hashed(spec["password"]) if spec.get("password") else None,
        "_must_change": spec.get("must_change", False),
        "_mfa": spec.get("mfa", False),
    }
    tenant.users.put(user["id"], user)
    for role in spec.get("roles", ()):
        assign_role(tenant, user["id"], role)
    for role in spec.get("eligible_roles", ()):
        assign_role(tenant, user["id"], role, eligible=True)
    _assign_through_group(tenant, user["id"], upn, spec)
    return user


def _assign_through_group(tenant: Tenant, principal: str, name: str, spec: Spec) -> None:
    through_group = spec.get("roles_through_group", ())
    eligible = spec.get("eligible_roles_through_group", ())
    if through_group or eligible:
        group_id = new_id()
        group = {"id": group_id, "displayName": f"Role holders {name}", "isAssignableToRole": True}
        tenant.groups.put(group_id, {**group, "_members": [principal]})
        for role in through_group:
            assign_role(tenant, group_id, role)
        for role in eligible:
            assign_role(tenant, group_id, role, eligible=True)


def new_user(upn: str, display_name: str, now: str) -> Record:
    """Return a user record, not yet stored."""
    return {
        "id": new_id(),
        "userPrincipalName": upn,
        "displayName": display_name,
        "mailNickname": upn.split("@", maxsplit=1)[0],
        "accountEnabled": True,
        "userType": "Member",
        "createdDateTime": now,
        "lastPasswordChangeDateTime": now,
        "onPremisesSyncEnabled": None,
        "businessPhones": [],
        "_password": None,
        "_password_version": 1,
        "_must_change": False,
        "_mfa": False,
    }


def assign_role(
    tenant: Tenant, principal: str, role: str | Spec, *, eligible: bool = False
) -> None:
    """Give a principal a directory role, by name or as {"name", "scope"}."""
    wanted: Spec = {"name": role} if isinstance(role, str) else role
    name = wanted["name"]
    if name not in ROLE_TEMPLATES:
        name = " ".join(_SHORT.get(word, word) for word in name.split())
    record = {
        "id": new_id(),
        "principalId": principal,
        "roleDefinitionId": ROLE_TEMPLATES[name],
        "directoryScopeId": wanted.get("scope", "/"),
    }
    records = tenant.role_eligibilities if eligible else tenant.role_assignments
    records.put(record["id"], record)


def new_application(display_name: str, app_id: str, now: str) -> Record:
    """Return an application record, not yet stored."""
    return {
        "id": new_id(),
        "appId": app_id,
        "displayName": display_name,
        "createdDateTime": now,
        "signInAudience": "AzureADMyOrg",
        "isFallbackPublicClient": False,
        "requiredResourceAccess": [],
        "passwordCredentials": [],
        "keyCredentials": [],
    }


def add_application(tenant: Tenant, display_name: str, app_id: str, **fields: Any) -> Record:
    """Add an application with its service principal; return the service principal."""
    application = new_application(display_name, app_id, stamp(tenant.control.now()))
    tenant.applications.put(application["id"], {**application, **fields})
    principal = new_service_principal(app_id, display_name)
    tenant.service_principals.put(principal["id"], principal)
    return principal


def add_client(tenant: Tenant, spec: Spec) -> Record:
    """Add a client with its credential and its permissions, the delegated ones for everybody."""
    credential = ClientCredential()
    if spec.get("client_secret"):
        credential.secret = hashed(spec["client_secret"])
    if spec.get("certificate_pem"):
        pem = spec["certificate_pem"].encode()
        credential.certificates = list(x509.load_pem_x509_certificates(pem))
    tenant.credentials[spec["app_id"]] = credential
    principal = add_application(
        tenant,
        spec.get("display_name") or spec["app_id"],
        spec["app_id"],
        isFallbackPublicClient=spec.get("kind", "confidential") == "public",
    )
    resource = spec.get("resource", "Microsoft Graph")
    application = spec.get("application_permissions", [])
    delegated = spec.get("delegated_permissions", [])
    for kind, values in (("application", application), ("delegated", delegated)):
        for value in values:
            permission_id(tenant, resource, kind, value)
    graph = tenant.resource(GRAPH)
    grant_application(tenant, principal, graph, application)
    if delegated:
        grant_delegated(tenant, principal, graph, None, delegated)
    for role in spec.get("roles", ()):
        assign_role(tenant, principal["id"], role)
    _assign_through_group(tenant, principal["id"], principal["displayName"], spec)
    return principal


def _add_product(tenant: Tenant, product: Spec) -> None:
    permissions = product.get("permissions", [])
    principal = add_application(
        tenant,
        product["app_display_name"],
        product["app_id"],
        isFallbackPublicClient=True,
        requiredResourceAccess=required_access(tenant, permissions),
    )
    for value in product.get("granted_organization_wide", ()):
        resources = [p["resource"] for p in permissions if p["value"] == value]
        resource = tenant.resource(resource_app_id((resources or ["graph"])[0]))
        grant_delegated(tenant, principal, resource, None, [value])
    for upn in product.get("granted_for", ()):
        user = tenant.user(upn)
        if user is None:
            raise KeyError(upn)
        accept(tenant, principal, user, user["id"], permissions)
