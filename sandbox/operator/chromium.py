"""Where the machine has its Chromium."""

from __future__ import annotations

import shutil

_NAMES = ("chromium", "chromium-browser", "google-chrome")


class NoBrowser(RuntimeError):
    """There is no Chromium on this machine."""


def chromium() -> str:
    """Return the path of the machine's Chromium; raise NoBrowser with one sentence where there is none."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        raise NoBrowser("no Chromium on PATH; on Debian: apt install chromium")
    return found
