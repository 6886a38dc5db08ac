"""The recycle bin for apps: what was deleted within 30 days. Users have theirs in ``graph_users``."""

from __future__ import annotations

from sandbox.entra.errors import stamp
from sandbox.entra.graph import Caller, Graph, Handler
from sandbox.entra.records import Record, Records
from sandbox.entra.tenant import Tenant
from sandbox.standin.http import Request, Response

_READ = (
    "Application.Read.All",
    "Application.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)


class Bin:
    """The routes of deleted apps. Register them before ``/directory/deletedItems/{id}``."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        bins = {
            "application": graph.tenant.deleted_applications,
            "servicePrincipal": graph.tenant.deleted_service_principals,
        }
        for kind, records in bins.items():
            graph.route(
                "GET", f"/directory/deletedItems/microsoft.graph.{kind}", "graph.deleted.list",
                delegated=_READ, application=_READ,
            )(self._listing(records))  # fmt: skip

    def _listing(self, records: Records) -> Handler:
        def listing(request: Request, _caller: Caller) -> Response:
            return self._graph.page(request, records.all_seen())

        return listing


def into_the_bin(tenant: Tenant, bin_: Records, record: Record) -> None:
    """Keep what is deleted, with the time."""
    bin_.put(record["id"], {**record, "deletedDateTime": stamp(tenant.control.now())})
