"""``account-rotation spool``: look at the hints of the intake, let one wait again, or end one."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from intake.settings import SpoolSettings
from intake.spool import Kept, Spool

app = typer.Typer(no_args_is_help=True, help="Look after the hints that the intake keeps.")


class StateName(StrEnum):
    """The states that hints are in."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


Number = Annotated[int, typer.Argument(min=1, help="Number of the hint, as the list shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON instead of text.")]


@app.command("list")
def show_all(
    state: Annotated[StateName | None, typer.Option(help="Only hints in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List hints, the youngest first."""
    with _spool() as spool:
        entries = spool.entries(state.value if state else None, limit)
        counts = spool.counts()
    console = Console()
    if as_json:
        console.print_json(json.dumps([_data(kept) for kept in entries]))
        return
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


@app.command()
def show(number: Number, as_json: AsJson = False) -> None:
    """Show one hint."""
    with _spool() as spool:
        _print(spool.get(number), as_json=as_json)


@app.command()
def replay(number: Number, as_json: AsJson = False) -> None:
    """Let a hint wait again, such as a dead one whose cause was corrected."""
    with _spool() as spool:
        _print(spool.replay(number), as_json=as_json)


@app.command()
def drop(number: Number, as_json: AsJson = False) -> None:
    """End a hint without an update; it is remembered, so that the same message changes nothing."""
    with _spool() as spool:
        _print(spool.drop(number), as_json=as_json)


def _spool() -> Spool:
    settings = SpoolSettings()
    return Spool(settings.spool, settings.limits, create=False)


def _print(kept: Kept, *, as_json: bool) -> None:
    console = Console()
    if as_json:
        console.print_json(json.dumps(_data(kept)))
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
    console.print(table)


def _data(kept: Kept) -> dict[str, object]:
    times = {"received", "since", "next_try", "ended"}
    return {
        name: datetime.fromtimestamp(value, UTC).isoformat() if name in times and value else value
        for name, value in asdict(kept).items()
        if name != "seen"
    }


def _when(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S}"
