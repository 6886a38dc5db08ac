"""What ``account-rotation status`` does: the fleet as a table, as JSON, as a page, and as an exit code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.exits import STANDINGS, Exit
from cli.files import write_page
from cli.output import write_json
from inventory.wiring import open_inventory, open_systems
from report.fleet import SIGNS, Row, Standing, look
from report.pages import fleet_page
from report.pages.words import age, version
from report.text import printable

_COLOURS = {
    Standing.PERSON: "bold red",
    Standing.UNTOLD: "bold red",
    Standing.AT_WORK: "cyan",
    Standing.IN_ORDER: "green",
}


def show_status(
    services: Sequence[str],
    html: Path | None,
    late_after: float,
    *,
    as_json: bool,
) -> tuple[Exit, Callable[[Console], None]]:
    """Read the fleet, and write its page; return the exit code of its most urgent row, and what prints it."""
    inventory, now = open_inventory(), datetime.now(UTC)
    with open_systems(inventory) as systems:
        rows = look(systems, inventory, services, now, timedelta(hours=late_after))
    if html is not None:
        write_page(html, fleet_page.render(rows, now, late_after))

    def tell(console: Console) -> None:
        if as_json:
            write_json([as_data(row) for row in rows])
        else:
            print_fleet(rows, now, console)

    return STANDINGS[rows[0].standing], tell


def as_data(row: Row) -> dict[str, object]:
    """Return a row as plain data. Times are ISO 8601."""
    ledger = row.ledger
    rotation = ledger.rotation if ledger else None
    return {
        "service": row.service,
        "connection": row.connection,
        "extension": row.extension,
        "account": row.in_use,
        "accounts": row.accounts,
        "standing": row.standing.value,
        "why": row.why,
        "what_to_do": row.what_to_do,
        "applied": row.applied,
        "newest": row.newest,
        "verified_at": _iso(row.verified_at),
        "late": row.late,
        "consent": row.consent,
        "findings": row.findings,
        "unfinished_rotation": rotation.phase if rotation else None,
        "needs_person": row.standing is Standing.PERSON,
        "last_run": ledger.outcome if ledger else None,
        "rotated_at": _iso(ledger.rotated_at if ledger else None),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None


_WITH_ACCOUNTS = 110
"""Columns of a terminal from which on the accounts have room."""


def print_fleet(rows: Sequence[Row], now: datetime, console: Console) -> None:
    """Print the table, and below it what to do for each row that is not in order."""
    heads = ["", "connection", "version", "verified", "consent", "found", "standing"]
    wide = console.width >= _WITH_ACCOUNTS
    if wide:
        heads.insert(2, "account")
    table = Table(box=None, padding=(0, 2, 0, 0))
    for head in heads:
        # Names are what a person copies: the other columns give way first.
        table.add_column(head, no_wrap=head in ("connection", "version"))
    for row in rows:
        colour = _COLOURS.get(row.standing, "yellow")
        verified = age(row.verified_at, now) if row.verified_at else "never"
        table.add_row(
            Text(SIGNS[row.standing], colour),
            Text(printable(row.connection), "bold"),
            *((Text(printable(row.account), "dim"),) if wide else ()),
            Text(f"{version(row.applied)} / {version(row.newest)}"),
            Text(f"{verified}{', late' if row.late else ''}", "yellow" if row.late else ""),
            Text(printable(row.consent or "-")),
            str(row.findings or "-"),
            Text(row.standing.value, colour),
        )
    console.print(table)
    for row in rows:
        if row.why and row.standing is not Standing.AT_WORK:
            name, said = printable(row.connection), printable(f", {row.service}: {row.why}")
            console.print(Text.assemble("\n", (name, "bold"), said), soft_wrap=True)
            if row.what_to_do:
                console.print(Text(printable(f"What to do: {row.what_to_do}")), soft_wrap=True)
