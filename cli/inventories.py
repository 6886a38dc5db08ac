"""``account-rotation inventory``: look after the inventory file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.documented import add, documented
from cli.options import AsJson
from cli.output import say, write_json

if TYPE_CHECKING:
    from inventory.problems import InventoryProblems

app = typer.Typer(no_args_is_help=True, help="Look after the inventory file.")

CHECKED = {
    "file": "The file that was read.",
    "services": "How many services it has; null where there is a mistake.",
    "connections": "How many connections it has; null where there is a mistake.",
    "mistakes": "Every mistake, in the order of the lines; empty for none.",
    "mistakes[].line": "Its line, from 1.",
    "mistakes[].field": "The field, such as services[hq].console.url; empty where it belongs to none.",
    "mistakes[].message": "What is wrong.",
    "mistakes[].fix": "How it is put right.",
    "outcome": "No mistake, or Refused.",
}


@documented(
    "Report every mistake of the file at once.",
    examples=(
        "account-rotation inventory check",
        "account-rotation inventory check deployments/inventory.example.yaml",
        "account-rotation inventory check --json | jq '.mistakes[] | .line'",
    ),
    json=CHECKED,
)
def check(
    path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="The file. Without it: the one that ROTATION_INVENTORY names."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read the inventory and report every mistake at once, with file, line, field and fix.

    No system is asked. Passwords are never in this file, and a field that looks like one is a mistake.
    """
    from cli.exits import Exit  # noqa: PLC0415
    from inventory.loader import load  # noqa: PLC0415
    from inventory.problems import InventoryProblems  # noqa: PLC0415
    from inventory.settings import InventorySettings  # noqa: PLC0415

    chosen = path or InventorySettings().path()
    try:
        inventory = load(chosen)
    except InventoryProblems as found:
        problems = found
    else:
        services = len(inventory.services)
        connections = sum(len(service.connections) for service in inventory.services)
        if as_json:
            write_json(
                {
                    "file": str(chosen),
                    "services": services,
                    "connections": connections,
                    "mistakes": [],
                    "outcome": "No mistake",
                }
            )
        else:
            typer.echo(f"{chosen}: {services} services, {connections} connections, no mistake")
        return
    _show_mistakes(chosen, problems, as_json=as_json)
    raise typer.Exit(Exit.REFUSED)


def _show_mistakes(file: Path, found: InventoryProblems, *, as_json: bool) -> None:
    if not as_json:
        count = len(found.problems)
        say(f"{found}\n{file}: {count} mistake{'s' * (count > 1)}; nothing was changed.")
        return
    write_json(
        {
            "file": str(file),
            "services": None,
            "connections": None,
            "mistakes": [
                {"line": p.line, "field": p.field, "message": p.message, "fix": p.fix}
                for p in found.problems
            ],
            "outcome": "Refused",
        }
    )


add(app, check)
