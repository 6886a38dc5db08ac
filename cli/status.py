"""``account-rotation status`` and ``findings``: the fleet at a glance, from ledgers and Vault's metadata alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON instead of text.")]


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

    Exit code: 0 in order, 13 not verified in time, 12 not ended or not up to date, 24 needs a person, 25 not all
    could be told.
    """
    from cli.standing import show_status  # noqa: PLC0415  Vault's client takes a while to import

    code = show_status(service or [], html, late_after, as_json=as_json, console=Console())
    raise typer.Exit(code)


def findings(
    connection: Annotated[
        str | None, typer.Argument(help="Name of a connection; without it, all of them.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what the last run of each connection found, and what to do about it; changes nothing."""
    from cli.findings import show_findings  # noqa: PLC0415

    show_findings(connection, as_json=as_json, console=Console())


def register(app: typer.Typer) -> None:
    """Add both to the command line."""
    app.command()(status)
    app.command()(findings)
