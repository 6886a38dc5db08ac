"""What was granted: application permissions (app role assignments) and delegated ones (grants)."""

from __future__ import annotations

from typing import Any

from sandbox.entra.catalogue import DEFAULT_ACCESS, GRAPH
from sandbox.entra.errors import GraphRefused, bad_request, not_found
from sandbox.entra.granting import assign_app_role, new_grant
from sandbox.entra.graph import Caller, Graph, body_of
from sandbox.entra.graph_apps import ADMINISTRATORS
from sandbox.entra.graph_audits import write_entry
from sandbox.entra.records import Record, Records
from sandbox.entra.tenant import first
from sandbox.standin.http import Request, Response

_READ = (
    "Application.Read.All",
    "Application.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
    "Directory.AccessAsUser.All",
)
_ASSIGN = ("AppRoleAssignment.ReadWrite.All",)
_GRANT = ("DelegatedPermissionGrant.ReadWrite.All",)
_READ_GRANTS = ("Directory.Read.All", "Directory.ReadWrite.All", *_GRANT)
_PRIVILEGED = "Privileged Role Administrator"


class Grants:
    """The routes of assignments and grants."""

    def __init__(self, graph: Graph) -> None:
        self._graph, self._tenant = graph, graph.tenant
        self._assignments()
        route = graph.route
        read: dict[str, Any] = {
            "delegated": (*_READ_GRANTS, "Directory.AccessAsUser.All"),
            "application": _READ_GRANTS,
        }
        write: dict[str, Any] = {
            "delegated": _GRANT,
            "application": _GRANT,
            "roles": (*ADMINISTRATORS, _PRIVILEGED),
        }
        one = "/oauth2PermissionGrants/{id}"
        route("GET", "/oauth2PermissionGrants", "graph.grants.list", **read)(self._list)
        of_client = "/servicePrincipals/{sp}/oauth2PermissionGrants"
        route("GET", of_client, "graph.grants.list", **read)(self._list)
        route("GET", one, "graph.grants.get", **read)(self._get)
        route("POST", "/oauth2PermissionGrants", "graph.grants.create", **write)(self._create)
        route("PATCH", one, "graph.grants.update", **write)(self._update)
        route("DELETE", one, "graph.grants.delete", **write)(self._delete)

    def _assignments(self) -> None:
        route = self._graph.route
        read: dict[str, Any] = {"delegated": _READ, "application": _READ}
        write: dict[str, Any] = {
            "delegated": _ASSIGN,
            "application": _ASSIGN,
            "roles": (*ADMINISTRATORS, _PRIVILEGED),
        }
        held, given = (
            f"/servicePrincipals/{{sp}}/{name}"
            for name in ("appRoleAssignments", "appRoleAssignedTo")
        )
        route("GET", held, "graph.assignments.list", **read)(self._held)
        route("GET", given, "graph.assigned_to.list", **read)(self._given)
        for path in (held, given):
            route("POST", path, "graph.assigned_to.create", **write)(self._assign)
            route("DELETE", f"{path}/{{id}}", "graph.assigned_to.delete", **write)(self._unassign)

    def _principal(self, request: Request) -> Record:
        found = self._tenant.service_principals.seen(request.params["sp"])
        if found is None:
            raise not_found(request.params["sp"])
        return found

    def _held(self, request: Request, _caller: Caller) -> Response:
        return self._assigned(request, "principalId")

    def _given(self, request: Request, _caller: Caller) -> Response:
        return self._assigned(request, "resourceId")

    def _assigned(self, request: Request, side: str) -> Response:
        principal = self._principal(request)
        records = self._tenant.assignments.all_seen(index=self._graph.staler(request))
        return self._graph.page(request, [it for it in records if it[side] == principal["id"]])

    def _assign(self, request: Request, caller: Caller) -> Response:
        # Writing an assignment needs reading applications as well.
        if not caller.has(*_READ):
            raise GraphRefused(403, "Authorization_RequestDenied", "Insufficient privileges.")
        body = body_of(request)
        side = "resourceId" if request.path.endswith("appRoleAssignedTo") else "principalId"
        if self._principal(request)["id"] != body.get(side):
            raise bad_request(f"The {side} of the body does not match the one of the path.")
        resource = self._object(self._tenant.service_principals, body.get("resourceId"))
        if caller.delegated and resource["appId"] == GRAPH:
            self._graph.need_role(caller, _PRIVILEGED)
        role = body.get("appRoleId")
        if role not in {DEFAULT_ACCESS, *(it["id"] for it in resource["appRoles"])}:
            raise bad_request("Permission being assigned was not found on application.")
        kind = "ServicePrincipal"
        principal = self._tenant.service_principals.seen(str(body.get("principalId")))
        if principal is None:
            kind = "User"
            principal = self._object(self._tenant.users, body.get("principalId"))
        assignment = assign_app_role(self._tenant, principal, resource, str(role), kind)
        if assignment is None:
            raise bad_request("Permission being assigned already exists on the object.")
        self._audit("Add app role assignment to service principal", caller, principal["id"])
        response = self._graph.one(request, assignment, status=201)
        response.note = {"id": assignment["id"], "principal": principal["id"], "role": role}
        return response

    def _object(self, records: Records, key: object) -> Record:
        found = records.seen(str(key))
        if found is None:
            raise not_found(str(key))
        return found

    def _unassign(self, request: Request, _caller: Caller) -> Response:
        record = self._graph.writable(self._tenant.assignments, request.params["id"])
        if request.params["sp"] not in (record["principalId"], record["resourceId"]):
            raise not_found(request.params["id"])
        self._tenant.assignments.remove(record["id"])
        return Response(204, note={"id": record["id"]})

    def _list(self, request: Request, _caller: Caller) -> Response:
        records = self._tenant.grants.all_seen(index=self._graph.staler(request))
        if "sp" in request.params:
            principal = self._principal(request)
            records = (it for it in list(records) if it["clientId"] == principal["id"])
        return self._graph.page(request, records)

    def _get(self, request: Request, _caller: Caller) -> Response:
        return self._graph.one(request, self._object(self._tenant.grants, request.params["id"]))

    def _audit(self, activity: str, caller: Caller, client_id: str) -> None:
        """Write an entry for what a caller changed; a principal that is gone has none."""
        by = self._tenant.users if caller.delegated else self._tenant.service_principals
        actor = by.seen(caller.principal_id)
        client = self._tenant.service_principals.seen(client_id)
        if actor and client:
            write_entry(self._tenant, activity, actor, client)

    def _create(self, request: Request, caller: Caller) -> Response:
        body = body_of(request)
        client = self._object(self._tenant.service_principals, body.get("clientId"))
        resource = self._object(self._tenant.service_principals, body.get("resourceId"))
        for_all = body.get("consentType") == "AllPrincipals"
        user_id = body.get("principalId")
        if for_all == bool(user_id) or body.get("consentType") not in (
            "Principal",
            "AllPrincipals",
        ):
            raise bad_request("Invalid value specified for property 'principalId' of the resource.")
        if user_id:
            self._object(self._tenant.users, user_id)
        if not isinstance(body.get("scope"), str) or not body["scope"].strip():
            raise bad_request("A value is required for property 'scope'.")
        keys = {"clientId": client["id"], "resourceId": resource["id"], "principalId": user_id}
        if first(self._tenant.grants.all(), **keys):
            raise GraphRefused(
                409, "Request_MultipleObjectsWithSameKeyValue", "Permission entry already exists."
            )
        grant = new_grant(keys, body["scope"])
        self._tenant.grants.put(grant["id"], grant)
        self._audit("Add delegated permission grant", caller, client["id"])
        response = self._graph.one(request, grant, status=201)
        response.note = {"id": grant["id"], "consent_type": grant["consentType"]}
        return response

    def _update(self, request: Request, _caller: Caller) -> Response:
        record = self._graph.writable(self._tenant.grants, request.params["id"])
        body = body_of(request)
        if set(body) != {"scope"} or not isinstance(body["scope"], str):
            raise bad_request("Only the scope of a permission grant can be changed.")
        self._tenant.grants.change(record["id"], scope=body["scope"])
        return Response(204, note={"id": record["id"]})

    def _delete(self, request: Request, caller: Caller) -> Response:
        record = self._graph.writable(self._tenant.grants, request.params["id"])
        self._tenant.grants.remove(record["id"])
        self._audit("Remove delegated permission grant", caller, record["clientId"])
        return Response(204, note={"id": record["id"], "consent_type": record["consentType"]})
