"""What a person does about each thing wrong with the consent: the exact Graph call or portal path.

No text in here sends anybody to the portal's tenant-wide consent button or its address: both grant for the
whole organization, which the vendor's article forbids.
"""

from __future__ import annotations

from collections.abc import Iterable

from connectors.entra.models import EntraAccount, EntraApp, Permission, PermissionKind
from connectors.models import Finding

_PROMPT = (
    "Console > Configuration > Connected System Extensions > Microsoft 365 > the row > accept the "
    "permission request as {upn}, with 'Consent on behalf of your organization' left unticked"
)


ORGANIZATION_WIDE = "consent.granted-organization-wide"


def unread(what: str) -> Finding:
    """Something could not be read, so nothing is proven."""
    return Finding(
        code="consent.unread",
        subject=what,
        detail=f"{what[0].upper()}{what[1:]}. Nothing counts as granted on a partial reading.",
        advice="Give the verifier application the Microsoft Graph application permissions "
        "Application.Read.All and Directory.Read.All (POST /servicePrincipals(appId="
        "'00000003-0000-0000-c000-000000000000')/appRoleAssignedTo); if it has both, start again in "
        "a few minutes.",
    )


def app_missing(display_name: str) -> Finding:
    """The app is not in the tenant."""
    return Finding(
        code="consent.app-missing",
        subject=display_name,
        detail=f"The tenant has no enterprise application {display_name}.",
        advice="Start the update again: the console finds or registers the app in step E5.",
    )


def app_disabled(app: EntraApp) -> Finding:
    """The app may not sign anybody in."""
    return Finding(
        code="consent.app-disabled",
        subject=app.display_name,
        detail=f"The enterprise application {app.display_name} is disabled for sign-in.",
        advice=f"Entra admin centre > Enterprise applications > {app.display_name} > Properties > "
        "Enabled for users to sign in: Yes. Or PATCH /servicePrincipals/"
        f'{app.service_principal_id} {{"accountEnabled": true}}.',
    )


def resource_missing(resource_app_id: str, permissions: Iterable[Permission]) -> Finding:
    """A resource of the manifest has no service principal in the tenant."""
    names = sorted(p.value for p in permissions if p.resource_app_id == resource_app_id)
    return Finding(
        code="consent.resource-missing",
        subject=resource_app_id,
        detail=f"The tenant does not know the resource {resource_app_id}, which offers "
        f"{', '.join(names)}.",
        advice=f'POST /servicePrincipals {{"appId": "{resource_app_id}"}} as a Cloud Application '
        "Administrator (licences for the service may have to be assigned first), then review again.",
    )


def stale(permission: Permission, manifest: str) -> Finding:
    """The manifest asks for something that no longer exists."""
    return Finding(
        code="consent.permission-stale",
        subject=permission.value,
        detail=f"{permission.resource} does not offer the {permission.kind} permission "
        f"{permission.value} (any more), so it cannot be granted.",
        advice=f"Correct the manifest {manifest}: compare it with the permission request that the "
        "installed product version shows.",
    )


def missing(permission: Permission, app: EntraApp, account: EntraAccount) -> Finding:
    """A required permission is not granted in the way that counts."""
    resource = f"servicePrincipals(appId='{permission.resource_app_id}')"
    if permission.kind is PermissionKind.APPLICATION:
        missing_how = "to the application"
        advice = (
            f"As a Privileged Role Administrator: POST /{resource}/appRoleAssignedTo "
            f'{{"principalId": "{app.service_principal_id}", "resourceId": <id of {resource}>, '
            f'"appRoleId": <id of {permission.value} in its appRoles>}}. Then review again.'
        )
    else:
        missing_how = f"for {account.upn}"
        advice = (
            f"{_PROMPT.format(upn=account.upn)}. Or by Graph, for this account only: "
            f"GET /servicePrincipals/{app.service_principal_id}/oauth2PermissionGrants; where it has "
            f'a grant with "principalId": "{account.id}" on the resource, PATCH '
            f"/oauth2PermissionGrants/<its id> with its whole scope and {permission.value} added; "
            f'else POST /oauth2PermissionGrants {{"clientId": "{app.service_principal_id}", '
            f'"consentType": "Principal", "principalId": "{account.id}", '
            f'"resourceId": <id of {resource}>, "scope": "{permission.value}"}}.'
        )
    return Finding(
        code="consent.permission-missing",
        subject=permission.value,
        detail=f"The {permission.kind} permission {permission.value} of {permission.resource} is not "
        f"granted {missing_how}.",
        advice=advice,
    )


