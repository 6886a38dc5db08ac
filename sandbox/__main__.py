"""``python -m sandbox demo`` runs the main job here; ``python -m sandbox up`` keeps a sandbox to play with."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from sandbox.demo import demo, sandbox_with_prefect, show_addresses


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def up(console: Console, folder: Path, directory: str, prefect_port: int) -> int:
    """Start everything, say where it is and how to use it, and stay until Ctrl-C."""
    with sandbox_with_prefect(folder, directory, prefect_port) as (world, prefect):
        show_addresses(console, world, prefect)
        settings = folder / "environment.sh"
        lines = (f"export {k}={shlex.quote(v)}\n" for k, v in world.environment.items())
        settings.write_text("".join(lines))
        for service in ("hq", "branch"):
            world.rotate_ad(service)
            world.rotate_entra(service)
        console.print(
            "\nAll four accounts were just rotated; the consoles still hold the old passwords. "
            f"In another terminal:\n\n  . {settings}\n  account-rotation update hq\n"
        )
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            console.print("Stopping.")
    return 0


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("verb", choices=("demo", "up"))
    parser.add_argument("--keep", action="store_true", help="keep everything up after the demo")
    parser.add_argument(
        "--directory",
        choices=("active_directory", "samba"),
        default="active_directory",
        help="the stand-in, or a real Samba domain controller where the packages are installed",
    )
    parser.add_argument("--port", type=int, default=4200, help="port of the Prefect UI (0: any)")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _stop)
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory(prefix="account-rotation-") as folder:
        place = Path(folder)
        try:
            if arguments.verb == "up":
                return up(console, place, arguments.directory, arguments.port)
            return demo(
                console,
                place,
                keep=arguments.keep,
                directory=arguments.directory,
                prefect_port=arguments.port,
            )
        except KeyboardInterrupt:
            console.print("Stopped.")
            return 130


if __name__ == "__main__":
    sys.exit(main())
