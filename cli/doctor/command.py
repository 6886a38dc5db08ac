"""``account-rotation doctor``."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from cli.doctor.keys import KEYS
from cli.documented import LOOK, documented
from cli.options import AsJson
from cli.output import write_json

if TYPE_CHECKING:
    from cli.doctor.examine import Tell
    from cli.doctor.model import Check

AREAS = (
    "configuration", "vault", "directories", "tenants", "consoles", "prefect", "intake", "ledgers", "clocks",
)  # fmt: skip
"""Named here too, so that the command line's help needs none of the connectors."""


def _known(given: list[str] | None) -> list[str]:
    for area in given or ():
        if area not in AREAS:
            raise typer.BadParameter(f"there is no area {area}; name one of {', '.join(AREAS)}")
    return given or []


@documented(
    "Find what is wrong in the whole installation.",
    section=LOOK,
    examples=(
        "account-rotation doctor",
        "account-rotation doctor --only vault --only prefect --verbose",
    ),
    json=KEYS,
)
def doctor(
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="AREA",
            callback=_known,
            help=f"Look at one area, and what it depends on; repeat it for several: {', '.join(AREAS)}.",
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="List every check with what it looked at.")
    ] = False,
    patience: Annotated[
        float, typer.Option(min=1, max=300, help="Seconds that one check may take.")
    ] = 20.0,
    intake: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where the intake answers, if its settings do not say."),
    ] = None,
    prefect_yaml: Annotated[Path, typer.Option(help="The deployments as they should be.")] = Path(
        "prefect.yaml"
    ),
    automations: Annotated[Path, typer.Option(help="The automations as they should be.")] = Path(
        "deployments/automations.yaml"
    ),
    as_json: AsJson = False,
) -> None:
    """Look at the whole installation, change nothing, and name the fix of each fault (docs/doctor.md)."""
    # Before Prefect is imported: its own lines would mix with ours.
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
    from cli.doctor.examine import examine  # noqa: PLC0415  the connectors take a second to import
    from cli.doctor.model import Area  # noqa: PLC0415
    from cli.doctor.show import show  # noqa: PLC0415
    from cli.doctor.site import Choices  # noqa: PLC0415

    choices = Choices(prefect_yaml, automations, intake)
    with _progress() as tell:
        found = examine(choices, [Area(name) for name in only or ()], patience=patience, tell=tell)
    from rich.console import Console  # noqa: PLC0415

    if as_json:
        write_json(found.as_data())
    else:
        show(Console(), found, verbose=verbose)
    _leave(found.exit)


@contextmanager
def _progress() -> Iterator[Tell]:
    """Say on stderr how far it is, where that is a terminal."""
    from rich.console import Console  # noqa: PLC0415  help and completion need none of it
    from rich.text import Text  # noqa: PLC0415

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _over, _all, _busy: None
        return
    with console.status("Looking ...") as status:

        def tell(over: int, all_: int, busy: Sequence[Check]) -> None:
            line = Text(f"{over} of {all_} checks; {', '.join(map(str, busy))}")
            line.truncate(max(20, console.width - 3), overflow="ellipsis")
            status.update(line)

        yield tell


def _leave(code: int) -> NoReturn:
    """End now: a check that hangs, and Prefect's own clean-up, would keep the process."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