def organization_wide(
    permissions: Iterable[Permission], app: EntraApp, account: EntraAccount
) -> Finding:
    """Something is granted for every user of the tenant."""
    names = ", ".join(item.value for item in permissions)
    return Finding(
        code=ORGANIZATION_WIDE,
        subject=names,
        detail=f"{app.display_name} holds {names} for the whole organization.",
        advice=f"In this order: 1. save GET /servicePrincipals/{app.service_principal_id}"
        f'/oauth2PermissionGrants. 2. Make sure that a grant with "consentType": "Principal" and '
        f'"principalId": "{account.id}" holds the same permissions, and read it twice. 3. Only then '
        'DELETE /oauth2PermissionGrants/<id> for each one with "consentType": "AllPrincipals"; the '
        "other way round cuts the product off. Other users of the app lose access.",
    )


def kept_for_everybody(grant_id: str, resource: str, scopes: Iterable[str], why: str) -> Finding:
    """A grant for everybody cannot be withdrawn without taking something from the product."""
    names = ", ".join(scopes)
    return Finding(
        code="consent.kept-organization-wide",
        subject=names,
        detail=f"The grant {grant_id} for the whole organization on {resource} stays: only through it "
        f"the product holds {names}; {why}.",
        advice="Add what the product needs to its manifest (docs/consent.md) and make another plan. If it "
        f"needs none of it: GET /oauth2PermissionGrants/{grant_id}, save the answer, then DELETE "
        f"/oauth2PermissionGrants/{grant_id} as a Cloud Application Administrator.",
    )


def shared_by_another(grant_id: str, resource: str, scopes: Iterable[str], upn: str) -> Finding:
    """Another connection's account lives on a grant for everybody."""
    names = ", ".join(scopes)
    return Finding(
        code="consent.shared-organization-wide",
        subject=upn,
        detail=f"The grant {grant_id} for the whole organization on {resource} stays: {upn}, the account "
        f"of another connection in this tenant, holds {names} only through it.",
        advice=f"Repair the consent of {upn}'s connection first, which grants {names} to that account "
        "alone. Then review this one again.",
    )


def manifest_incomplete(manifest: str) -> Finding:
    """The manifest lists a part only, so holding all of it proves nothing."""
    return Finding(
        code="consent.manifest-incomplete",
        subject=manifest,
        detail=f"The manifest {manifest} lists only what the vendor documents by name, so whether the "
        "consent is complete cannot be told from it.",
        advice="Capture the list from a tenant that is known to be good: account-rotation consent capture "
        "--help. Then name that file as consent.manifest in the inventory.",
    )


def former_name(name: str, current: str) -> Finding:
    """The app, or another one beside it, has the name that older versions of the product gave."""
    return Finding(
        code="consent.app-former-name",
        subject=name,
        detail=f"The tenant has an app {name}, which is what older versions of the product called "
        f"{current}.",
        advice="Console > Configuration > Connected System Extensions > Microsoft 365 > the row > Find or "
        f"register the app; accept the permission request for this account only. Once {current} is in "
        f"use, an administrator removes {name} from Enterprise applications.",
    )


def over_granted(permission: Permission, app: EntraApp) -> Finding:
    """More is granted than the product needs."""
    if permission.kind is PermissionKind.APPLICATION:
        call = (
            f"GET /servicePrincipals/{app.service_principal_id}/appRoleAssignments, then DELETE "
            f"/servicePrincipals/{app.service_principal_id}/appRoleAssignments/<its id>"
        )
    else:
        call = (
            f"GET /servicePrincipals/{app.service_principal_id}/oauth2PermissionGrants, then PATCH "
            "/oauth2PermissionGrants/<its id> with the scope without it"
        )
    return Finding(
        code="consent.over-granted",
        subject=permission.value,
        detail=f"The {permission.kind} permission {permission.value} of {permission.resource} is "
        "granted, but the product's manifest does not need it.",
        advice=f"The product works; to take it back: {call}. If the product does need it, add it to "
        "the manifest.",
    )


def drift(permission: Permission, manifest: str, how: str) -> Finding:
    """The app's registration and the pinned manifest differ."""
    return Finding(
        code="consent.manifest-drift",
        subject=permission.value,
        detail=f"The {permission.kind} permission {permission.value} of {permission.resource}: the "
        f"app's registration {how} (manifest {manifest}).",
        advice="Compare both with the permission request of the installed product version, then "
        "correct the manifest. The verdict follows the manifest.",
    )
