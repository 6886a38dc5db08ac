"""``account-rotation report``: the report of a run as one page, from what Prefect keeps of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def report(
    run: Annotated[
        str,
        typer.Argument(
            metavar="FLOW_RUN_ID|CONNECTION",
            help="Id of a flow run; or a connection's name, for its last one.",
        ),
    ],
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report as one HTML page.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the record as JSON instead of text.")
    ] = False,
) -> None:
    """Show or keep the report of a run: outcome, procedure with evidence, timeline, consent, findings."""
    from cli.reporting import show  # noqa: PLC0415  Prefect takes a second to import

    show(run, html, as_json=as_json, console=Console())


def register(app: typer.Typer) -> None:
    """Add it to the command line."""
    app.command()(report)
