"""``account-rotation rotate`` and ``remediate``: a new password, and a consent that is put right."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.documented import CHANGE, documented
from cli.ending import leave
from cli.options import AsJson, Connection, DryRun
from cli.output import progress, screen
from cli.run_keys import RUN


@documented(
    "Give an account a new password, and prove it.",
    section=CHANGE,
    examples=(
        "account-rotation rotate plant-ad",
        "account-rotation rotate plant-ad --dry-run",
        "account-rotation rotate plant-ad --finish",
    ),
    json=RUN,
)
def rotate(
    connection: Connection,
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
    """Give a connection account a new password, bring it to the console, and prove that it works.

    The password is at rest in Vault before any directory hears of it: a rotation that was cut off is finished by
    the same command.
    """
    with progress("starting"):
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
        console=screen(),
    )
    leave(record)


@documented(
    "Show or carry out what repairs a consent.",
    section=CHANGE,
    examples=(
        "account-rotation remediate hq-m365",
        "account-rotation remediate hq-m365 --approve 07317b2698cf",
    ),
    json=RUN,
)
def remediate(
    connection: Connection,
    approve: Annotated[
        str | None,
        typer.Option(metavar="PLAN", help="Carry out this plan, which was shown before."),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Show what would repair the consent of a connection's Entra app, or carry out the plan that was shown.

    Only Microsoft 365 connections have a consent. Without --approve nothing is granted unless the inventory's policy
    is auto.
    """
    import getpass  # noqa: PLC0415

    with progress("starting"):
        from cli.running import run_remediation  # noqa: PLC0415  Prefect takes a second to import

    record = run_remediation(
        connection,
        dry_run=dry_run,
        approve=approve,
        approved_by=getpass.getuser() if approve else None,
        as_json=as_json,
        console=screen(),
    )
    leave(record)
