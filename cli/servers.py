"""``account-rotation deploy``, ``listen`` and ``listen-vault-events``: what runs on a server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.documented import INSTALL, documented
from cli.options import AsJson
from cli.output import screen

DEPLOYED = {
    "url": "Address of the Prefect server, without a login.",
    "things": "What was to be there, in the order of the work.",
    "things[].kind": "work pool, work queue, deployment, automation or variable.",
    "things[].name": "Its name.",
    "things[].did": "created, changed, as it was or left out.",
    "things[].why": "More about it, or empty.",
    "notes": "What still lacks, in sentences.",
    "verdict": "The whole in a sentence.",
}


@documented(
    "Bring deployments to the Prefect server.",
    section=INSTALL,
    examples=("account-rotation deploy --notify-block slack-webhook/rotation",),
    json=DEPLOYED,
)
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
    """Bring work pool, deployments, schedules and automations to the Prefect server; repeat it at will.

    PREFECT_API_URL names the server. Both files are checked before anything is touched.
    """
    from cli.deploying import deploy as run  # noqa: PLC0415  Prefect takes a second to import
    from cli.output import progress  # noqa: PLC0415

    with progress("deploying"):
        run(prefect_yaml, automations, notify_block, as_json=as_json, console=screen())


@documented("Listen for news from Vault.", section=INSTALL)
def listen() -> None:
    """Listen for the news that secrets were rotated, and start updates for it (docs/intake.md).

    Runs until Ctrl-C or SIGTERM. The variables INTAKE_... say where it listens and what it keeps.
    """
    from cli.listening import listen as serve  # noqa: PLC0415

    serve()


@documented("Take Vault Enterprise's own events.", section=INSTALL)
def listen_vault_events() -> None:
    """Put Vault Enterprise's event notifications into the spool of a listening intake (docs/intake.md).

    Runs until Ctrl-C or SIGTERM, and connects again by itself.
    """
    from cli.listening import listen_to_vault  # noqa: PLC0415

    listen_to_vault()
