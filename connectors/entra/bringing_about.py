"""Bringing one change about: look, ask whether it may be sent, send, and look again when an answer was lost."""

from __future__ import annotations

import logging
from collections.abc import Callable

from connectors.entra.graph import Graph
from connectors.entra.polling import Timing, settled
from connectors.entra.remediation import ConsentChange, Permit
from connectors.entra.settings import SYSTEM
from connectors.errors import (
    Conflict,
    InvalidInput,
    NeedsPerson,
    Refused,
    RotationError,
    Unknown,
    Unreachable,
)

_log = logging.getLogger(__name__)
_MOST_SENDS = 3
Send = Callable[[Graph], None]

NOT_VISIBLE = (
    "Entra ID took the change and does not show it to readers yet; nothing more was changed. Start the "
    "remediation again in a few minutes: it looks first, and goes on from there."
)


class BringingAbout:
    """Send changes as one identity, each only while a permit holds. Every change here may be sent again."""

    def __init__(
        self, changes: Graph | None, timing: Timing, lacks: Callable[[str], Refused]
    ) -> None:
        self._changes = changes
        self._timing = timing
        self._lacks = lacks

    def once(
        self,
        change: ConsentChange,
        permit: Permit,
        so: Callable[[], bool],
        prepare: Callable[[], Send],
    ) -> ConsentChange:
        """Return the change once it was sent, or found to be so.

        ``prepare`` may look and wait; the permit is asked after it, right before the change is sent. A
        lost answer is looked into before anything is sent again; a refused duplicate is waited for
        until readers see it. Raises Unknown when looking did not tell.
        """
        problem: RotationError = Unknown(SYSTEM, "remedy consent", change=change.what)
        for sent in range(_MOST_SENDS):
            if so():
                return ConsentChange(change.what, change.id, already=not sent)
            send = prepare()
            graph = self._allowed(permit, change)
            try:
                send(graph)
            except Unknown as lost:
                problem = lost.sealed()
            except (Conflict, InvalidInput) as refused:
                problem = refused.sealed()
                break
            else:
                _log.info("entra: remedy consent: %s", change.what)
                return change
        if isinstance(problem, Refused) and "status" not in problem.identifiers:
            raise problem  # the remediator itself was not signed in, so Graph was never asked
        # What was refused may be there already, where this replica does not show it yet.
        if settled(so, self._timing):
            return ConsentChange(change.what, change.id, already=isinstance(problem, Refused))
        raise problem

    def seen(self, operation: str, so: Callable[[], bool]) -> None:
        """Wait until two readings in a row show it; raise Unreachable when the patience ran out."""
        if not settled(so, self._timing):
            raise Unreachable(SYSTEM, operation, advice=NOT_VISIBLE, not_visible="yet")

    def _allowed(self, permit: Permit, change: ConsentChange) -> Graph:
        """Return who sends changes, unless the time is over or somebody else has taken over."""
        if self._changes is None:
            raise self._lacks("remedy consent")
        if self._timing.now() >= permit.until:
            raise NeedsPerson(
                SYSTEM,
                "remedy consent",
                until=permit.until.isoformat(timespec="seconds"),
                not_sent=change.what,
                advice="The time that this remediation had is over, so nothing more was changed. Approve it "
                "again: it looks first, and goes on from there.",
            )
        permit.before_each_change()
        return self._changes
