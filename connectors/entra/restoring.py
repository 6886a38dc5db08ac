"""Putting a snapshot back, by a person's command: the one place that can write a grant for everybody.

No flow and no task comes here. Only what a remediation can have changed is put back: grants for everybody, and
the account's own. What other users hold, application permissions, and what the tenant has beyond the
snapshot stay as they are; the snapshot is their evidence.
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.entra.bringing_about import BringingAbout
from connectors.entra.endpoints import CREATE_GRANT, SET_SCOPE
from connectors.entra.granted import DelegatedGrant
from connectors.entra.graph import Graph
from connectors.entra.held import Holdings
from connectors.entra.remediation import ConsentChange, ConsentSnapshot, Permit
from connectors.entra.shapes import UserGrant


def put_back(
    snapshot: ConsentSnapshot, held: Holdings, changes: BringingAbout, permit: Permit
) -> tuple[ConsentChange, ...]:
    """Create what is gone, then give changed grants the snapshot's scope again, exactly."""
    restoring = _Restoring(snapshot, held, changes, permit)
    return (*restoring.gone(), *restoring.changed())


def restorable(snapshot: ConsentSnapshot) -> Iterator[DelegatedGrant]:
    """Return the grants that would be put back: those for everybody, and the account's own."""
    for grant in snapshot.grants:
        if grant.for_everybody or grant.principal_id == snapshot.account_id:
            yield grant


class _Restoring:
    def __init__(
        self, snapshot: ConsentSnapshot, held: Holdings, changes: BringingAbout, permit: Permit
    ) -> None:
        self._held = held
        self._changes, self._permit = changes, permit
        self._ours = tuple(restorable(snapshot))

    def gone(self) -> Iterator[ConsentChange]:
        """Create the grants that are not there any more; they get new ids."""
        for grant in self._ours:
            # An empty grant opens nothing, and Graph creates none.
            if grant.scopes and self._now(grant) is None:
                yield self._create(grant)

    def changed(self) -> Iterator[ConsentChange]:
        """Give the grants that were changed their scope again: last, when nothing is missing any more."""
        for grant in self._ours:
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
