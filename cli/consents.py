"""``account-rotation consent``: look at a consent, capture a manifest from it, put a snapshot back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(no_args_is_help=True, help="Look after what is granted to the product's app.")

API_ACCESS = "Cayosoft Administrator API Access"
Tenant = Annotated[str, typer.Argument(help="Name of the tenant in the inventory.")]
Account = Annotated[str, typer.Option(help="User principal name of the connection account.")]


@app.command()
def capture(
    tenant: Tenant,
    account: Account,
    name: Annotated[
        str, typer.Option(help="What reports call the list, with the product version in it.")
    ],
    output: Annotated[Path, typer.Option(help="File to write; one that exists is kept.")],
    app_name: Annotated[
        str, typer.Option("--app", help="Display name of the app in Enterprise applications.")
    ] = API_ACCESS,
) -> None:
    """Write a manifest of what the app holds in a tenant that is known to be good. Changes nothing there."""
    from cli.consenting import capture_to, open_tenant  # noqa: PLC0415  MSAL takes a while to import

    with open_tenant(tenant) as chosen:
        capture_to(chosen, account, app_name, name, output)
    typer.echo(f"{output}: compare it with the console's permission request, then pin it.")


@app.command()
def review(
    tenant: Tenant,
    account: Account,
    manifest: Annotated[
        str, typer.Option(help="Path of a manifest, or the name of a built-in one.")
    ],
    take_beyond: Annotated[
        bool,
        typer.Option(
            "--take-beyond",
            help="Plan also to delete what everybody has and the manifest does not list.",
        ),
    ] = False,
) -> None:
    """Show the verdict, what to do, what a remediation would do, and who consented. Changes nothing."""
    from cli.consenting import open_tenant, show  # noqa: PLC0415
    from cli.exits import Exit  # noqa: PLC0415

    with open_tenant(tenant) as chosen:
        ready = show(chosen, account, manifest, Console(), withdraw_beyond=take_beyond)
    raise typer.Exit(Exit.OK if ready else Exit.REMEDIATION_REQUIRED)


@app.command()
def restore(
    tenant: Tenant,
    snapshot: Annotated[Path, typer.Argument(help="The snapshot that a remediation took.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without this it is only shown.")
    ] = False,
) -> None:
    """Put back what a snapshot shows, grants for the whole organization included. For a person only."""
    from cli.consenting import open_tenant, restore_from  # noqa: PLC0415

    with open_tenant(tenant) as chosen:
        restore_from(chosen, snapshot, Console(), really=yes)
