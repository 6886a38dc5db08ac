"""``account-rotation update``, ``plan`` and ``verify``: what consoles hold, and what they are to hold."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import completion
from cli.documented import CHANGE, LOOK, documented
from cli.ending import leave
from cli.options import AsJson, Connections, DryRun, Service, Version
from cli.output import progress, screen, write_json
from cli.run_keys import PLAN, RUN, RUNS

Services = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[SERVICE]...",
        help="Names of services in the inventory. Without them: every service that a run can reach.",
        autocompletion=completion.services,
    ),
]


@documented(
    "Bring connections to the credential in Vault.",
    section=CHANGE,
    examples=(
        "account-rotation update hq",
        "account-rotation update hq -c hq-ad -c hq-m365 --dry-run",
        "account-rotation update hq -c hq-ad --secret-version 7",
    ),
    json=RUN,
)
def update(
    service: Service,
    connection: Connections = None,
    secret_version: Version = None,
    dry_run: DryRun = False,
    try_again: Annotated[
        bool,
        typer.Option(
            "--try-again",
            help="Try a refused version once more: the directory was corrected, not Vault.",
        ),
    ] = False,
    rotate_role: Annotated[
        bool,
        typer.Option("--rotate-role", help="Let Vault rotate the connections' static roles first."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a service's connections to the credential that Vault holds, and prove that it works.

    This is the vendor's article "Update account credentials in Cayosoft Administrator", step by step. It may be
    started again at any time: what is already so is found and skipped.
    """
    with progress("starting"):
        from cli.running import run_update  # noqa: PLC0415  Prefect takes a second to import

    record = run_update(
        service,
        connection,
        secret_version,
        dry_run=dry_run,
        try_again=try_again,
        rotate_role=rotate_role,
        as_json=as_json,
        console=screen(),
    )
    leave(record)


@documented(
    "Say what an update would do, step by step.",
    section=LOOK,
    examples=("account-rotation plan hq", "account-rotation plan hq -c hq-ad --json"),
    json=PLAN,
)
def plan(
    service: Service,
    connection: Connections = None,
    secret_version: Version = None,
    as_json: AsJson = False,
) -> None:
    """Say what an update would do, step by step for each connection, and change nothing.

    Everything that can be looked at is looked at now, in a dry run. A password that is not proven yet signs in
    once, as in an update; the ledger remembers that sign-in, and Prefect the run.
    """
    from cli.planning import plan_as_data, show_plan  # noqa: PLC0415

    with progress("starting"):
        from cli.running import plan_update  # noqa: PLC0415  Prefect takes a second to import

    record = plan_update(service, connection, secret_version)
    if as_json:
        write_json(plan_as_data(record))
    else:
        show_plan(record, screen())
    leave(record)


@documented(
    "Verify that what consoles hold still works.",
    section=LOOK,
    examples=("account-rotation verify", "account-rotation verify hq branch --json"),
    json=RUNS,
)
def verify(service: Services = None, as_json: AsJson = False) -> None:
    """Verify that what the consoles hold still signs in, is what Vault holds, and has its rights and consent.

    Read-only but for the ledger, which remembers when that was. One sign-in is made with each connection's account;
    a connection that a run is working on is left alone.
    """
    with progress("starting"):
        from cli.running import run_verification  # noqa: PLC0415  Prefect takes a second to import

    leave(*run_verification(service or [], as_json=as_json, console=screen()))
