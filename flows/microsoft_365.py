"""Section E of the procedure: the Microsoft 365 extension, its app and its permission request."""

from __future__ import annotations

from connectors.errors import Refused
from flows import _guided, remediation
from flows._run import Run
from tasks import consent, entra_id
from tasks._console import draft_left_named
from tasks.identify import Location


def update(run: Run, location: Location, *, dry_run: bool) -> None:
    """Enter and validate the fresh credential, find the app, accept its request, and see to its consent."""
    systems = run.systems
    permission = remediation.by_policy(location, dry_run=dry_run)
    if location.in_person and not _guided.through(run, location, dry_run=dry_run):
        remediation.see_to_consent(systems, location, None, None, permission)
        return
    entra_id.sign_in_to_console(systems, location)  # E1
    entra_id.open_extension(systems, location)  # E2
    row, draft = entra_id.update_credential(systems, location, dry_run=dry_run)  # E3
    app_id = None
    if not dry_run:
        try:
            row = entra_id.validate_and_accept(systems, location, draft)  # E4
        except Refused:
            if draft is not None:
                with draft_left_named(draft):
                    entra_id.discard_draft(systems, location, draft)  # E3u
            raise
        app_id = consent.find_or_register_app(systems, location, row).app_id  # E5
        consent.accept_permission_request(systems, location, row)  # E6
    remediation.see_to_consent(systems, location, row, app_id, permission)
