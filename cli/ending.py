"""How a command ends: with an exit code, and for a person's mistake with its fix, never with a traceback."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from cli.output import patient_streams, say, wants_json, write_json
from connectors.errors import RotationError

if TYPE_CHECKING:
    from report.record import RunRecord

NAME = "account-rotation"
STOPPED = 130
_USAGE = 2
_CRASH = 1
_HERE = Path(__file__).parents[1]


def run(app: typer.Typer) -> int:
    """Run the command line and return its exit code."""
    with patient_streams():
        try:
            return _run(app)
        except KeyboardInterrupt:
            return _stopped()


def _run(app: typer.Typer) -> int:
    usage = _usage_error()
    try:
        code = app(prog_name=NAME, standalone_mode=False)
    except typer.Abort:
        return _stopped()
    except usage as error:
        error.show()  # type: ignore[attr-defined]
        return _USAGE
    except RotationError as error:
        return _told(error)
    except Exception as error:  # noqa: BLE001  its text may hold a secret
        return _crashed(error)
    if code == STOPPED:
        return _stopped()
    return int(code or 0)


def _usage_error() -> type[Exception]:
    """Return the class of usage errors, which Typer keeps in a private module."""
    return next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def _told(error: RotationError) -> int:
    from cli.exits import exit_code_of  # noqa: PLC0415  the end states take a while to import
    from report.verdict import outcome_of_error  # noqa: PLC0415

    say(f"{error}\n{error.what_to_do()}")
    if wants_json():
        write_json(
            {
                "outcome": outcome_of_error(error).name,
                "error": str(error),
                "what_to_do": error.what_to_do(),
            }
        )
    return int(exit_code_of(error))


def _stopped() -> int:
    say("Stopped. Start the same command again: it looks first at what is already so.")
    return STOPPED


def _crashed(error: Exception) -> int:
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.startswith(str(_HERE))
    ]
    place = f"{Path(frames[-1].filename).relative_to(_HERE)}:{frames[-1].lineno}" if frames else "?"
    say(
        f"account-rotation: defect: kind={type(error).__name__}, at={place}\n"
        "This is a defect of account-rotation and not yours: report the kind and the place. "
        "Start the command again; it looks first at what is already so."
    )
    return _CRASH


def leave(*records: RunRecord) -> NoReturn:
    """End with the exit code of the worst run."""
    from cli.exits import CODES  # noqa: PLC0415
    from report.verdict import worst_of  # noqa: PLC0415

    code = CODES[worst_of(records)]
    if any(record.error is not None and record.error.system == "prefect" for record in records):
        _leave_now(code)
    raise typer.Exit(code)


def _leave_now(code: int) -> NoReturn:
    """End without Prefect's own clean-up, which would try for minutes to reach an API that is away."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
