"""Whether the setter may set one account's password: its permission and its roles, read as the verifier."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from connectors.entra.endpoints import (
    APP_MEMBERSHIPS,
    APP_ROLES,
    MEMBERSHIPS,
    READ_APP,
    READ_RESOURCE,
    SET_PASSWORD,
    Endpoint,
)
from connectors.entra.graph import Graph
from connectors.entra.models import EntraApp, RoleFacts, RoleHolding, SetterCheck
from connectors.entra.roles import EVERYWHERE, direct_roles, group_roles
from connectors.entra.shapes import Principal, Resource, RoleGrant
from connectors.errors import NotFound, NotPermitted
from connectors.models import Finding

_log = logging.getLogger(__name__)
Value = TypeVar("Value")

MICROSOFT_GRAPH = "00000003-0000-0000-c000-000000000000"


class Role(NamedTuple):
    """A built-in directory role; its template id is the same in every tenant."""

    name: str
    template_id: str


PRIVILEGED_AUTHENTICATION = Role(
    "Privileged Authentication Administrator", "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"
)
USER_ADMINISTRATOR = Role("User Administrator", "fe930be7-5e62-47db-91af-98c3a49a38b1")
_GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
# Whoever holds one of these for the whole tenant sets anybody's password.
_REACHES_ANYBODY = frozenset({PRIVILEGED_AUTHENTICATION.template_id, _GLOBAL_ADMINISTRATOR})
# Roles that make nobody an administrator in this respect: User Administrator reaches their holders.
_PLAIN = frozenset(
    {
        "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",  # Directory Readers
        "fdd7a751-b60b-444a-984c-02652fe8fa1c",  # Groups Administrator
        "95e79109-95c0-4d8e-aee3-d01accf2d47b",  # Guest Inviter
        "729827e3-9c14-49f7-bb1b-9608f156bbb8",  # Helpdesk Administrator
        "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b",  # Message Center Reader
        "966707d0-3269-4727-9be2-8c3a10f19b9d",  # Password Administrator
        "4a5d8f65-41da-4de4-8968-e035b65339cf",  # Reports Reader
        "75934031-6c7e-415a-99d7-48dbd49e875e",  # Usage Summary Reports Reader
        USER_ADMINISTRATOR.template_id,
    }
)


def check_setter(graph: Graph, client_id: str, account_id: str) -> SetterCheck:
    """Read what the setter lacks for one account's password, and what could not be told.

    Raises Unreachable, and NotFound when the account's roles decide and there is no such account.
    """
    try:
        app = graph.read(READ_APP, Principal, app=client_id).noun()
    except NotFound:
        return SetterCheck((_missing(client_id),), ())
    except NotPermitted as refused:
        return SetterCheck((), (_note("the setter's application, and so its rights", refused),))
    check = _Check(graph, app, account_id)
    if not app.enabled:
        check.findings.append(_disabled(app))
    check.permission()
    check.role()
    return SetterCheck(tuple(check.findings), tuple(check.unread))


def permission_call(
    principal: str, resource: str | None = None, app_role: str | None = None
) -> str:
    """Return the Graph call that gives an application the permission to set passwords."""
    where = f"servicePrincipals(appId='{MICROSOFT_GRAPH}')"
    resource = resource or f"<id of {where}>"
    app_role = app_role or f"<id of {SET_PASSWORD.permission} in its appRoles>"
    return (
        f'POST /{where}/appRoleAssignedTo {{"principalId": "{principal}", '
        f'"resourceId": "{resource}", "appRoleId": "{app_role}"}}'
    )


def role_call(principal: str, role: Role) -> str:
    """Return the Graph call that gives an application a directory role for the whole tenant."""
    return (
        'POST /roleManagement/directory/roleAssignments {"@odata.type": '
        f'"#microsoft.graph.unifiedRoleAssignment", "principalId": "{principal}", '
        f'"roleDefinitionId": "{role.template_id}", "directoryScopeId": "{EVERYWHERE}"}}'
    )


@dataclass(slots=True)
class _Check:
    """One reading. Collects what may not be read instead of raising."""

    graph: Graph
    app: EntraApp
    account_id: str
    findings: list[Finding] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def permission(self) -> None:
        """Compare the application permissions that the setter holds with the one it needs."""
        principal = self.app.service_principal_id
        resource = self._try(
            "the permissions that Microsoft Graph offers",
            lambda: self.graph.read(READ_RESOURCE, Resource, app=MICROSOFT_GRAPH),
        )
        held = self._try(
            "the setter's application permissions",
            lambda: self.graph.pages(APP_ROLES, RoleGrant, principal=principal),
        )
        if resource is None or held is None:
            return
        wanted = [role.id for role in resource.roles if role.value == SET_PASSWORD.permission]
        if any(it.resource_id == resource.id and it.role_id in wanted for it in held):
            return
        call = permission_call(principal, resource.id, wanted[0] if wanted else None)
        self.findings.append(_lacks_permission(self.app, call))

    def role(self) -> None:
        """Compare the roles of the setter with those of the account whose password it is to set."""
        mine, all_mine = self._roles("setter", APP_MEMBERSHIPS, self.app.service_principal_id)
        strong = [held for held in mine if held.template_id in _REACHES_ANYBODY]
        if _everywhere(strong):
            return
        theirs, all_theirs = self._roles("account", MEMBERSHIPS, self.account_id)
        administrates = sorted({held.name for held in theirs if held.template_id not in _PLAIN})
        if administrates:
            self._administrator(administrates, strong, told=all_mine)
        elif all_mine and all_theirs:
            self._nobody_special(mine)

    def _administrator(
        self, roles: Iterable[str], strong: Iterable[RoleHolding], *, told: bool
    ) -> None:
        parts = [f"{held.name} for {held.scope}" for held in strong]
        if parts:
            self.unread.append(
                f"whether the account lies where the setter is {' and '.join(parts)}: not looked at"
            )
        elif told:
            self.findings.append(_lacks_role(self.app, self.account_id, roles))

    def _nobody_special(self, mine: Iterable[RoleHolding]) -> None:
        # NOTE: whether an application needs a role at all here is an open point of our facts, so that
        # it has none is no finding.
        if _everywhere(held for held in mine if held.template_id == USER_ADMINISTRATOR.template_id):
            self.unread.append(
                "whether the account is a member or owner of a role-assignable group, which "
                f"{USER_ADMINISTRATOR.name} does not reach: not looked at"
            )
            return
        call = role_call(self.app.service_principal_id, USER_ADMINISTRATOR)
        self.unread.append(
            "whether the setter needs a directory role for an account without an administrator role: "
            f"Microsoft does not say; if setting it is refused, give {USER_ADMINISTRATOR.name}: {call}"
        )

    def _roles(
        self, whose: str, memberships: Endpoint, holder: str
    ) -> tuple[tuple[RoleHolding, ...], bool]:
        """Return the active roles that could be read, and whether those are all."""
        before = len(self.unread)
        direct = self._try(
            f"the directory roles of the {whose}", lambda: direct_roles(self.graph, holder)
        )
        grouped = self._try(
            f"the directory roles of the {whose} through groups",
            lambda: group_roles(self.graph, memberships, holder, direct or ()),
        ) or RoleFacts((), ())
        self.unread += (f"of the {whose}: {note}" for note in grouped.unread)
        return (*(direct or ()), *grouped.holdings), len(self.unread) == before

    def _try(self, what: str, read: Callable[[], Value]) -> Value | None:
        try:
            return read()
        except NotPermitted as refused:
            self.unread.append(_note(what, refused))
        return None


def _everywhere(held: Iterable[RoleHolding]) -> bool:
    return any(role.scope == EVERYWHERE for role in held)


def _note(what: str, refused: NotPermitted) -> str:
    _log.info("entra: check setter: something may not be read")
    permission = refused.identifiers.get("permission")
    return f"{what}: give the verifier {permission}" if permission else what


def _missing(client_id: str) -> Finding:
    return Finding(
        code="entra.setter-missing",
        subject=client_id,
        detail=f"The tenant has no application {client_id}, which the inventory names as setter.",
        advice="Correct setter.client_id in the inventory; or, where the application is registered in "
        f'another tenant: POST /servicePrincipals {{"appId": "{client_id}"}} as a Cloud Application '
        "Administrator.",
    )


def _disabled(app: EntraApp) -> Finding:
    return Finding(
        code="entra.setter-disabled",
        subject=app.display_name,
        detail=f"The setter {app.display_name} is disabled for sign-in.",
        advice=f'PATCH /servicePrincipals/{app.service_principal_id} {{"accountEnabled": true}} as a '
        "Cloud Application Administrator.",
    )


def _lacks_permission(app: EntraApp, call: str) -> Finding:
    return Finding(
        code="entra.setter-lacks-permission",
        subject=SET_PASSWORD.permission,
        detail=f"The setter {app.display_name} does not hold the Microsoft Graph application permission "
        f"{SET_PASSWORD.permission}; no other one sets a password.",
        advice=f"As a Privileged Role Administrator: {call}. Then check again.",
    )


def _lacks_role(app: EntraApp, account_id: str, roles: Iterable[str]) -> Finding:
    role = PRIVILEGED_AUTHENTICATION
    return Finding(
        code="entra.setter-lacks-role",
        subject=role.name,
        detail=f"The account {account_id} is {', '.join(roles)}, and the setter {app.display_name} has "
        f"no directory role that reaches it: {role.name}, or Global Administrator.",
        advice=f"As a Privileged Role Administrator: {role_call(app.service_principal_id, role)}. Then "
        "check again.",
    )
