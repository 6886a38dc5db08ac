"""The document about rights says what the product says."""

from __future__ import annotations

import re
from pathlib import Path

from connectors.active_directory.delegation import delegation_advice
from connectors.active_directory.models import Right, RightCheck
from connectors.models import Presence

DOCUMENT = Path(__file__).parents[3] / "docs" / "rights.md"


def test_every_command_is_there():
    """Its table has every right, in order, with the command that the product advises."""
    shown = re.findall(
        r"^\| ([a-z ]+) \| [^|]+ \| `(dsacls [^`]+)` \|$", DOCUMENT.read_text(), re.MULTILINE
    )

    assert [(right.value, _command(right)) for right in Right] == shown


def _command(right: Right) -> str:
    return delegation_advice(RightCheck(right, Presence.MISSING, "OU", "read"))
