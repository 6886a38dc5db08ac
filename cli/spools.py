"""``account-rotation spool``: look at the hints of the intake, let one wait again, or end one."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cli.documented import add, below, documented
from cli.options import AsJson

app = typer.Typer(no_args_is_help=True, help="Look after the hints that the intake keeps.")


class StateName(StrEnum):
    """The states that hints are in."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


Number = Annotated[
    int, typer.Argument(min=1, metavar="NUMBER", help="Number of the hint, as the list shows it.")
]

HINT = {
    "number": "Number of the hint in this spool.",
    "id": "Id of the message that brought it.",
    "mount": "Mount of the secret in Vault.",
    "path": "Path of the secret.",
    "version": "Its version, or null for the latest.",
    "source": "Who brought it: webhook, vault-event or audit.",
    "received": "When it arrived.",
    "since": "When it began to wait.",
    "state": "waiting, delivered or dead.",
    "attempts": "How often it was tried.",
    "next_try": "When it is tried next.",
    "last_error": "Why the last try failed, or empty.",
    "outcome": "What became of it, or empty.",
    "flow_runs": "Ids of the flow runs that it led to, or empty.",
    "ended": "When it ended, or null.",
    "vault_index": "Index of Vault's event, or null.",
}


@documented(
    "List hints, the youngest first.",
    examples=("account-rotation spool list --state dead",),
    json=below("[]", HINT),
)
def show_all(
    state: Annotated[StateName | None, typer.Option(help="Only hints in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List hints, the youngest first. INTAKE_SPOOL names the spool."""
    from cli.showing_spools import print_all  # noqa: PLC0415

    print_all(state.value if state else None, limit, as_json=as_json)


@documented("Show one hint.", json=HINT)
def show(number: Number, as_json: AsJson = False) -> None:
    """Show one hint. INTAKE_SPOOL names the spool."""
    from cli.showing_spools import open_spool, print_one  # noqa: PLC0415

    with open_spool() as spool:
        print_one(spool.get(number), as_json=as_json)


@documented("Let a hint wait again.", json=HINT)
def replay(number: Number, as_json: AsJson = False) -> None:
    """Let a hint wait again, such as a dead one whose cause was corrected."""
    from cli.showing_spools import open_spool, print_one  # noqa: PLC0415

    with open_spool() as spool:
        print_one(spool.replay(number), as_json=as_json)


@documented("End a hint without an update.", json=HINT)
def drop(number: Number, as_json: AsJson = False) -> None:
    """End a hint without an update; it is remembered, so that the same message changes nothing."""
    from cli.showing_spools import open_spool, print_one  # noqa: PLC0415

    with open_spool() as spool:
        print_one(spool.drop(number), as_json=as_json)


add(app, show_all, "list")
add(app, show)
add(app, replay)
add(app, drop)
