"""Put the stand-in together and start it."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from sandbox.entra.commands import Commands
from sandbox.entra.consent import ConsentPrompt
from sandbox.entra.graph import Graph
from sandbox.entra.graph_apps import Apps
from sandbox.entra.graph_audits import Audits
from sandbox.entra.graph_bin import Bin
from sandbox.entra.graph_grants import Grants
from sandbox.entra.graph_passwords import OwnPasswords
from sandbox.entra.graph_policies import Policies
from sandbox.entra.graph_roles import Roles
from sandbox.entra.graph_users import Users
from sandbox.entra.seeds import plant
from sandbox.entra.sign_in import SignIn
from sandbox.entra.tenant import Tenant
from sandbox.entra.tokens import Issuer
from sandbox.standin.control import Control
from sandbox.standin.http import App, Request, Response
from sandbox.standin.tls import server_context

_THROTTLED = {
    "x-ms-throttle-limit-percentage": "1.0",
    "x-ms-throttle-scope": "Tenant_Application/ReadWrite",
    "x-ms-throttle-information": "ResourceUnitLimitExceeded",
}


def start(config: dict[str, Any]) -> dict[str, Any]:
    """Start on loopback and return url, authority, graph and control.

    ``config``: port, tls, tenant_id, domain, users, clients, product; README.md has the rest.
    """
    control = Control()
    tenant = Tenant(control, config["tenant_id"], config["domain"])
    plant(tenant, config)
    app = App(control)
    assemble(app, tenant)
    commands = Commands(tenant, config)
    control.show_state, control.change_state = commands.show, commands.change
    tls = config.get("tls")
    context = server_context(Path(tls["cert"]), Path(tls["key"])) if tls else None
    server = app.serve(config.get("port", 0), context)
    scheme = "https" if context else "http"
    tenant.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
    side_door = control.serve()
    return {
        "url": tenant.url,
        "authority": f"{tenant.url}/{tenant.id}",
        "graph": f"{tenant.url}/v1.0",
        "tenant_id": tenant.id,
        "control": f"http://127.0.0.1:{side_door.server_address[1]}",
    }


def assemble(app: App, tenant: Tenant) -> None:
    """Register every route of the tenant."""
    app.not_found = _unknown
    app.finish = _finish
    issuer = Issuer(tenant)
    sign_in = SignIn(app, tenant, issuer)
    ConsentPrompt(app, tenant, sign_in)
    graph = Graph(app, tenant, issuer)
    for family in (Bin, Users, OwnPasswords, Roles, Policies, Apps, Grants, Audits):
        family(graph)


def _unknown(request: Request) -> Response:
    error = {"code": "BadRequest", "message": "Resource not found for the segment."}
    return Response(404, {"error": error})


def _finish(request: Request, response: Response) -> Response:
    """Give every Graph answer, an injected fault's too, the headers and envelope of the real one."""
    if not request.path.startswith("/v1.0"):
        return response
    request_id = response.headers.setdefault("request-id", str(uuid.uuid4()))
    wanted = request.headers.get("client-request-id", request_id)
    response.headers.setdefault("client-request-id", wanted)
    response.headers.setdefault("x-ms-resource-unit", "1" if request.method != "GET" else "2")
    if response.status == 429:
        response.headers.update(_THROTTLED)
    if response.status >= 400 and response.payload == {}:
        codes = {429: "TooManyRequests", 503: "serviceNotAvailable", 504: "UnknownError"}
        code = codes.get(response.status, "generalException")
        inner = {"request-id": request_id, "client-request-id": wanted}
        response.payload = {"error": {"code": code, "message": "", "innerError": inner}}
    return response
