"""Secret material in files: a token, a SecretID, or a wrapping token."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from connectors.errors import InvalidInput
from connectors.secret import Secret

LARGEST = 64 * 1024  # bytes; a token is far smaller
_TOO_OPEN = stat.S_IRWXO | stat.S_IWGRP


def read_secret_file(path: Path | None, variable: str) -> Secret:
    """Read one secret from a file, without the white space around it.

    Raises InvalidInput that names ``variable`` when the file is missing, empty, not plain text, or open
    to others than its owner and group.
    """
    raw = b""
    fix: str | None = "set it to the path of the file that holds the secret"
    if path is not None:
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                raw = file.read(LARGEST + 1)
        except OSError as error:
            fix = f"{path} cannot be read ({type(error).__name__}); write the secret there"
        else:
            fix = _problem(path, mode, raw)
    if fix is None:
        return Secret(raw.decode("ascii").strip())
    raise InvalidInput(
        "vault", "read secret file", variable=variable, file=path, advice=f"{variable}: {fix}."
    )


def _problem(path: Path, mode: int, content: bytes) -> str | None:
    text = content.strip()
    if not stat.S_ISREG(mode):
        return f"{path} is not a regular file; name one that holds the secret"
    if mode & _TOO_OPEN:
        return f"others can reach {path}; run: chmod 600 {path}"
    if not text:
        return f"{path} is empty; write the secret into it"
    # Anything else would travel in a header, where a line break starts another header.
    if len(content) > LARGEST or any(not 0x21 <= byte <= 0x7E for byte in text):
        return f"{path} does not hold one secret on one line; write nothing else into it"
    return None
