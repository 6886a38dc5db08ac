"""``account-rotation``: the command line. Exit codes are in ``cli.exits``; nothing here holds logic."""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from cli import consents, reports, spools, status
from cli.exits import exit_code, exit_code_of
from connectors.errors import RotationError
from report.record import RunRecord
from report.text import printable

app = typer.Typer(
    name="account-rotation",
    help="Rotate and update the connection accounts of Cayosoft Administrator, and prove that it worked.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
inventory_app = typer.Typer(no_args_is_help=True, help="Look after the inventory file.")
app.add_typer(inventory_app, name="inventory")
app.add_typer(spools.app, name="spool")
app.add_typer(consents.app, name="consent")
status.register(app)
reports.register(app)

Service = Annotated[str, typer.Argument(help="Name of the service in the inventory.")]
Connections = Annotated[
    list[str] | None,
    typer.Option("--connection", "-c", help="Name of a connection; repeat it for several."),
]
Version = Annotated[
    int | None,
    typer.Option(min=1, help="Version of the secret in Vault, for exactly one connection."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, change nothing.")]
TryAgain = Annotated[
    bool,
    typer.Option(
        "--try-again",
        help="Try a refused version once more: the directory was corrected, not Vault.",
    ),
]
RotateRole = Annotated[
    bool,
    typer.Option("--rotate-role", help="Let Vault rotate the connections' static roles first."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON instead of text.")]


@app.command()
def update(
    service: Service,
    connection: Connections = None,
    secret_version: Version = None,
    dry_run: DryRun = False,
    try_again: TryAgain = False,
    rotate_role: RotateRole = False,
    as_json: AsJson = False,
) -> None:
    """Bring a service's connections to the credential that Vault holds, as the vendor's article describes."""
    from cli.running import run_update  # noqa: PLC0415  Prefect takes a second to import

    record = run_update(
        service,
        connection,
        secret_version,
        dry_run=dry_run,
        try_again=try_again,
        rotate_role=rotate_role,
        as_json=as_json,
        console=Console(),
    )
    _leave(record)


@app.command()
def rotate(
    connection: Annotated[str, typer.Argument(help="Name of a connection in the inventory.")],
    dry_run: DryRun = False,
    finish: Annotated[
        bool, typer.Option("--finish", help="Finish what is unfinished or due; begin nothing new.")
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Set the new password although the current or staged one is refused.",
        ),
    ] = False,
    abandon: Annotated[
        bool,
        typer.Option(
            "--abandon",
            help="Give an unfinished rotation up, where the old credential still works.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Give a connection account a new password, bring it to the console, and prove that it works."""
    from cli.running import run_rotation  # noqa: PLC0415  Prefect takes a second to import

    if abandon and (finish or overwrite or dry_run):
        raise typer.BadParameter("--abandon stands alone", param_hint="--abandon")
    record = run_rotation(
        connection,
        dry_run=dry_run,
        finish_only=finish,
        overwrite=overwrite,
        abandon=abandon,
        as_json=as_json,
        console=Console(),
    )
    _leave(record)


@app.command()
def remediate(
    connection: Annotated[str, typer.Argument(help="Name of a Microsoft 365 connection.")],
    approve: Annotated[
        str | None,
        typer.Option(metavar="PLAN", help="Carry out this plan, which was shown before."),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Show what would repair the consent of a connection's Entra app, or carry out the plan that was shown."""
    from cli.running import run_remediation  # noqa: PLC0415  Prefect takes a second to import

    record = run_remediation(
        connection,
        dry_run=dry_run,
        approve=approve,
        approved_by=getpass.getuser() if approve else None,
        as_json=as_json,
        console=Console(),
    )
    _leave(record)


def _leave(record: RunRecord) -> NoReturn:
    if record.error is not None and record.error.system == "prefect":
        _leave_now(exit_code(record))
    raise typer.Exit(exit_code(record))


def _leave_now(code: int) -> NoReturn:
    """End without Prefect's own clean-up, which would try for minutes to reach an API that is away."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


@app.command()
def ledger(
    connection: Annotated[str, typer.Argument(help="Name of a connection in the inventory.")],
    as_json: AsJson = False,
) -> None:
    """Show what is remembered of a connection: what was applied when, and which sign-ins were spent."""
    from cli.ledgers import show  # noqa: PLC0415

    show(connection, as_json=as_json, console=Console())


@app.command()
def deploy(
    prefect_yaml: Annotated[Path, typer.Option(help="The deployments and their schedules.")] = Path(
        "prefect.yaml"
    ),
    automations: Annotated[Path, typer.Option(help="Who is told, and when.")] = Path(
        "deployments/automations.yaml"
    ),
    notify_block: Annotated[
        str | None,
        typer.Option(
            metavar="TYPE/NAME",
            help="Prefect notification block that messages go to; remembered for the next time.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring work pool, deployments, schedules and automations to the Prefect server; repeat it at will."""
    from cli.deploying import deploy as run  # noqa: PLC0415  Prefect takes a second to import

    run(prefect_yaml, automations, notify_block, as_json=as_json, console=Console())


@app.command()
def listen() -> None:
    """Listen for the news that secrets were rotated, and start updates for it (docs/intake.md)."""
    from cli.listening import listen as serve  # noqa: PLC0415

    serve()


@app.command("listen-vault-events")
def listen_vault_events() -> None:
    """Put Vault Enterprise's event notifications into the spool of a listening intake."""
    from cli.listening import listen_to_vault  # noqa: PLC0415

    listen_to_vault()


@inventory_app.command("check")
def check(
    path: Annotated[
        Path | None, typer.Argument(help="The file; without it, ROTATION_INVENTORY.")
    ] = None,
) -> None:
    """Read the inventory and report every mistake at once, with file, line, field and fix."""
    from inventory.loader import load  # noqa: PLC0415
    from inventory.settings import InventorySettings  # noqa: PLC0415

    chosen = path or InventorySettings().path()
    inventory = load(chosen)
    connections = sum(len(service.connections) for service in inventory.services)
    typer.echo(
        f"{chosen}: {len(inventory.services)} services, {connections} connections, no mistake"
    )


def main() -> None:
    """Run the command line; a user's mistake ends with its fix, never with a traceback."""
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    try:
        app()
    except RotationError as error:
        sys.stderr.write(printable(f"{error}\n{error.what_to_do()}\n"))
        sys.exit(exit_code_of(error))


if __name__ == "__main__":
    main()
