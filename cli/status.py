"""``account-rotation status`` and ``findings``: the fleet at a glance, from ledgers and Vault's metadata alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import completion
from cli.documented import LOOK, documented
from cli.fleet_keys import FINDINGS, STATUS
from cli.options import AsJson
from cli.output import progress, screen


@documented(
    "Show how every connection stands.",
    section=LOOK,
    examples=("account-rotation status", "account-rotation status -s hq --html fleet.html"),
    json=STATUS,
)
def status(
    service: Annotated[
        list[str] | None, typer.Option("--service", "-s", help="Only this service; repeatable.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the table as one HTML page.")
    ] = None,
    late_after: Annotated[
        float, typer.Option(min=0, metavar="HOURS", help="When a verification counts as late.")
    ] = 26.0,
    as_json: AsJson = False,
) -> None:
    """Show how every connection stands, the most urgent first; changes nothing and reads no secret.

    Exit code: 0 in order, 15 not verified in time, 14 not ended or not up to date, 24 needs a person, 25 not all
    could be told.
    """
    with progress("asking Vault"):
        from cli.standing import show_status  # noqa: PLC0415  Vault's client takes a while to import

        code, tell = show_status(service or [], html, late_after, as_json=as_json)
    tell(screen())
    raise typer.Exit(code)


@documented(
    "Show what the last runs found, and what to do.",
    section=LOOK,
    examples=("account-rotation findings", "account-rotation findings hq-m365"),
    json=FINDINGS,
)
def findings(
    connection: Annotated[
        str | None,
        typer.Argument(
            help="Name of a connection; without it, all of them.",
            autocompletion=completion.connections,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the last run of each connection found, and what to do about it; changes nothing."""
    from cli.findings import show_findings  # noqa: PLC0415

    show_findings(connection, as_json=as_json, console=screen())
