"""Applications and service principals. Three ids, none of which works in another's place."""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.entra.errors import GraphRefused, bad_request, not_found, stamp
from sandbox.entra.granting import new_service_principal, required_access
from sandbox.entra.graph import Caller, Graph, body_of
from sandbox.entra.graph_bin import into_the_bin
from sandbox.entra.records import Record, Records
from sandbox.entra.seeds import new_application
from sandbox.entra.tenant import Tenant, first
from sandbox.standin.http import Request, Response

_READ = (
    "Application.Read.All",
    "Application.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)
_WRITE = ("Application.ReadWrite.All", "Directory.ReadWrite.All")
_CREATE = (*_WRITE, "Application.ReadWrite.OwnedBy")
_AS_USER = ("Directory.AccessAsUser.All",)
ADMINISTRATORS = ("Application Administrator", "Cloud Application Administrator")
_SETTABLE = {
    "displayName", "signInAudience", "isFallbackPublicClient", "requiredResourceAccess", "web",
    "publicClient", "spa", "api", "tags", "notes", "description",
}  # fmt: skip


class Apps:
    """The routes of applications and service principals."""

    def __init__(self, graph: Graph) -> None:
        self._graph, self._tenant = graph, graph.tenant
        self._register("applications", graph.tenant.applications)
        self._register("servicePrincipals", graph.tenant.service_principals)
        create: dict[str, Any] = {"delegated": (*_CREATE, *_AS_USER), "application": _CREATE}
        graph.route("POST", "/applications", "graph.applications.create", **create)(
            self._create_application
        )
        graph.route("POST", "/servicePrincipals", "graph.service_principals.create", **create)(
            self._create_service_principal
        )

    def _register(self, kind: str, records: Records) -> None:
        """Register what both kinds share: list, read by object id and by app id, change, delete."""
        name = "graph.applications" if kind == "applications" else "graph.service_principals"
        route = self._graph.route
        read: dict[str, Any] = {"delegated": (*_READ, *_AS_USER), "application": _READ}
        write: dict[str, Any] = {
            "delegated": (*_WRITE, *_AS_USER),
            "application": _CREATE,
            "roles": ADMINISTRATORS,
        }

        def listing(request: Request, _caller: Caller) -> Response:
            index = self._graph.staler(request)
            return self._graph.page(request, records.all_seen(index=index))

        def by_id(request: Request, _caller: Caller) -> Response:
            found = records.seen(request.params["id"], index=self._graph.staler(request))
            if found is None:
                raise not_found(request.params["id"])
            return self._graph.one(request, found)

        def by_app_id(request: Request, _caller: Caller) -> Response:
            found = first(records.all_seen(), appId=request.params["app"])
            if found is None:
                raise not_found(request.params["app"])
            return self._graph.one(request, found)

        def change(request: Request, _caller: Caller) -> Response:
            record = self._graph.writable(records, request.params["id"])
            body = body_of(request)
            settable = _SETTABLE if kind == "applications" else {"accountEnabled", "tags", "notes"}
            _check(body, settable)
            records.change(record["id"], **body)
            return Response(204, note={"id": record["id"]})

        def delete(request: Request, _caller: Caller) -> Response:
            record = self._graph.writable(records, request.params["id"])
            if kind == "applications":
                delete_application(self._tenant, record)
            else:
                delete_service_principal(self._tenant, record)
            return Response(204, note={"id": record["id"]})

        route("GET", f"/{kind}", f"{name}.list", **read)(listing)
        route("GET", f"/{kind}(appId='{{app}}')", f"{name}.get", **read)(by_app_id)
        route("GET", f"/{kind}/{{id}}", f"{name}.get", **read)(by_id)
        route("PATCH", f"/{kind}/{{id}}", f"{name}.update", **write)(change)
        route("DELETE", f"/{kind}/{{id}}", f"{name}.delete", **write)(delete)

    def _create_application(self, request: Request, _caller: Caller) -> Response:
        body = body_of(request)
        _check(body, _SETTABLE)
        name = body.get("displayName")
        if not isinstance(name, str) or not name:
            raise bad_request("A value is required for property 'displayName'.")
        now = stamp(self._tenant.control.now())
        # Without signInAudience the real Graph makes a multi-tenant application of it.
        application = new_application(name, str(uuid.uuid4()), now)
        application |= {"signInAudience": "AzureADandPersonalMicrosoftAccount"} | body
        product = self._tenant.product
        if name == product.get("app_display_name") and not application["requiredResourceAccess"]:
            # The console's app: what the product asks for is known here, whoever registers it.
            wanted = product.get("permissions", [])
            application["requiredResourceAccess"] = required_access(self._tenant, wanted)
        self._tenant.applications.put(application["id"], application)
        response = self._graph.one(request, application, status=201)
        response.note = {"id": application["id"], "app_id": application["appId"]}
        return response

    def _create_service_principal(self, request: Request, _caller: Caller) -> Response:
        body = body_of(request)
        app_id = body.get("appId")
        application = self._tenant.application(str(app_id))
        if application is None:
            raise GraphRefused(
                400, "NoBackingApplicationObject",
                f"The appId '{app_id}' of the service principal does not reference a valid application "
                "object.",
            )  # fmt: skip
        if first(self._tenant.service_principals.all(), appId=app_id):
            raise GraphRefused(
                409, "Request_MultipleObjectsWithSameKeyValue",
                f"The service principal cannot be created because the service principal name {app_id} "
                "is already in use.",
            )  # fmt: skip
        principal = new_service_principal(application["appId"], application["displayName"])
        self._tenant.service_principals.put(principal["id"], principal)
        response = self._graph.one(request, principal, status=201)
        response.note = {"id": principal["id"], "app_id": app_id}
        return response


def _check(body: dict[str, Any], settable: set[str]) -> None:
    for name in body:
        if name not in settable:
            raise bad_request(f"Invalid property '{name}'.")
    try:
        for resource in body.get("requiredResourceAccess", ()):
            fields = [(str(it["id"]), it["type"]) for it in resource["resourceAccess"]]
            if (
                any(kind not in ("Role", "Scope") for _, kind in fields)
                or not resource["resourceAppId"]
            ):
                raise bad_request("Invalid value specified for property 'requiredResourceAccess'.")
    except (KeyError, TypeError):
        raise bad_request("Unable to read property 'requiredResourceAccess'.") from None


def delete_application(tenant: Tenant, application: Record) -> None:
    """Delete an application and, as in its home tenant, its service principal with all grants."""
    into_the_bin(tenant, tenant.deleted_applications, application)
    tenant.applications.remove(application["id"])
    principal = first(tenant.service_principals.all(), appId=application["appId"])
    if principal:
        delete_service_principal(tenant, principal)


def delete_service_principal(tenant: Tenant, principal: Record) -> None:
    """Delete a service principal with everything that was granted to it or by it."""
    into_the_bin(tenant, tenant.deleted_service_principals, principal)
    tenant.service_principals.remove(principal["id"])
    for grant in list(tenant.grants.all()):
        if principal["id"] in (grant["clientId"], grant["resourceId"]):
            tenant.grants.remove(grant["id"])
    for assignment in list(tenant.assignments.all()):
        if principal["id"] in (assignment["principalId"], assignment["resourceId"]):
            tenant.assignments.remove(assignment["id"])
