"""Show the ledger of a connection."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rich.console import Console
from rich.table import Table

from cli.output import progress, write_json
from connectors.errors import InvalidInput
from connectors.ledger import Ledger
from inventory.wiring import open_inventory, open_systems
from report.procedure import BY_NUMBER


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
    with progress("reading the ledger in Vault"), open_systems(inventory) as systems:
        ledger = systems.ledgers.read(connection)
    if as_json:
        write_json(ledger.model_dump(mode="json", by_alias=True))
    else:
        print_ledger(ledger, console)


def _rotation(ledger: Ledger, when: Callable[[object], str]) -> Iterator[tuple[str, str]]:
    """Say how far an unfinished rotation came, and where its password waits."""
    rotation = ledger.rotation
    if rotation is None:
        return
    yield "rotation", f"{rotation.id}, begun {when(rotation.begun)}, not ended"
    yield "its account", rotation.account
    yield "last finished step", f"{rotation.phase} {BY_NUMBER[rotation.phase].title}"
    if rotation.pending:
        yield "pending password", str(rotation.pending.secret.handle)
    yield "to go on", f"account-rotation rotate {ledger.connection} --finish"


def _waiting(ledger: Ledger, when: Callable[[object], str]) -> Iterator[tuple[str, str]]:
    """Say what is due later, and whether a person is needed."""
    if ledger.retire:
        yield "to be retired", f"{ledger.retire.account}, not before {when(ledger.retire.due)}"
    trouble = ledger.trouble
    if trouble is None:
        return
    yield "failed runs in a row", f"{trouble.cycles}, since {when(trouble.since)}: {trouble.reason}"
    if trouble.needs_person:
        yield "needs a person", trouble.what_to_do
    else:
        yield "next scheduled try", f"not before {when(trouble.not_before)}"


def print_ledger(ledger: Ledger, console: Console) -> None:
    """Print a ledger as a person reads it."""

    def when(moment: object) -> str:
        return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "never"

    table = Table(show_header=False, box=None)
    rows = [
        ("connection", ledger.connection),
        ("last run ended", ledger.outcome or "no run has ended yet"),
        ("last verified", when(ledger.verified_at)),
        ("applied", f"{ledger.applied.label}, {ledger.applied.account}" if ledger.applied else "-"),
        ("applied at", when(ledger.applied.at if ledger.applied else None)),
        ("account in use", ledger.in_use or "-"),
        *((("idle account", ledger.idle),) if ledger.idle else ()),
        ("last rotated", when(ledger.rotated_at)),
        *_rotation(ledger, when),
        *_waiting(ledger, when),
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
