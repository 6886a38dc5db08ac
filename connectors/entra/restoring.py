"""Putting a snapshot back, by a person's command: the one place that can write a grant for everybody.

No flow and no task comes here. What the tenant has beyond the snapshot stays.
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.entra.bringing_about import BringingAbout
from connectors.entra.endpoints import ASSIGN_ROLE, CREATE_GRANT, SET_SCOPE
from connectors.entra.granted import AssignedRole, DelegatedGrant
from connectors.entra.graph import Graph
from connectors.entra.held import Holdings
from connectors.entra.remediation import ConsentChange, ConsentSnapshot, Permit
from connectors.entra.shapes import RoleGrant, UserGrant


def put_back(
    snapshot: ConsentSnapshot, held: Holdings, changes: BringingAbout, permit: Permit
) -> tuple[ConsentChange, ...]:
    """Create what is gone, then give changed grants the snapshot's scope again, exactly."""
    restoring = _Restoring(snapshot, held, changes, permit)
    return (*restoring.gone(), *restoring.roles(), *restoring.changed())


class _Restoring:
    def __init__(
        self, snapshot: ConsentSnapshot, held: Holdings, changes: BringingAbout, permit: Permit
    ) -> None:
        self._snapshot, self._held = snapshot, held
        self._changes, self._permit = changes, permit

    def gone(self) -> Iterator[ConsentChange]:
        """Create the grants that are not there any more; they get new ids."""
        for grant in self._snapshot.grants:
            # An empty grant opens nothing, and Graph creates none.
            if grant.scopes and self._now(grant) is None:
                yield self._create(grant)

    def roles(self) -> Iterator[ConsentChange]:
        """Assign the app roles that are not there any more."""
        for role in self._snapshot.roles:
            if (role.resource_id, role.role_id) not in self._held.role_keys():
                yield self._assign(role)

    def changed(self) -> Iterator[ConsentChange]:
        """Give the grants that were changed their scope again: last, when nothing is missing any more."""
        for grant in self._snapshot.grants:
            now = self._now(grant)
            if now is not None and set(now.scopes) != set(grant.scopes):
                yield self._set(now.id, grant)

    def _now(self, grant: DelegatedGrant) -> DelegatedGrant | None:
        return self._held.of(self._held.grants(), grant.principal_id, grant.resource_id)

    def _create(self, grant: DelegatedGrant) -> ConsentChange:
        body = {
            "clientId": self._held.principal,
            "consentType": "AllPrincipals" if grant.for_everybody else "Principal",
            "principalId": grant.principal_id or None,
            "resourceId": grant.resource_id,
            "scope": " ".join(grant.scopes),
        }

        def send(graph: Graph) -> None:
            graph.create(CREATE_GRANT, UserGrant, body)

        change = ConsentChange(f"put {' '.join(grant.scopes)} back {_for(grant)}", grant.id)
        done = self._changes.once(
            change, self._permit, lambda: self._now(grant) is not None, lambda: send
        )
        self._changes.seen("see the restored grant", lambda: self._now(grant) is not None)
        return done

    def _assign(self, role: AssignedRole) -> ConsentChange:
        body = {
            "principalId": self._held.principal,
            "resourceId": role.resource_id,
            "appRoleId": role.role_id,
        }

        def send(graph: Graph) -> None:
            graph.create(ASSIGN_ROLE, RoleGrant, body, resource=role.resource_id)

        return self._changes.once(
            ConsentChange("put an app role back", role.role_id),
            self._permit,
            lambda: (role.resource_id, role.role_id) in self._held.role_keys(),
            lambda: send,
        )

    def _set(self, grant_id: str, grant: DelegatedGrant) -> ConsentChange:
        def so() -> bool:
            now = self._now(grant)
            return now is not None and set(now.scopes) == set(grant.scopes)

        def send(graph: Graph) -> None:
            graph.write(SET_SCOPE, {"scope": " ".join(grant.scopes)}, grant=grant_id)

        change = ConsentChange(f"give the grant {_for(grant)} its scope again", grant_id)
        return self._changes.once(change, self._permit, so, lambda: send)


def _for(grant: DelegatedGrant) -> str:
    return (
        "for the whole organization"
        if grant.for_everybody
        else f"for the user {grant.principal_id}"
    )
