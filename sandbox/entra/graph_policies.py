"""The sign-in policies as Graph shows them."""

from __future__ import annotations

from sandbox.entra.graph import Caller, Graph
from sandbox.entra.policies import DEFAULTS_ID
from sandbox.standin.http import Request, Response

_READ = ("Policy.Read.All",)


class Policies:
    """The policy routes."""

    def __init__(self, graph: Graph) -> None:
        self._graph, self._tenant = graph, graph.tenant
        graph.route(
            "GET", "/policies/identitySecurityDefaultsEnforcementPolicy", "graph.security_defaults",
            delegated=_READ, application=_READ,
        )(self._defaults)  # fmt: skip
        graph.route(
            "GET", "/identity/conditionalAccess/policies", "graph.conditional_access.list",
            delegated=_READ, application=_READ,
        )(self._conditional_access)  # fmt: skip

    def _defaults(self, request: Request, _caller: Caller) -> Response:
        shown = {
            "id": DEFAULTS_ID,
            "displayName": "Security Defaults",
            "isEnabled": self._tenant.security_defaults,
        }
        return self._graph.one(request, shown)

    def _conditional_access(self, request: Request, _caller: Caller) -> Response:
        return self._graph.page(request, self._tenant.conditional_access)
