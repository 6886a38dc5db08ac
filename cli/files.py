"""Write a page so that who reads it meanwhile has the old or the new one, never half of one."""

from __future__ import annotations

from pathlib import Path

from connectors.errors import InvalidInput


def write_page(path: Path, text: str) -> None:
    """Write or replace a file. Raises InvalidInput naming it when that is not possible."""
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        said = error.strerror
    else:
        return
    raise InvalidInput(
        "cli",
        "write page",
        file=path,
        advice=f"Give a file in a folder that is there and may be written: {said}.",
    )
