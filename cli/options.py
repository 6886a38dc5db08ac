"""What several commands have in common: their arguments and options."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import completion
from cli.output import want_json

Service = Annotated[
    str,
    typer.Argument(
        metavar="SERVICE",
        help="Name of a service in the inventory.",
        autocompletion=completion.services,
    ),
]
Connection = Annotated[
    str,
    typer.Argument(
        metavar="CONNECTION",
        help="Name of a connection in the inventory.",
        autocompletion=completion.connections,
    ),
]
Connections = Annotated[
    list[str] | None,
    typer.Option(
        "--connection",
        "-c",
        metavar="NAME",
        help="Name of a connection of the service; repeat it for several. Without it: all of them.",
        autocompletion=completion.connections_of_service,
    ),
]
Version = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Version of the secret in Vault, for exactly one connection."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, change nothing.")]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON value instead of text; its keys are in docs/cli.md.",
        callback=want_json,
    ),
]
