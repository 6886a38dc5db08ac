"""What ``account-rotation findings`` does: it shows what the last runs found, as the ledgers keep it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from cli.output import write_json
from connectors.errors import InvalidInput, RotationError
from connectors.ledger import Ledger
from connectors.protocols import Systems
from inventory.models import Inventory
from inventory.wiring import open_inventory, open_systems
from report.pages.words import moment
from report.text import printable


@dataclass(frozen=True, slots=True)
class Found:
    """What is kept of one connection's last run; ``problem`` where its ledger could not be read."""

    service: str
    connection: str
    ledger: Ledger | None
    problem: RotationError | None = None


def show_findings(connection: str | None, *, as_json: bool, console: Console) -> None:
    """Print the last findings; raises InvalidInput for an unknown connection."""
    inventory = open_inventory()
    known = [item.name for service in inventory.services for item in service.connections]
    if connection is not None and connection not in known:
        raise InvalidInput(
            "inventory",
            "find connection",
            connection=connection,
            advice=f"Name one of the inventory's connections: {', '.join(sorted(known))}.",
        )
    with open_systems(inventory) as systems:
        found = list(_found(systems, inventory, connection))
    if as_json:
        write_json([_found_data(item) for item in found])
    else:
        for item in found:
            print_found(item, console)


def _found(systems: Systems, inventory: Inventory, connection: str | None) -> Iterator[Found]:
    for service in inventory.services:
        for item in service.connections:
            if connection not in (None, item.name):
                continue
            try:
                ledger = systems.ledgers.read(item.name)
            except RotationError as error:
                yield Found(service.name, item.name, None, error)
            else:
                yield Found(service.name, item.name, ledger)


def _found_data(item: Found) -> dict[str, object]:
    last = item.ledger.last_run if item.ledger else None
    return {
        "service": item.service,
        "connection": item.connection,
        "outcome": item.ledger.outcome if item.ledger else None,
        "unreadable": str(item.problem) if item.problem else None,
        "codes": item.ledger.findings if item.ledger else [],
        "last_run": json.loads(last.model_dump_json()) if last else None,
    }


def print_found(item: Found, console: Console) -> None:
    """Print what is kept of one connection's last run."""
    ledger, lines = item.ledger, [Text.assemble((item.connection, "bold"), f", {item.service}: ")]
    if ledger is None:
        lines[0].append(printable(f"{item.problem}"), "bold red")
    else:
        lines[0].append(printable(ledger.outcome or "no run has ended yet"))
        lines += _lines(ledger)
    for line in [*lines, Text()]:
        console.print(line, soft_wrap=True)


def _lines(ledger: Ledger) -> Iterator[Text]:
    last = ledger.last_run
    if last is None:
        # An older version wrote this ledger: it kept the codes alone.
        told = ", ".join(ledger.findings)
        said = f"  {told}: see the run's report, or verify again" if told else "  no findings"
        yield Text(printable(said))
        return
    yield Text(printable(f"  {last.flow}, run {last.run}, {moment(last.at)}"), "dim")
    if last.problem:
        yield Text(printable(f"  {last.problem}"), "bold red")
        yield Text(printable(f"  What to do: {last.what_to_do}"))
    for found in last.findings:
        yield Text.assemble(
            "  ", (printable(found.code), "bold yellow"), printable(f"  {found.subject}")
        )
        yield Text(printable(f"    {found.detail}"))
        yield Text(printable(f"    What to do: {found.what_to_do}"))
    if not last.findings and not last.problem:
        yield Text("  no findings")
