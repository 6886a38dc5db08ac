"""What one app holds in the tenant right now, read anew at each call, every page."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.entra.endpoints import APP_ROLES, USER_GRANTS
from connectors.entra.granted import AssignedRole, DelegatedGrant
from connectors.entra.graph import Graph
from connectors.entra.polling import Timing, settled
from connectors.entra.settings import SYSTEM
from connectors.entra.shapes import RoleGrant, UserGrant
from connectors.errors import Unreachable

DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"
Everything = tuple[tuple[DelegatedGrant, ...], tuple[AssignedRole, ...]]


class Holdings:
    """The grants and app roles of one service principal."""

    def __init__(self, graph: Graph, principal: str) -> None:
        self._graph = graph
        self.principal = principal

    def grants(self) -> tuple[DelegatedGrant, ...]:
        """Read the delegated grants. Raises NotPermitted, NotFound, Unreachable."""
        found = self._graph.pages(USER_GRANTS, UserGrant, principal=self.principal)
        return tuple(sorted(item.noun() for item in found))

    def roles(self) -> tuple[AssignedRole, ...]:
        """Read the application permissions, without "may use the app", which is none."""
        found = self._graph.pages(APP_ROLES, RoleGrant, principal=self.principal)
        return tuple(sorted(it.noun() for it in found if it.role_id != DEFAULT_ACCESS))

    def role_keys(self) -> set[tuple[str, str]]:
        """Read which app roles of which resources are assigned."""
        return {(role.resource_id, role.role_id) for role in self.roles()}

    def stable(self, timing: Timing) -> Everything:
        """Read everything until two readings in a row are alike; raise Unreachable when they never are."""
        readings: list[Everything] = []

        def alike() -> bool:
            readings.append((self.grants(), self.roles()))
            return len(readings) > 1 and readings[-1] == readings[-2]

        if not settled(alike, timing):
            raise Unreachable(SYSTEM, "read the grants", principal=self.principal, stable="never")
        return readings[-1]

    @staticmethod
    def of(
        grants: Iterable[DelegatedGrant], principal_id: str, resource_id: str
    ) -> DelegatedGrant | None:
        """Pick the grant of one user on one resource; there is one at most."""
        for grant in grants:
            if (grant.principal_id, grant.resource_id) == (principal_id, resource_id):
                return grant
        return None
