"""Keys and tokens in files, read again whenever the file changes, so that rotating them needs no restart."""

from __future__ import annotations

import base64
import binascii
import os
import stat
import threading
from pathlib import Path

from connectors.errors import InvalidInput
from connectors.secret import Secret

LARGEST = 64 * 1024
_TOO_OPEN = stat.S_IRWXO | stat.S_IWGRP
_PREFIX = "whsec_"


class SecretLines:
    """The lines of a file that nobody but this user, and its group where it may only read, can reach.

    Empty lines and those that start with # do not count. ``lines`` raises InvalidInput that names the
    variable when the file is missing, too open, or holds none.
    """

    def __init__(self, path: Path, variable: str) -> None:
        self._path = path
        self._variable = variable
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] = ()
        self._lines: tuple[Secret, ...] = ()

    def lines(self) -> tuple[Secret, ...]:
        """Return the lines, read again if the file is not the one of last time."""
        raw = b""
        problem: str | None = None
        with self._lock:
            try:
                with self._path.open("rb") as file:
                    about = os.fstat(file.fileno())
                    now = (
                        about.st_dev,
                        about.st_ino,
                        about.st_mtime_ns,
                        about.st_size,
                        about.st_mode,
                    )
                    if now == self._seen:
                        return self._lines
                    raw = file.read(LARGEST + 1)
            except OSError as error:
                problem = f"{self._path} cannot be read ({type(error).__name__})"
            else:
                problem = self._problem(about.st_mode, raw)
            if problem is None:
                self._lines = tuple(Secret(line) for line in _lines(raw))
                self._seen = now
                return self._lines
            self._seen = ()
        raise InvalidInput(
            "intake",
            "read keys",
            variable=self._variable,
            advice=f"{self._variable}: {problem}. Write one key per line into it, and run: chmod 600 "
            f"{self._path}",
        )

    def _problem(self, mode: int, content: bytes) -> str | None:
        if not stat.S_ISREG(mode):
            return f"{self._path} is not a regular file"
        if mode & _TOO_OPEN:
            return f"others can reach {self._path}"
        if len(content) > LARGEST or not content.isascii():
            return f"{self._path} does not hold keys"
        lines = _lines(content)
        if not lines:
            return f"{self._path} holds no key"
        return self._wrong_line(lines)

    def _wrong_line(self, lines: list[str]) -> str | None:
        if any(len(line) < 16 for line in lines):
            return f"{self._path} holds a line shorter than 16 characters"
        return None


class WebhookKeys(SecretLines):
    """The keys of webhooks: ``whsec_`` and 24 to 64 bytes in base64, the newest first or last alike."""

    def _wrong_line(self, lines: list[str]) -> str | None:
        for number, line in enumerate(lines, 1):
            try:
                key = base64.b64decode(line.removeprefix(_PREFIX), validate=True)
            except (binascii.Error, ValueError):
                key = b""
            if not line.startswith(_PREFIX) or not 24 <= len(key) <= 64:
                return f"key {number} of {self._path} is not whsec_ and 24 to 64 bytes in base64"
        return None


def _lines(content: bytes) -> list[str]:
    lines = (line.strip() for line in content.decode("ascii", "replace").splitlines())
    return [line for line in lines if line and not line.startswith("#")]
