"""The vendor's article for one connection: the section of its extension."""

from __future__ import annotations

from connectors.models import Extension
from flows import active_directory, microsoft_365
from flows._run import Run
from tasks.identify import Location

_SECTIONS = {
    Extension.ACTIVE_DIRECTORY: active_directory.update,
    Extension.MICROSOFT_365: microsoft_365.update,
}


def carry_out(run: Run, location: Location, *, dry_run: bool) -> None:
    """Carry out section A or E, whichever is the connection's."""
    _SECTIONS[location.extension](run, location, dry_run=dry_run)
