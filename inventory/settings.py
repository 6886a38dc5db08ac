"""Where the inventory is; the only place in this room that reads the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from connectors.errors import InvalidInput


def _named() -> Path | None:
    named = os.environ.get("ROTATION_INVENTORY")
    return Path(named) if named else None


# NOTE: no pydantic settings, which take a tenth of a second to import: a shell that completes a name waits for this.
@dataclass(frozen=True, slots=True)
class InventorySettings:
    """ROTATION_INVENTORY: the path of the inventory file."""

    inventory: Path | None = field(default_factory=_named)

    def path(self) -> Path:
        """Return the path; InvalidInput naming the variable when it is not set."""
        if self.inventory is None:
            raise InvalidInput(
                "inventory",
                "find the file",
                variable="ROTATION_INVENTORY",
                advice="Set ROTATION_INVENTORY to the inventory file, "
                "for example /etc/account-rotation/inventory.yaml.",
            )
        return self.inventory
