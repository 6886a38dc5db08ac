"""``account-rotation sandbox``: the embedded sandbox of a checkout, and the faults of its stand-ins."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from cli import completion
from cli.documented import add, below, documented
from cli.options import AsJson

app = typer.Typer(
    no_args_is_help=True, help="Start and end the embedded sandbox, and make it fail on purpose."
)
faults_app = typer.Typer(no_args_is_help=True, help="Let the stand-ins of a running sandbox fail.")

UP = {
    "outcome": "started, or already running.",
    "pid": "Process id of the sandbox.",
    "folder": "Its folder; it is removed when the sandbox ends.",
    "environment": "File with its settings, to be read by a shell: . FILE",
    "prefect": "Address of the Prefect server and its UI.",
    "log": "What it printed; null where it runs in a terminal.",
    "stand_ins": "Each system.",
    "stand_ins[].name": "Its name, as `faults` wants it.",
    "stand_ins[].url": "Where clients go.",
    "stand_ins[].control": "Where its faults are armed.",
}
DOWN = {
    "outcome": "ended, killed, or not running.",
    "pid": "Process id of the sandbox that was ended, or null.",
    "left": "Folder that a killed sandbox has left behind, or null.",
}
FAULT = {
    "system": "The stand-in.",
    "id": "Number of the fault there.",
    "route": "Which calls meet it; * stands for anything.",
    "kind": "What happens to them.",
    "times": "How many calls will still meet it; 0: until it is cleared.",
    "skip": "How many calls pass before.",
    "status": "HTTP status that is answered, for the kinds that answer.",
    "retry_after": "Seconds that the answer asks to be left alone, or null.",
    "seconds": "Length of a delay.",
}
FAULTS = {
    "faults": "The faults that are still armed.",
    **below("faults[]", FAULT),
    "held": "Every stand-in, with the calls that it holds right now.",
    "held[].system": "The stand-in.",
    "held[].calls": "How many calls it holds.",
}


class Directory(StrEnum):
    """What plays Active Directory."""

    STAND_IN = "active_directory"
    SAMBA = "samba"


System = Annotated[
    str,
    typer.Argument(
        metavar="SYSTEM",
        help="The stand-in: vault, ad, entra-NAME or console-NAME; `faults list` shows them.",
        autocompletion=completion.stand_ins,
    ),
]


@documented(
    "Start the sandbox of this checkout.",
    examples=("account-rotation sandbox up", "account-rotation sandbox up --detach"),
    json=UP,
)
def up(
    detach: Annotated[
        bool,
        typer.Option(
            "--detach", "-d", help="Leave it running in the background; end it with down."
        ),
    ] = False,
    directory: Annotated[
        Directory, typer.Option(help="The stand-in, or a real Samba domain controller.")
    ] = Directory.STAND_IN,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the Prefect UI; 0 for any.")
    ] = 4200,
    as_json: AsJson = False,
) -> None:
    """Start Prefect, and stand-ins for Vault, Active Directory, Entra ID and four consoles, all on loopback.

    Nothing real is touched, and everything is removed at the end. The sandbox belongs to a checkout of the
    repository and not to an installed package. Started twice, it says where the running one is.
    """
    from cli.sandboxing import start  # noqa: PLC0415

    if as_json and not detach:
        raise typer.BadParameter("it needs --detach", param_hint="--json")
    raise typer.Exit(start(directory.value, port, detach=detach, as_json=as_json))


@documented(
    "End the sandbox that up started.", examples=("account-rotation sandbox down",), json=DOWN
)
def down(as_json: AsJson = False) -> None:
    """End the sandbox that `sandbox up` started, and nothing else; without one there is nothing to do."""
    from cli.sandboxing import stop  # noqa: PLC0415

    stop(as_json=as_json)


@documented(
    "List the faults that are armed.",
    examples=("account-rotation sandbox faults list",),
    json=FAULTS,
)
def list_faults(as_json: AsJson = False) -> None:
    """List the faults that are still armed, and the calls that are held."""
    from cli.sandbox_faults import show_all  # noqa: PLC0415

    show_all(as_json=as_json)


@documented(
    "Arm a fault.",
    examples=(
        "account-rotation sandbox faults set console-hq draft.save answer_lost",
        "account-rotation sandbox faults set vault 'kv.*' status --times 2",
        "account-rotation sandbox faults set ad bind delay --seconds 5 --times 0",
    ),
    json=FAULT,
)
def set_fault(
    system: System,
    route: Annotated[
        str,
        typer.Argument(
            metavar="ROUTE",
            help="Which calls: a name of the stand-in's README, such as draft.save; * stands for anything.",
        ),
    ],
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="unreachable, answer_lost, status, status_after, html, delay, hold_before, hold_after, or one "
            "that only this stand-in knows.",
            autocompletion=completion.fault_kinds,
        ),
    ],
    times: Annotated[
        int, typer.Option(min=0, help="How many calls meet it; 0 until it is cleared.")
    ] = 1,
    skip: Annotated[int, typer.Option(min=0, help="How many calls pass before.")] = 0,
    status: Annotated[
        int | None, typer.Option(min=100, max=599, help="HTTP status, for the kinds that answer.")
    ] = None,
    retry_after: Annotated[
        float | None, typer.Option(min=0, help="Seconds that the answer asks to be left alone.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0, help="Length of a delay.")] = None,
    as_json: AsJson = False,
) -> None:
    """Arm a fault at one stand-in: the next calls of a route meet it."""
    from cli.sandbox_faults import arm  # noqa: PLC0415

    more = {"status": status, "retry_after": retry_after, "seconds": seconds}
    given = {name: value for name, value in more.items() if value is not None}
    arm(
        system,
        {"route": route, "kind": kind, "times": times, "skip": skip, **given},
        as_json=as_json,
    )


@documented(
    "Clear the faults, and let held calls go on.",
    examples=(
        "account-rotation sandbox faults clear",
        "account-rotation sandbox faults clear console-hq",
    ),
    json={"cleared": "How many faults were armed.", "released": "How many calls were held."},
)
def clear_faults(
    system: Annotated[
        str | None,
        typer.Argument(
            metavar="[SYSTEM]",
            help="The stand-in. Without it: all of them.",
            autocompletion=completion.stand_ins,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Clear every fault of one stand-in, or of all, and let the calls go on that are held."""
    from cli.sandbox_faults import clear  # noqa: PLC0415

    clear(system, as_json=as_json)


add(app, up)
add(app, down)
add(faults_app, list_faults, "list")
add(faults_app, set_fault, "set")
add(faults_app, clear_faults, "clear")
app.add_typer(faults_app, name="faults")
