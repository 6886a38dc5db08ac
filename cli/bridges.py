"""``account-rotation bridge``: hold what answers at an address against the contract of the console bridge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import completion
from cli.documented import add, documented
from cli.options import AsJson

app = typer.Typer(no_args_is_help=True, help="Look after the bridge to a console.")

EXAMINED = {
    "url": "Address of the bridge.",
    "outcome": "Conforms, Does not conform, or Not known: it asked to be asked later.",
    "passed": "How many checks passed.",
    "failed": "How many failed.",
    "skipped": "How many were not made.",
    "checks": "Every check, in order; docs/bridge-checks.md lists them.",
    "checks[].number": "Its number; never changes its meaning.",
    "checks[].title": "What it is about.",
    "checks[].group": "reading, drafts or saving.",
    "checks[].result": "passed, failed or skipped.",
    "checks[].said": "What was seen, or why it failed or was skipped.",
    "checks[].sentence": "The sentence of the contract that it holds the bridge to.",
    "checks[].source": "Where that stands: a rule of docs/console-bridge.md, or a part of the OpenAPI document.",
}


@documented(
    "Hold a console bridge against its contract.",
    examples=(
        "account-rotation bridge check hq",
        "account-rotation bridge check https://bridge.test --client kv/bridge/hq",
        "account-rotation bridge check hq --write",
    ),
    json=EXAMINED,
)
def check(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="Address of the bridge, or the name of a service in the inventory.",
            autocompletion=completion.services,
        ),
    ],
    client: Annotated[
        str | None,
        typer.Option(
            metavar="MOUNT/PATH",
            help="Secret in Vault with client_id and client_secret. Without it, and without --client-file: "
            "the one that the inventory names for this bridge.",
        ),
    ] = None,
    client_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="ROTATION_BRIDGE_CLIENT_FILE",
            help="JSON file with client_id and client_secret, which only you may read.",
        ),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="CA certificate of the bridge as PEM. Without it: the inventory's, or the machine's trust store.",
        ),
    ] = None,
    token_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where the client signs in, if not at the bridge itself."),
    ] = None,
    write: Annotated[
        bool,
        typer.Option(
            "--write",
            help="Make edit drafts with random passwords, and discard them. Nothing is saved.",
        ),
    ] = False,
    row: Annotated[
        str | None,
        typer.Option(
            metavar="EXTENSION/ROW",
            help="The row for --write. Without it: the first one that is found.",
        ),
    ] = None,
    save: Annotated[
        str | None,
        typer.Option(
            metavar="EXTENSION/ROW",
            help="Save --credential into this row, after you have confirmed it. Needs --write.",
        ),
    ] = None,
    credential: Annotated[
        str | None,
        typer.Option(
            metavar="MOUNT/PATH",
            help="Secret in Vault with the username and password that --save saves: a pair that is in use.",
        ),
    ] = None,
    wait_for_expiry: Annotated[
        float,
        typer.Option(
            min=0,
            max=3600,
            metavar="SECONDS",
            help="How long --save may wait for a draft to expire.",
        ),
    ] = 0.0,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm --save without being asked.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hold any implementation of the console bridge against its contract, sentence by sentence.

    Reads only, unless you say --write. Each check has a number; docs/bridge-checks.md lists them all. The client's
    secret comes from Vault or from a file, never from the command line. Ends with 12 when a check failed.
    """
    from cli.examining import Permission, Target, examine  # noqa: PLC0415

    target = Target(url, client, client_file, ca_file, token_url)
    permission = Permission(
        write=write,
        row=row,
        save=save,
        credential=credential,
        wait_for_expiry=wait_for_expiry,
        confirmed=yes,
    )
    raise typer.Exit(examine(target, permission, as_json=as_json))


add(app, check)
