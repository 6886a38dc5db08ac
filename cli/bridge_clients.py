"""Which bridge is meant, and where its client's secret comes from: Vault or a file, never a value that was typed."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from connectors.cayosoft.settings import BridgeSettings
from connectors.errors import InvalidInput, NotFound
from connectors.models import Credential, SecretHandle
from connectors.protocols import SecretSource
from connectors.secret import Secret
from inventory.loader import load
from inventory.models import Inventory, Service
from inventory.settings import InventorySettings


@dataclass(frozen=True, slots=True)
class Target:
    """The bridge that a person named, as it was typed."""

    url: str
    client: str | None = None
    client_file: Path | None = None
    ca_file: Path | None = None
    token_url: str | None = None


def settings_of(target: Target) -> BridgeSettings:
    """Return where the bridge is and where its client's secret lies.

    Raises InvalidInput for a wrong address, for two clients, and where neither the options nor the inventory name one.
    """
    service = _in_inventory(target)
    console = service.console if service else None
    if target.client and target.client_file:
        raise _wrong("client", "Give --client or --client-file, not both.")
    if target.client_file:
        client = SecretHandle("file", str(target.client_file))
    elif target.client:
        client = place(target.client, "--client")
    elif console and console.client:
        client = console.client.handle
    else:
        raise _wrong(
            "client",
            "Name the client's secret with --client MOUNT/PATH (Vault) or --client-file FILE, "
            "or name a service of the inventory (ROTATION_INVENTORY) that has a bridge.",
        )
    return BridgeSettings(
        url=console.url if console and console.url else target.url,
        client=client,
        ca_file=target.ca_file or (console.ca_file if console else None),
        token_url=target.token_url,
    )


def place(text: str, option: str) -> SecretHandle:
    """Return the place in Vault that a person typed as MOUNT/PATH; raises InvalidInput for anything else."""
    mount, _, path = text.strip("/").partition("/")
    if not (mount and path):
        raise _wrong(
            option, f"Give {option} as MOUNT/PATH, for example kv/account-rotation/bridge/hq."
        )
    return SecretHandle(mount, path)


def _in_inventory(target: Target) -> Service | None:
    """Return the service that is named, or whose bridge has this address."""
    named = "://" not in target.url
    if InventorySettings().inventory is None and not named:
        return None
    if target.client and not named:
        return None  # everything is said
    inventory = load(InventorySettings().path())
    return _service(inventory, target.url, named=named)


def _service(inventory: Inventory, url: str, *, named: bool) -> Service | None:
    bridges = [item for item in inventory.services if item.console.url]
    if not named:
        wanted = url.rstrip("/")
        return next((s for s in bridges if str(s.console.url).rstrip("/") == wanted), None)
    found = next((item for item in bridges if item.name == url), None)
    if found is None:
        known = ", ".join(sorted(item.name for item in bridges)) or "none"
        raise InvalidInput(
            "inventory",
            "find the bridge",
            service=url,
            advice=f"Give an address that begins with https://, or a service that has a bridge: {known}.",
        )
    return found


def _wrong(field: str, advice: str) -> InvalidInput:
    return InvalidInput("cayosoft", "read settings", field=field, advice=advice)


class ClientFile:
    """Keeps ``SecretSource`` with the client's secret in a file; everything else comes from Vault, where there is one."""

    def __init__(self, path: Path, vault: SecretSource | None) -> None:
        self._path, self._vault = path, vault

    def document(self, handle: SecretHandle) -> Mapping[str, Secret]:
        """Read the file for the client, else Vault; raises InvalidInput for a file that others may read."""
        if handle.mount != "file":
            return self._from_vault(handle).document(handle)
        try:
            mode, text = self._path.stat().st_mode, self._path.read_text(encoding="utf-8")
            found = json.loads(text)
        except (OSError, ValueError):  # the text of the error may quote the file
            found, mode = None, 0
        if not isinstance(found, dict) or not all(isinstance(v, str) for v in found.values()):
            raise _wrong(
                "--client-file",
                f'Make {self._path} a readable file: {{"client_id": "...", "client_secret": "..."}}.',
            )
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise _wrong("--client-file", f"Others may read it. Type: chmod 600 {self._path}")
        return {name: Secret(value) for name, value in found.items()}

    def credential(self, handle: SecretHandle) -> Credential:
        """Read username and password from Vault."""
        return self._from_vault(handle).credential(handle)

    def _from_vault(self, handle: SecretHandle) -> SecretSource:
        if self._vault is None:
            raise NotFound(
                "vault", "read", secret=handle, advice="Name Vault with ROTATION_VAULT_ADDR."
            )
        return self._vault
