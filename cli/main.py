"""``account-rotation``: the command line. Each line below registers one command; nothing here holds logic.

Exit codes are in ``cli.exits``, and all of it is described in docs/cli.md, which is generated from here.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from cli import (
    bridges,
    consents,
    inventories,
    ledgers,
    reports,
    rotations,
    sandboxes,
    servers,
    spools,
    status,
    updates,
)
from cli.doctor.command import doctor
from cli.documented import INSTALL, LOOK, TRY, add, epilog
from cli.ending import run
from cli.output import want_json
from cli.sections import Sections

app = typer.Typer(
    name="account-rotation",
    cls=Sections,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain text can be piped, searched and read aloud
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=epilog(
        (
            "account-rotation plan hq          what an update of the service hq would do",
            "account-rotation update hq        do it",
            "account-rotation update --help    all options of a command",
        )
    ),
)


def _version(wanted: bool) -> None:
    if not wanted:
        return
    from importlib.metadata import version  # noqa: PLC0415

    typer.echo(f"account-rotation {version('cayosoft-account-rotation')}")
    raise typer.Exit


@app.callback()
def about(
    _version_asked: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Say the version and end."
        ),
    ] = False,
) -> None:
    """Rotate and update the connection accounts of Cayosoft Administrator, and prove that it worked.

    The inventory (ROTATION_INVENTORY) says which services and connections there are; passwords are read from Vault
    (ROTATION_VAULT_ADDR) where they are used, and are never arguments. Exit codes and JSON: docs/cli.md.
    """
    want_json(False)


add(app, updates.update)
add(app, rotations.rotate)
add(app, rotations.remediate)

add(app, updates.plan)
add(app, updates.verify)
add(app, status.status)
add(app, status.findings)
add(app, reports.report)
add(app, ledgers.ledger)
add(app, doctor)
app.add_typer(inventories.app, name="inventory", rich_help_panel=LOOK)
app.add_typer(consents.app, name="consent", rich_help_panel=LOOK)
app.add_typer(bridges.app, name="bridge", rich_help_panel=LOOK)

add(app, servers.deploy)
add(app, servers.listen)
add(app, servers.listen_vault_events, "listen-vault-events")
app.add_typer(spools.app, name="spool", rich_help_panel=INSTALL)
app.add_typer(sandboxes.app, name="sandbox", rich_help_panel=TRY)


def main() -> None:
    """Run the command line; a user's mistake ends with its fix, never with a traceback."""
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    sys.exit(run(app))


if __name__ == "__main__":
    main()
