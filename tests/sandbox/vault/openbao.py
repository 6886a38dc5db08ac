"""A real development server, for the expectations that the stand-in must share with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.ports import lasting_port


def binary() -> str | None:
    """Return the path of a real ``bao`` or ``vault``, or None."""
    return shutil.which("bao") or shutil.which("vault")


class RealServer:
    """One in-memory development server with KV v2 at ``secret/`` and ``kv/``."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self._process = process
        self.url = url

    @classmethod
    def start(cls, folder: Path, root_token: str) -> RealServer:
        """Start the server and wait until both mounts take writes; raise when they do not."""
        program = binary()
        assert program is not None
        port = lasting_port()
        # The token travels in the environment: arguments are there for every user to see.
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "BAO_DEV_ROOT_TOKEN_ID": root_token,
            "VAULT_DEV_ROOT_TOKEN_ID": root_token,
        }
        with (folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [
                    program,
                    "server",
                    "-dev",
                    f"-dev-listen-address=127.0.0.1:{port}",
                    "-dev-no-store-token",
                ],
                stdout=log,
                stderr=log,
                env=environment,
                cwd=folder,
            )
        server = cls(process, f"http://127.0.0.1:{port}")
        try:
            server._make_ready(root_token)
        except BaseException:
            server.stop()
            raise
        return server

    def _make_ready(self, root_token: str) -> None:
        headers = {"X-Vault-Token": root_token}
        with httpx.Client(base_url=self.url, headers=headers, trust_env=False) as client:
            until(lambda: client.get("/v1/sys/health").status_code == 200)
            kind = {"type": "kv", "options": {"version": "2"}}
            until(lambda: client.post("/v1/sys/mounts/kv", json=kind).status_code in {204, 400})
            for mount in ("kv", "secret"):
                until(lambda m=mount: client.get(f"/v1/{m}/config").status_code == 200)

    def stop(self) -> None:
        """End the server and wait for it."""
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until a condition holds; a server that is not there yet makes it false."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        if time.monotonic() > deadline:
            raise TimeoutError("the real server did not become ready")
        time.sleep(0.05)
