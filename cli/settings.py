"""Where a sandbox of this user is remembered; the only module of this room that reads the environment for it."""

from __future__ import annotations

import os
from pathlib import Path


def sandbox_folder() -> Path:
    """Return the folder in which ``sandbox up`` remembers what it started (XDG_STATE_HOME)."""
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "account-rotation" / "sandbox"


def named_sandbox() -> Path | None:
    """Return the file that ROTATION_SANDBOX names, which a sandbox writes about itself; None without it."""
    named = os.environ.get("ROTATION_SANDBOX")
    return Path(named) if named else None
