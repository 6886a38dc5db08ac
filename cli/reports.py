"""``account-rotation report``: the report of a run as one page, from what Prefect keeps of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import completion
from cli.documented import LOOK, documented
from cli.fleet_keys import REPORT
from cli.options import AsJson
from cli.output import progress, screen


@documented(
    "Show or keep the report of a run.",
    section=LOOK,
    examples=("account-rotation report hq-ad", "account-rotation report hq-ad --html hq-ad.html"),
    json=REPORT,
)
def report(
    run: Annotated[
        str,
        typer.Argument(
            metavar="FLOW_RUN_ID|CONNECTION",
            help="Id of a flow run; or a connection's name, for its last one.",
            autocompletion=completion.connections,
        ),
    ],
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report as one HTML page.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show or keep the report of a run: outcome, procedure with evidence, timeline, consent, findings."""
    with progress("asking Prefect"):
        from cli.reporting import show  # noqa: PLC0415  Prefect takes a second to import

    show(run, html, as_json=as_json, console=screen())
