"""Whether this machine can run the domain controller, and in which way."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PYTHON = "/usr/bin/python3"  # Samba's bindings belong to the machine's interpreter
SETUP = Path("/usr/share/samba/setup")
PACKAGES = "samba samba-dsdb-modules samba-ad-provision"
FIXED_PORTS = (389, 636, 3268, 3269)


@dataclass(frozen=True)
class Place:
    """Where Samba's fixed ports are free: ``enter`` is put before the command that is to run there."""

    enter: tuple[str, ...]
    host: str

    @property
    def own_network(self) -> bool:
        """Say whether the place is a network namespace of its own."""
        return bool(self.enter)


def program() -> str | None:
    """Return the path of the Samba server, which is often not on a normal user's PATH."""
    return shutil.which("samba", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def find_place() -> Place | None:
    """Return a place to run in, or None: a namespace, else a loopback address with free ports."""
    unshare = shutil.which("unshare")
    options = [["-n"]] if os.geteuid() == 0 else []
    for option in [*options, ["-U", "-r", "-n"]]:
        if (
            unshare
            and not subprocess.run(
                [unshare, *option, "true"], capture_output=True, check=False
            ).returncode
        ):
            return Place((unshare, *option), "127.0.0.1")
    for last in range(2, 32):
        if _bindable(f"127.0.0.{last}"):
            return Place((), f"127.0.0.{last}")
    return None


def _bindable(host: str) -> bool:
    for port in FIXED_PORTS:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((host, port))
            except OSError:
                return False
    return True


@cache
def available() -> str | None:
    """Return None when a domain controller can run here, else one line that says why not."""
    if program() is None:
        return f"Samba is not installed (packages: {PACKAGES})"
    if not SETUP.is_dir():
        return "Samba is installed without samba-ad-provision"
    bindings = [PYTHON, "-I", "-c", "import ldb, samba.provision"]
    try:
        done = subprocess.run(bindings, capture_output=True, check=False)
    except OSError:
        return f"Samba's Python bindings need {PYTHON}"
    if done.returncode:
        return f"Samba's Python bindings cannot be imported by {PYTHON}"
    if shutil.which("timeout") is None:
        return "coreutils' timeout is not installed"
    if find_place() is None:
        return "neither network namespaces nor ports below 1024 are open to this user"
    return None
