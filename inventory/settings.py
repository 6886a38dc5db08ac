"""Where the inventory is; the only place in this room that reads the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.errors import InvalidInput


class InventorySettings(BaseSettings):
    """ROTATION_INVENTORY: the path of the inventory file."""

    model_config = SettingsConfigDict(env_prefix="ROTATION_", frozen=True)

    inventory: Path | None = None

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
