"""Starts the domain controller, waits until it answers, and ends it."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import sys
import time
from typing import Any

from sandbox.samba import guard, tree
from sandbox.samba.availability import available, find_place, program
from sandbox.samba.forwarder import Forwarder
from sandbox.standin.control import Control

MAXIMUM_RUNTIME = 1800  # seconds; the configuration may ask for another
READY_WITHIN = 30


class DomainController:
    """One running domain controller on ``port`` of loopback; its files are gone when it is."""

    def __init__(self, config: dict[str, Any], control: Control) -> None:
        self.config = config
        self._control = control
        self.base_dn = tree.base_dn(config["domain"])
        self.port = 0
        self._guard: subprocess.Popen[bytes] | None = None
        self._folder = tree.folder()
        self._logs = [str(self._folder / "log" / name) for name in ("output", "log.samba")]
        self.configuration = self._folder / "etc" / "smb.conf"

    def start(self) -> None:
        """Make the domain, seed it, start the server and wait for its first TLS handshake."""
        place = find_place()
        if reason := available():
            raise RuntimeError(f"samba: {reason}")
        assert place
        tree.make(self._folder, self.config)
        tree.configure(self._folder, self.config, place.host)
        tree.do_job("seed", configuration=str(self.configuration), config=self.config)
        handed_over = self._folder / "clients"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(handed_over))
            listener.listen()
            self._spawn_guard(place.enter, place.host, listener.fileno())
        self._forwarder = Forwarder(self.config.get("port", 0), handed_over, self._control)
        self.port = self._forwarder.server_address[1]
        self._wait_until_ready()

    def cut(self) -> int:
        """Reset every connection of a client; return how many there were."""
        return self._forwarder.cut()

    def _spawn_guard(self, enter: tuple[str, ...], host: str, listener: int) -> None:
        runtime = int(self.config.get("maximum_runtime", MAXIMUM_RUNTIME))
        order = {
            "command": [
                program(), "-F", "--no-process-group", "-M", "single", "-s", str(self.configuration),
                "-l", str(self._folder / "log"), f"--maximum-runtime={runtime}",
            ],
            "host": host,
            "listener": listener,
            "logs": self._logs,
            "maximum_runtime": runtime,
            "output": self._logs[0],
            "own_network": bool(enter),
            "remove": str(self._folder),
        }  # fmt: skip
        limit = ["timeout", "--kill-after=10", str(runtime + 30)]
        self._guard = subprocess.Popen(
            [*limit, *enter, sys.executable, "-I", guard.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=[listener],
        )
        assert self._guard.stdin
        self._guard.stdin.write(json.dumps(order).encode() + b"\n")
        self._guard.stdin.flush()

    def _wait_until_ready(self) -> None:
        # Through the forwarder a bare connection always succeeds; a handshake proves the server.
        anything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        anything.check_hostname, anything.verify_mode = False, ssl.CERT_NONE
        deadline = time.monotonic() + READY_WITHIN
        assert self._guard
        while time.monotonic() < deadline and self._guard.poll() is None:
            try:
                with (
                    socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection,
                    anything.wrap_socket(connection),
                ):
                    return
            except OSError:
                time.sleep(0.02)
        guard.complain(self._logs)
        raise RuntimeError("samba: the server did not answer")

    def stop(self) -> None:
        """End everything and remove the files; safe to call again."""
        if self._guard and self._guard.stdin:
            self._guard.stdin.close()
            try:
                self._guard.wait(8)
            except subprocess.TimeoutExpired:
                self._guard.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
