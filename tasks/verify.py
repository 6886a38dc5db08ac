"""What verification asks beyond a dry run: whether the console holds what Vault holds, and works with it."""

from __future__ import annotations

from connectors.errors import OutOfStep
from connectors.protocols import Systems
from report.record import current_record
from tasks import _console
from tasks.identify import Location

FAILING = ("console.check-settings-fails", "consent.out-of-step")
"""Findings of a dry run that say that what the console holds does not work."""


def require_applied(systems: Systems, location: Location) -> None:
    """Raise OutOfStep when the console was given another version than the newest, or does not work with it.

    A row that no run has entered cannot be compared; that is said, and no failure.
    """
    held = _console.row_of(systems, location).secret_label
    applied, newest = location.ledger.ledger.applied, location.version.label
    record = current_record().here()
    update = f"account-rotation update {location.service.name} --connection {location.name}"
    if held is None:
        record.leave_unchecked("which version the console holds: no run has entered it")
    elif held != (applied.shown_as(newest) if applied else newest):
        raise OutOfStep(
            "cayosoft",
            "verify",
            row=location.row,
            console=held,
            vault=newest,
            advice=f"The console was given another version than Vault holds: {update}",
        )
    failing = [finding for finding in record.findings if finding.code in FAILING]
    if failing:
        raise OutOfStep(
            "cayosoft",
            "verify",
            row=location.row,
            found=failing[0].code,
            advice=f"{failing[0].detail} {update}",
        )
