"""Every Graph call this connector can make, with the least permission it needs (facts: section 6.1).

A call that is not in this list cannot be made.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.http import Effect


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One call: ``path`` holds ``{name}`` for each identifier, ``select`` what is asked for.

    ``busy_is_unchanged``: a 503 of this change means, as a 429 does, that nothing was done.
    """

    operation: str
    method: str
    path: str
    permission: str
    success: int = 200
    effect: Effect = Effect.READ
    select: tuple[str, ...] = ()
    expand: str | None = None
    busy_is_unchanged: bool = False


_USER = ("id", "userPrincipalName", "displayName", "department", "createdDateTime")
_PRINCIPAL = ("id", "appId", "displayName", "accountEnabled")
_BINNED = ("id", "appId", "displayName", "deletedDateTime")
_RESOURCE = ("id", "appId", "displayName", "appRoles", "oauth2PermissionScopes")

READ_ACCOUNT = Endpoint(
    "read account",
    "GET",
    "/users/{user}",
    "User.Read.All",
    select=(
        "id",
        "userPrincipalName",
        "accountEnabled",
        "onPremisesSyncEnabled",
        "lastPasswordChangeDateTime",
    ),
)
FIND_USER = Endpoint("find user", "GET", "/users/{user}", "User.Read.All", select=_USER)
LIST_USERS = Endpoint("list test users", "GET", "/users", "User.Read.All", select=_USER)
BINNED_USERS = Endpoint(
    "look into the recycle bin",
    "GET",
    "/directory/deletedItems/microsoft.graph.user",
    "User.Read.All",
    select=(*_USER, "deletedDateTime"),
)
CREATE_USER = Endpoint(
    "create user", "POST", "/users", "User.ReadWrite.All", success=201, effect=Effect.CHANGE
)
MODIFY_USER = Endpoint(
    "modify user",
    "PATCH",
    "/users/{user}",
    "User.ReadWrite.All",
    success=204,
    effect=Effect.REPEATABLE,
)
DELETE_USER = Endpoint(
    "delete user",
    "DELETE",
    "/users/{user}",
    "User.DeleteRestore.All",
    success=204,
    effect=Effect.CHANGE,
)
SET_PASSWORD = Endpoint(
    "set password",
    "PATCH",
    "/users/{user}",
    "User-PasswordProfile.ReadWrite.All",
    success=204,
    # Setting it again is harmless, and still not done in silence: whoever set it wants to know.
    effect=Effect.CHANGE,
    # To find out after a lost answer costs a sign-in, which a busy Graph is not worth.
    busy_is_unchanged=True,
)
DIRECT_ROLES = Endpoint(
    "read role assignments",
    "GET",
    "/roleManagement/directory/roleAssignments",
    "RoleManagement.Read.Directory",
    select=("id", "roleDefinitionId", "directoryScopeId"),
    expand="roleDefinition",
)
MEMBERSHIPS = Endpoint(
    "read memberships",
    "GET",
    "/users/{holder}/transitiveMemberOf",
    "User.Read.All",
    select=("id", "displayName", "roleTemplateId", "isAssignableToRole"),
)
APP_MEMBERSHIPS = Endpoint(
    "read memberships of an application",
    "GET",
    "/servicePrincipals/{holder}/transitiveMemberOf",
    "Application.Read.All",
    select=("id", "displayName", "roleTemplateId"),
)
ELIGIBLE_ROLES = Endpoint(
    "read eligible roles",
    "GET",
    "/roleManagement/directory/roleEligibilityScheduleInstances",
    "RoleEligibilitySchedule.Read.Directory",
    select=("id", "roleDefinitionId", "directoryScopeId"),
    expand="roleDefinition",
)
SECURITY_DEFAULTS = Endpoint(
    "read security defaults",
    "GET",
    "/policies/identitySecurityDefaultsEnforcementPolicy",
    "Policy.Read.All",
    select=("id", "isEnabled"),
)
CONDITIONAL_ACCESS = Endpoint(
    "read Conditional Access policies",
    "GET",
    "/identity/conditionalAccess/policies",
    "Policy.Read.All",
    select=("id", "displayName", "state", "conditions", "grantControls"),
)
FIND_APPS = Endpoint(
    "find apps", "GET", "/servicePrincipals", "Application.Read.All", select=_PRINCIPAL
)
BINNED_APPS = Endpoint(
    "list deleted app registrations",
    "GET",
    "/directory/deletedItems/microsoft.graph.application",
    "Application.Read.All",
    select=_BINNED,
)
BINNED_PRINCIPALS = Endpoint(
    "list deleted enterprise applications",
    "GET",
    "/directory/deletedItems/microsoft.graph.servicePrincipal",
    "Application.Read.All",
    select=_BINNED,
)
READ_APP = Endpoint(
    "read app",
    "GET",
    "/servicePrincipals(appId='{app}')",
    "Application.Read.All",
    select=(*_PRINCIPAL, "appRoleAssignmentRequired"),
)
READ_REGISTRATION = Endpoint(
    "read app registration",
    "GET",
    "/applications(appId='{app}')",
    "Application.Read.All",
    select=("id", "appId", "requiredResourceAccess"),
)
READ_RESOURCE = Endpoint(
    "read resource",
    "GET",
    "/servicePrincipals(appId='{app}')",
    "Application.Read.All",
    select=_RESOURCE,
)
READ_RESOURCE_BY_ID = Endpoint(
    "read resource",
    "GET",
    "/servicePrincipals/{principal}",
    "Application.Read.All",
    select=_RESOURCE,
)
APP_ROLES = Endpoint(
    "read application permissions",
    "GET",
    "/servicePrincipals/{principal}/appRoleAssignments",
    "Application.Read.All",
    select=("id", "appRoleId", "principalId", "resourceId"),
)
USER_GRANTS = Endpoint(
    "read delegated grants",
    "GET",
    "/servicePrincipals/{principal}/oauth2PermissionGrants",
    "Directory.Read.All",
    select=("id", "clientId", "consentType", "principalId", "resourceId", "scope"),
)
APP_USERS = Endpoint(
    "read who is assigned to the app",
    "GET",
    "/servicePrincipals/{principal}/appRoleAssignedTo",
    "Application.Read.All",
    select=("id", "principalId", "principalDisplayName", "principalType"),
)
# NOTE: the audit log takes no $select (its reference names $filter, $top, $orderby and $skiptoken).
CONSENTS = Endpoint(
    "read consents",
    "GET",
    "/auditLogs/directoryAudits",
    "AuditLog.Read.All and Directory.Read.All",
)
# The remediator's. Each of them may be sent again after a look; a lost answer is looked into all the same.
CREATE_GRANT = Endpoint(
    "create grant",
    "POST",
    "/oauth2PermissionGrants",
    "DelegatedPermissionGrant.ReadWrite.All",
    success=201,
    effect=Effect.CHANGE,
)
SET_SCOPE = Endpoint(
    "set the scope of a grant",
    "PATCH",
    "/oauth2PermissionGrants/{grant}",
    "DelegatedPermissionGrant.ReadWrite.All",
    success=204,
    effect=Effect.CHANGE,
)
DELETE_GRANT = Endpoint(
    "delete grant",
    "DELETE",
    "/oauth2PermissionGrants/{grant}",
    "DelegatedPermissionGrant.ReadWrite.All",
    success=204,
    effect=Effect.CHANGE,
)
ASSIGN_ROLE = Endpoint(
    "assign app role",
    "POST",
    "/servicePrincipals/{resource}/appRoleAssignedTo",
    "AppRoleAssignment.ReadWrite.All and Application.Read.All",
    success=201,
    effect=Effect.CHANGE,
)
