"""Who consented to the app, when, and for whom, from the directory's audit log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

from connectors.entra.audit_shapes import Audit
from connectors.entra.endpoints import CONSENTS
from connectors.entra.granted import ConsentEvent, ConsentHistory
from connectors.entra.graph import Graph, quoted
from connectors.entra.models import ConsentReview, EntraApp
from connectors.entra.remedies import ORGANIZATION_WIDE
from connectors.errors import RotationError

_log = logging.getLogger(__name__)
_TOLD = 3

ACTIVITY = "Consent to application"
# NOTE: not ConsentContext.IsAdminConsent: it is true as well for an administrator's own consent.
FOR_EVERYBODY = "ConsentContext.OnBehalfOfAll"


def consent_history(graph: Graph, app: EntraApp) -> ConsentHistory:
    """Read the consents to one app that the log still has; what may not be read is named in ``unread``.

    The log forgets: after 30 days, after 7 without a premium licence. Grants written by Graph itself are
    other activities, and not in here.
    """
    try:
        found = graph.pages(CONSENTS, Audit, where=f"activityDisplayName eq {quoted(ACTIVITY)}")
    except RotationError as error:
        _log.info("entra: read consents: something could not be read")
        permission = error.identifiers.get("permission")
        why = f"it needs {permission}" if permission else type(error).__name__
        return ConsentHistory((), (f"who consented and when: {why}",))
    events = sorted(_events(found, app), key=lambda event: event.at, reverse=True)
    return ConsentHistory(tuple(events))


def sentences(history: ConsentHistory) -> tuple[str, ...]:
    """Say of each consent who gave it, when, and for whom."""
    return tuple(_sentence(event) for event in history.events)


def with_history(reviewed: ConsentReview, history: ConsentHistory) -> ConsentReview:
    """Return the review whose finding about a grant for everybody says who gave it, as the log has it."""
    if history.unread:
        return reviewed
    given = [event for event in history.events if event.for_everybody and event.succeeded]
    told = " ".join(_sentence(event) for event in given[:_TOLD])
    told = (
        told
        or "The audit log has no consent that brought it (any more); Graph may have written it."
    )
    return replace(
        reviewed,
        findings=tuple(
            replace(finding, detail=f"{finding.detail} {told}")
            if finding.code == ORGANIZATION_WIDE
            else finding
            for finding in reviewed.findings
        ),
    )


def _events(found: tuple[Audit, ...], app: EntraApp) -> Iterator[ConsentEvent]:
    for entry in found:
        for target in entry.targets:
            if target.id == app.service_principal_id:
                yield ConsentEvent(
                    entry.at,
                    entry.by.name(),
                    target.said(FOR_EVERYBODY),
                    succeeded=entry.result.casefold() == "success",
                )


def _sentence(event: ConsentEvent) -> str:
    whom = {
        True: "on behalf of the whole organization",
        False: "for that user alone",
        None: "for whom the log does not say",
    }[event.for_everybody]
    failed = "" if event.succeeded else "; it failed"
    return f"{event.at:%Y-%m-%d %H:%M} UTC: {event.by} consented, {whom}{failed}."
