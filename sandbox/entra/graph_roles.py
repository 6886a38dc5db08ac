"""Directory roles and memberships, and the organization."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.entra.catalogue import ROLE_TEMPLATES, made_up_id
from sandbox.entra.errors import GraphRefused, not_found
from sandbox.entra.graph import Caller, Graph
from sandbox.entra.records import Record
from sandbox.standin.http import Request, Response

_ROLES = (
    "RoleManagement.Read.Directory",
    "RoleManagement.ReadWrite.Directory",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)
_ELIGIBLE = (
    "RoleEligibilitySchedule.Read.Directory",
    "RoleManagement.Read.Directory",
    "RoleManagement.ReadWrite.Directory",
)
_MEMBERS = ("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
_APPS = (
    "Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All",
    "Directory.ReadWrite.All",
)  # fmt: skip
_DIRECTORY = ("Organization.Read.All", "Directory.Read.All", "Directory.ReadWrite.All")
_NAMES = {template: name for name, template in ROLE_TEMPLATES.items()}


class Roles:
    """The role routes."""

    def __init__(self, graph: Graph) -> None:
        self._graph, self._tenant = graph, graph.tenant
        management = "/roleManagement/directory"
        as_user = "Directory.AccessAsUser.All"
        graph.route(
            "GET", f"{management}/roleAssignments", "graph.role_assignments.list",
            delegated=(*_ROLES, as_user), application=_ROLES,
        )(self._assigned)  # fmt: skip
        graph.route(
            "GET", f"{management}/roleDefinitions", "graph.role_definitions.list",
            delegated=(*_ROLES, as_user), application=_ROLES,
        )(self._definitions)  # fmt: skip
        graph.route(
            "GET", f"{management}/roleEligibilityScheduleInstances", "graph.role_eligibilities.list",
            delegated=_ELIGIBLE, application=_ELIGIBLE,
        )(self._eligible)  # fmt: skip
        graph.route(
            "GET", "/users/{user}/transitiveMemberOf", "graph.users.member_of",
            delegated=("User.Read", *_MEMBERS, as_user), application=_MEMBERS,
        )(self._member_of)  # fmt: skip
        graph.route(
            "GET", "/servicePrincipals/{sp}/transitiveMemberOf", "graph.service_principals.member_of",
            delegated=(*_APPS, as_user), application=_APPS,
        )(self._app_member_of)  # fmt: skip
        graph.route(
            "GET", "/organization", "graph.organization",
            delegated=("User.Read", *_DIRECTORY, as_user), application=_DIRECTORY,
        )(self._organization)  # fmt: skip

    def _expanded(self, request: Request, records: Iterable[Record]) -> list[Record]:
        if "roledefinition" not in request.query.get("$expand", "").casefold():
            return list(records)
        return [it | {"roleDefinition": definition(it["roleDefinitionId"])} for it in records]

    def _assigned(self, request: Request, _caller: Caller) -> Response:
        records = self._tenant.role_assignments.all_seen(index=self._graph.staler(request))
        return self._graph.page(request, self._expanded(request, records))

    def _definitions(self, request: Request, _caller: Caller) -> Response:
        return self._graph.page(request, [definition(template) for template in _NAMES])

    def _eligible(self, request: Request, _caller: Caller) -> Response:
        if not self._tenant.premium:
            raise GraphRefused(
                400, "AadPremiumLicenseRequired", "The tenant has no Microsoft Entra ID P2 license."
            )
        records = self._tenant.role_eligibilities.all_seen(index=self._graph.staler(request))
        return self._graph.page(
            request, self._expanded(request, [it | {"memberType": "Direct"} for it in records])
        )

    def _member_of(self, request: Request, caller: Caller) -> Response:
        user = self._tenant.user(request.params["user"])
        if user is None:
            raise not_found(request.params["user"])
        return self._memberships(request, caller, user["id"])

    def _app_member_of(self, request: Request, caller: Caller) -> Response:
        principal = self._tenant.service_principals.seen(request.params["sp"])
        if principal is None:
            raise not_found(request.params["sp"])
        return self._memberships(request, caller, principal["id"])

    def _memberships(self, request: Request, caller: Caller, holder: str) -> Response:
        groups = self._tenant.groups_of(holder)
        found: list[Record] = [{"@odata.type": "#microsoft.graph.group", **it} for it in groups]
        # Role objects are reduced to their ids for callers who may not read the directory's roles.
        full = caller.has(*_ROLES, "Directory.AccessAsUser.All")
        for name in sorted(self._tenant.roles(holder)):
            template = ROLE_TEMPLATES[name]
            found.append(
                {
                    "@odata.type": "#microsoft.graph.directoryRole",
                    "id": made_up_id(self._tenant.id, "role", template),
                    "displayName": name if full else None,
                    "roleTemplateId": template if full else None,
                }
            )
        return self._graph.page(request, found)

    def _organization(self, request: Request, _caller: Caller) -> Response:
        domain = self._tenant.domain
        organization: Record = {
            "id": self._tenant.id,
            "displayName": domain.split(".")[0],
            "verifiedDomains": [{"name": domain, "isDefault": True, "isInitial": True}],
            "onPremisesSyncEnabled": any(
                it["onPremisesSyncEnabled"] for it in self._tenant.users.all_seen()
            )
            or None,
        }
        return self._graph.page(request, [organization])


def definition(template: str) -> Record:
    """Return a built-in role definition; its id is its template's."""
    return {
        "id": template,
        "templateId": template,
        "displayName": _NAMES[template],
        "isBuiltIn": True,
        "isEnabled": True,
    }
