"""The directory's audit log: who consented, and who wrote a grant through Graph."""

from __future__ import annotations

from typing import Any

from sandbox.entra.errors import bad_request, denied, stamp
from sandbox.entra.graph import Caller, Graph
from sandbox.entra.records import Record
from sandbox.entra.tenant import Tenant, new_id
from sandbox.standin.http import Request, Response

CONSENT = "Consent to application"
_LOG = "AuditLog.Read.All"
_ALSO = ("Directory.Read.All", "Directory.ReadWrite.All")


class Audits:
    """The route of the log."""

    def __init__(self, graph: Graph) -> None:
        self._graph, self._tenant = graph, graph.tenant
        read: dict[str, Any] = {"delegated": (_LOG,), "application": (_LOG,)}
        graph.route("GET", "/auditLogs/directoryAudits", "graph.audits.list", **read)(self._list)

    def _list(self, request: Request, caller: Caller) -> Response:
        if not caller.has(*_ALSO):
            raise denied()
        if "$select" in request.query:
            raise bad_request("$select is not supported for this resource.")
        entries = sorted(self._tenant.audits.all_seen(), key=lambda it: it["activityDateTime"])
        return self._graph.page(request, reversed(entries))


def write_entry(
    tenant: Tenant,
    activity: str,
    by: Record,
    target: Record,
    modified: dict[str, str] | None = None,
) -> None:
    """Write one entry; ``by`` is a user or a service principal, ``target`` a service principal."""
    upn = by.get("userPrincipalName")
    actor = {"id": by["id"], "displayName": by["displayName"]}
    entry: Record = {
        "id": new_id(),
        "category": "ApplicationManagement",
        "correlationId": new_id(),
        "result": "success",
        "activityDisplayName": activity,
        "activityDateTime": stamp(tenant.control.now()),
        "loggedByService": "Core Directory",
        "initiatedBy": {
            "user": {**actor, "userPrincipalName": upn} if upn else None,
            "app": None if upn else actor,
        },
        "targetResources": [
            {
                "id": target["id"],
                "displayName": target["displayName"],
                "type": "ServicePrincipal",
                "modifiedProperties": [
                    # A value is JSON within JSON: the text of a text.
                    {"displayName": name, "oldValue": None, "newValue": f'"{value}"'}
                    for name, value in (modified or {}).items()
                ],
            }
        ],
    }
    tenant.audits.put(entry["id"], entry)


def write_consent(tenant: Tenant, user: Record, client: Record, *, for_all: bool) -> None:
    """Write the entry of a consent given at the prompt."""
    administrator = bool(tenant.roles(user["id"]))
    modified = {
        # NOTE: as in the real log this one is no sign of a consent for everybody.
        "ConsentContext.IsAdminConsent": str(administrator),
        "ConsentContext.OnBehalfOfAll": str(for_all),
    }
    write_entry(tenant, CONSENT, user, client, modified)
