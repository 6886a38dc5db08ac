"""Show the ledger of a connection."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from connectors.errors import InvalidInput
from connectors.ledger import Ledger
from inventory.wiring import open_inventory, open_systems


def show(connection: str, *, as_json: bool, console: Console) -> None:
    """Read the ledger from Vault and print it; raises InvalidInput for an unknown connection."""
    inventory = open_inventory()
    known = sorted(item.name for service in inventory.services for item in service.connections)
    if connection not in known:
        raise InvalidInput(
            "inventory",
            "find connection",
            connection=connection,
            advice=f"Name one of the inventory's connections: {', '.join(known)}.",
        )
    with open_systems(inventory) as systems:
        ledger = systems.ledgers.read(connection)
    if as_json:
        console.print_json(ledger.model_dump_json(by_alias=True))
    else:
        _print(ledger, console)


def _print(ledger: Ledger, console: Console) -> None:
    def when(moment: object) -> str:
        return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "never"

    table = Table(show_header=False, box=None)
    rows = [
        ("connection", ledger.connection),
        ("last run ended", ledger.outcome or "no run has ended yet"),
        ("last verified", when(ledger.verified_at)),
        ("applied", f"{ledger.applied.label}, {ledger.applied.account}" if ledger.applied else "-"),
        ("applied at", when(ledger.applied.at if ledger.applied else None)),
        ("findings", ", ".join(ledger.findings) or "none"),
        (
            "worked on by",
            f"{ledger.holder.run} since {when(ledger.holder.since)}" if ledger.holder else "nobody",
        ),
        ("version (fence)", str(ledger.fence)),
    ]
    for name, value in rows:
        table.add_row(name, value)
    console.print(table)
    if ledger.attempts:
        spent = Table(title="Password sign-ins, youngest last", title_justify="left")
        for column in ("at (UTC)", "account", "version", "verdict"):
            spent.add_column(column, overflow="fold")
        for attempt in ledger.attempts:
            at = f"{attempt.at:%Y-%m-%d %H:%M:%S}"
            spent.add_row(at, attempt.account, attempt.label, attempt.outcome)
        console.print(spent)
