"""Section A of the procedure: the Active Directory extension."""

from __future__ import annotations

from connectors.errors import Refused
from flows import _guided
from flows._run import Run
from tasks import active_directory
from tasks._console import draft_left_named
from tasks.identify import Location


def update(run: Run, location: Location, *, dry_run: bool) -> None:
    """Enter the fresh credential of the Active Directory extension, save it, and check it."""
    systems = run.systems
    if location.in_person and not _guided.through(run, location, dry_run=dry_run):
        return
    active_directory.sign_in_to_console(systems, location)  # A1
    active_directory.open_extension(systems, location)  # A2
    row = active_directory.locate_connection(systems, location)  # A3
    draft = active_directory.update_credential(systems, location, row, dry_run=dry_run)  # A4
    if not dry_run:
        try:
            active_directory.save(systems, location, draft)  # A5
        except Refused:
            if draft is not None:
                with draft_left_named(draft):
                    active_directory.discard_draft(systems, location, draft)  # A4u
            raise
    active_directory.check_settings(systems, location)  # A6
