"""Print the hints of the intake's spool."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from rich.table import Table
from rich.text import Text

from cli.output import screen, write_json
from intake.settings import SpoolSettings
from intake.spool import Kept, Spool, State


def open_spool() -> Spool:
    """Open the spool that INTAKE_SPOOL names; raises NotFound where there is none."""
    settings = SpoolSettings()
    return Spool(settings.spool, settings.limits, create=False)


def print_all(state: State | None, limit: int, *, as_json: bool) -> None:
    """Print the hints in a state, or in any, the youngest first."""
    with open_spool() as spool:
        entries = spool.entries(state, limit)
        counts = spool.counts()
    if as_json:
        write_json([_data(kept) for kept in entries])
        return
    console = screen()
    table = Table(box=None)
    for column in (
        "no.",
        "secret",
        "state",
        "from",
        "received (UTC)",
        "tries",
        "what became of it",
    ):
        table.add_column(column, overflow="fold")
    for kept in entries:
        table.add_row(
            str(kept.number),
            Text(str(kept.hint)),  # a path may look like markup
            kept.state,
            kept.source,
            _when(kept.received),
            str(kept.attempts),
            kept.outcome or kept.last_error or "-",
        )
    console.print(table)
    console.print(
        f"{counts.waiting} waiting, {counts.delivered} delivered, {counts.dead} dead", style="dim"
    )


def print_one(kept: Kept, *, as_json: bool) -> None:
    """Print one hint with all that is known of it."""
    if as_json:
        write_json(_data(kept))
        return
    table = Table(show_header=False, box=None)
    for name, value in (
        ("number", str(kept.number)),
        ("secret", str(kept.hint)),
        ("state", kept.state),
        ("message", kept.id),
        ("received", f"{_when(kept.received)} UTC"),
        ("tries", str(kept.attempts)),
        ("next try", f"{_when(kept.next_try)} UTC" if kept.state == "waiting" else "-"),
        ("last error", kept.last_error or "-"),
        ("outcome", kept.outcome or "-"),
        ("flow run", kept.flow_runs or "-"),
        ("ended", f"{_when(kept.ended)} UTC" if kept.ended else "-"),
    ):
        table.add_row(name, Text(value))
    screen().print(table)


def _data(kept: Kept) -> dict[str, object]:
    times = {"received", "since", "next_try", "ended"}
    return {
        name: datetime.fromtimestamp(value, UTC).isoformat() if name in times and value else value
        for name, value in asdict(kept).items()
        if name != "seen"
    }


def _when(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S}"
