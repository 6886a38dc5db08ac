"""What is known of a console that only a person reaches: what the ledger remembers, and what was reported."""

from __future__ import annotations

from connectors.cayosoft.models import ConnectionRow, ConsoleConsent
from connectors.cayosoft.operator import Box, OperatorConsole, OperatorReport
from connectors.models import Finding
from connectors.protocols import Systems
from report.record import current_record
from tasks._step import AlreadySo, Answer, Done
from tasks.identify import Location


def reported(systems: Systems, location: Location) -> OperatorReport | None:
    """Return what a person has reported of this place in this run; None where nobody has, or nobody needs to."""
    console = systems.console(location.service.name)
    if not isinstance(console, OperatorConsole):
        return None
    return console.told(location.extension, location.row)


def hand_over(systems: Systems, location: Location, report: OperatorReport) -> None:
    """Let the console answer from a report from now on."""
    console = systems.console(location.service.name)
    if not isinstance(console, OperatorConsole):
        raise TypeError(location.service.name)
    console.tell(location.extension, location.row, report)


def remembered(location: Location, otherwise: str) -> ConnectionRow:
    """Return the row as the ledger remembers it: what a person has reported last that was saved.

    ``otherwise`` is the account that is taken to be in use where the ledger knows of none.
    """
    ledger = location.ledger.ledger
    applied = ledger.applied
    return ConnectionRow(
        location.extension,
        location.row,
        enabled=True,
        account=applied.account if applied else ledger.in_use or otherwise,
        revision="",
        secret_label=(applied.entered_as or applied.label) if applied else None,
        saved_at=applied.at if applied else None,
        saved_key=None,
    )


def permissions_accepted(
    shown: ConsoleConsent, location: Location, report: OperatorReport
) -> Answer[ConsoleConsent]:
    """Say what became of the permission request; the forbidden checkbox is a finding, and the tenant tells more."""
    status = (
        f"the console shows {shown.status!r}" if shown.status else "its status was not reported"
    )
    if report.box is Box.NOT_SHOWN:
        return AlreadySo(shown, f"no request was shown to {report.by}; {status}")
    if report.box is Box.TICKED:
        current_record().here().find(
            Finding(
                "consent.forbidden-checkbox",
                location.row,
                f"'Consent on behalf of your organization' was ticked, says {report.by}: the permissions were "
                "given to every user of the tenant.",
                "Do not undo it by hand: step R of this report has the plan that keeps the product working. "
                f"account-rotation remediate {location.name}",
            )
        )
    return Done(
        shown,
        f"accepted by {report.by}, 'Consent on behalf of your organization' {report.box.value}; {status}",
    )
