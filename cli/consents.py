"""``account-rotation consent``: look at a consent, capture a manifest from it, put a snapshot back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import completion
from cli.documented import add, documented
from cli.options import AsJson
from cli.output import progress, screen, write_json

app = typer.Typer(no_args_is_help=True, help="Look after what is granted to the product's app.")

API_ACCESS = "Cayosoft Administrator API Access"
Tenant = Annotated[
    str,
    typer.Argument(
        metavar="TENANT",
        help="Name of the tenant in the inventory.",
        autocompletion=completion.tenants,
    ),
]
Account = Annotated[str, typer.Option(help="User principal name of the connection account.")]

REVIEWED = {
    "app": "Display name of the app.",
    "app_id": "Its application id.",
    "verdict": "Our verdict on the consent, in words.",
    "ready": "Whether the product may work with it.",
    "findings": "What is wrong, each with its remedy.",
    "findings[].code": "Kind of the finding; never changes its meaning.",
    "findings[].subject": "What it is about.",
    "findings[].detail": "What was found, in a sentence.",
    "findings[].what_to_do": "What a person does about it.",
    "plan": "What a remediation would do, or null where there is no remedy to carry out.",
    "plan.name": "The name by which the plan is approved.",
    "plan.steps": "What it does, in sentences.",
    "history": "Who consented and when, in sentences.",
    "not_checked": "What could not be looked at, and why, in sentences.",
}


@documented(
    "Write a manifest of what the app holds now.",
    examples=(
        "account-rotation consent capture north --account svc@north.example.test \\",
        '    --name "mine, 13.3" --output consent-13.3.json',
    ),
)
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

    with progress("reading the grants of the app"), open_tenant(tenant) as chosen:
        capture_to(chosen, account, app_name, name, output)
    typer.echo(f"{output}: compare it with the console's permission request, then pin it.")


@documented(
    "Show verdict, remedies and history of a consent.",
    examples=(
        "account-rotation consent review north --account svc@north.example.test \\",
        "    --manifest /etc/account-rotation/consent-13.3.json",
    ),
    json=REVIEWED,
)
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
    as_json: AsJson = False,
) -> None:
    """Show the verdict, what to do, what a remediation would do, and who consented. Changes nothing."""
    from cli.consenting import look, open_tenant, reviewed_as_data, show  # noqa: PLC0415
    from cli.exits import Exit  # noqa: PLC0415

    with progress("reading the grants of the app"), open_tenant(tenant) as chosen:
        seen = look(chosen, account, manifest, withdraw_beyond=take_beyond)
    if as_json:
        write_json(reviewed_as_data(seen))
    else:
        show(seen, screen())
    raise typer.Exit(Exit.OK if seen.reviewed.ready else Exit.REMEDIATION_REQUIRED)


@documented(
    "Put back what a snapshot of grants shows.",
    examples=(
        "account-rotation consent restore north snapshot.json",
        "account-rotation consent restore north snapshot.json --yes",
    ),
)
def restore(
    tenant: Tenant,
    snapshot: Annotated[
        Path, typer.Argument(metavar="SNAPSHOT", help="The snapshot that a remediation took.")
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without this it is only shown.")
    ] = False,
) -> None:
    """Put back what a snapshot shows, grants for the whole organization included. For a person only."""
    from cli.consenting import open_tenant, restore_from  # noqa: PLC0415

    with open_tenant(tenant) as chosen:
        restore_from(chosen, snapshot, screen(), really=yes)


add(app, capture)
add(app, review)
add(app, restore)
