"""Which connections a secret belongs to, by the inventory that ROTATION_INVENTORY names."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from connectors.errors import RotationError
from connectors.models import SecretHandle
from inventory.loader import load
from inventory.models import Inventory


@dataclass(frozen=True, slots=True)
class Target:
    """One connection, and where its secret is."""

    service: str
    connection: str
    secret: SecretHandle


class Places:
    """The connections by mount and path, read again when the file has changed. Threads may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._inventory: Inventory | None = None
        self._targets: dict[tuple[str, str], Target] = {}

    def inventory(self) -> Inventory:
        """Return the inventory as it is now; raises InventoryProblems with every mistake in it."""
        with self._lock:
            stamp = self._look()
            if self._inventory is None or stamp is None or stamp != self._stamp:
                self._inventory = None
                self._inventory = load(self._path)
                self._targets = _by_place(self._inventory)
                self._stamp = stamp
            return self._inventory

    def at(self, mount: str, path: str) -> Target | None:
        """Return the connection whose secret is there, of which there is one at most."""
        self.inventory()
        return self._targets.get((mount, path))

    def may_know(self, mount: str, path: str) -> bool:
        """Say whether a connection's secret is there; True when the inventory cannot be read."""
        try:
            return self.at(mount, path) is not None
        except RotationError:
            return True

    def _look(self) -> tuple[int, int, int] | None:
        try:
            about = self._path.stat()
        except OSError:
            return None
        return about.st_ino, about.st_mtime_ns, about.st_size


def _by_place(inventory: Inventory) -> dict[tuple[str, str], Target]:
    return {
        (item.secret.mount.strip("/"), item.secret.path.strip("/")): Target(
            service.name, item.name, item.secret.handle
        )
        for service in inventory.services
        for item in service.connections
    }
