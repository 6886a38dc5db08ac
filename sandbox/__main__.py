"""``python -m sandbox demo`` runs the main job here; ``python -m sandbox up`` keeps a sandbox to play with."""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console

from sandbox.demo import (
    demo,
    sandbox_with_prefect,
    show_addresses,
    show_how_to_use,
    stay,
    told_to_others,
)
from sandbox.notifications import BLOCK, Message, listening
from sandbox.operator.chromium import NoBrowser, chromium
from sandbox.operator.practice import show_how_to_practise
from sandbox.samba.availability import available

STOPPED = 130  # as a shell says it
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _stop(*_: object) -> NoReturn:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not cut the cleaning short
    raise KeyboardInterrupt


def up(
    console: Console,
    folder: Path,
    directory: str,
    prefect_port: int,
    announce: int | None = None,
    driver: str = "bridge",
) -> int:
    """Start everything, say where it is and how to use it, and stay until Ctrl-C.

    ``announce`` is a file descriptor to which one line of JSON is written when everything is ready.
    """
    console.print("Starting Prefect, Vault, Active Directory, Entra ID and four consoles ...")

    def tell(message: Message) -> None:
        console.print(f"[bold]The chat was told:[/] {message.subject}\n{message.body}")

    with (
        sandbox_with_prefect(folder, directory, prefect_port, driver=driver) as (world, prefect),
        listening(prefect.url, tell),
    ):
        show_addresses(console, world, prefect, prefect_port)
        for service in ("hq", "branch"):
            world.rotate_ad(service)
            world.rotate_entra(service)
        console.print(
            "\nThe accounts of hq and branch were just rotated behind their consoles, which still hold the old "
            "passwords.\nThose of plant (in place) and depot (two that take turns) are the orchestrator's to rotate."
        )
        console.print(
            f"What Prefect's automations tell is shown here, after: account-rotation deploy --notify-block {BLOCK}"
        )
        if driver == "operator":
            show_how_to_practise(console, world)
        show_how_to_use(console, world, prefect)
        if announce is not None:
            _announce(announce, told_to_others(world, prefect))
        stay(console)
    return 0


def _announce(descriptor: int, said: dict[str, Any]) -> None:
    """Say that everything is ready; BrokenPipeError when nobody waits for it any more."""
    with os.fdopen(descriptor, "w") as line:
        line.write(json.dumps(said) + "\n")


def _run(console: Console, folder: Path, arguments: argparse.Namespace) -> int:
    if arguments.verb == "up":
        return up(
            console,
            folder,
            arguments.directory,
            arguments.port,
            arguments.announce,
            arguments.driver,
        )
    if arguments.driver == "operator":
        from sandbox.operator.demo import operator_demo  # noqa: PLC0415  a browser's driver is large

        return operator_demo(console, folder, keep=arguments.keep, prefect_port=arguments.port)
    return demo(
        console,
        folder,
        keep=arguments.keep,
        directory=arguments.directory,
        prefect_port=arguments.port,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("verb", choices=("demo", "up"))
    parser.add_argument("--keep", action="store_true", help="keep everything up after the demo")
    parser.add_argument(
        "--directory",
        choices=("active_directory", "samba"),
        default="active_directory",
        help="the stand-in, or a real Samba domain controller where the packages are installed",
    )
    parser.add_argument(
        "--driver",
        choices=("bridge", "operator"),
        default="bridge",
        help="who does the consoles' steps: a bridge, or a person (in the demo a scripted browser)",
    )
    parser.add_argument("--port", type=int, default=4200, help="port of the Prefect UI (0: any)")
    parser.add_argument(
        "--announce", type=int, metavar="FD", help="say there, in JSON, when up is ready"
    )
    arguments = parser.parse_args()
    if arguments.directory == "samba" and (reason := available()):
        sys.exit(f"A real Samba domain controller cannot run here: {reason}.")
    if arguments.verb == "demo" and arguments.driver == "operator":
        _refuse_an_unplayable_demo(arguments)
    return arguments


def _refuse_an_unplayable_demo(arguments: argparse.Namespace) -> None:
    """Exit before anything is started where the demo with a person could not come to its end."""
    if arguments.directory == "samba":
        sys.exit(
            "The demo with a person (DRIVER=operator) moves the directory's clock, which a real domain controller "
            "does not let us do: leave AD=samba out, or play the person yourself: make up AD=samba DRIVER=operator"
        )
    try:
        chromium()
    except NoBrowser as none:
        sys.exit(f"The demo with a person (DRIVER=operator) is played in a browser: {none}")


def _attempt(console: Console, folder: Path, arguments: argparse.Namespace) -> int:
    try:
        return _run(console, folder, arguments)
    except KeyboardInterrupt:
        _say(console, "Stopped.")
        return STOPPED
    except OSError as problem:
        if problem.errno in (errno.EIO, errno.EPIPE):  # nobody is reading any more
            return STOPPED
        raise
    except RuntimeError as problem:  # something of the sandbox did not start
        (folder / "failure.log").write_text(traceback.format_exc())
        _say(console, f"[bold red]FAILED[/]: {problem}")
        return 1


def _say(console: Console, text: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone
        console.print(text, soft_wrap=True)


def main() -> int:
    """Read the command line and run; a failure leaves its logs, everything else leaves nothing."""
    arguments = _arguments()
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays nohup
            signal.signal(number, _stop)
    console = Console(highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="account-rotation-"))
    code = 1
    try:
        code = _attempt(console, folder, arguments)
    finally:
        if code in (0, STOPPED):
            shutil.rmtree(folder, ignore_errors=True)
        else:
            _say(console, f"The logs are kept in {folder}")
    return code


if __name__ == "__main__":
    sys.exit(main())
