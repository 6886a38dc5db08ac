"""The installation that doctor looks at: its settings, and its systems, each opened once when first needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cli.doctor.prefect_api import Address, PrefectApi
from connectors.active_directory.client import ActiveDirectoryClient
from connectors.cayosoft.bridge import BridgeConsole
from connectors.entra.client import EntraClient
from connectors.models import Credential, SecretHandle
from connectors.secret import Secret
from connectors.vault.client import VaultClient
from connectors.vault.ledgers import VaultLedgers
from connectors.vault.settings import VaultSettings
from inventory.models import Directory, Inventory, Service, Tenant
from inventory.wiring import bridge_settings, directory_settings, tenant_settings

if TYPE_CHECKING:
    from cli.deployments import Checked
    from intake.settings import IntakeSettings

T = TypeVar("T")
CONNECT = 10.0
"""Seconds that a connection and its handshake may take."""
CLOSING = 3.0
"""Seconds in which everything is closed, or left to end by itself."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the command line says: files, and the address at which the intake answers."""

    prefect_yaml: Path = Path("prefect.yaml")
    automations: Path = Path("deployments/automations.yaml")
    intake: str | None = None


class _Secrets:
    """Vault as a source of secrets, opened when a secret is first read."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def credential(self, handle: SecretHandle) -> Credential:
        """Read username and password."""
        return self._site.vault.credential(handle)

    def document(self, handle: SecretHandle) -> Mapping[str, Secret]:
        """Read every field."""
        return self._site.vault.document(handle)


@dataclass(slots=True)
class Site:
    """Everything that checks look at, shared by the threads in which they run.

    ``inventory``, the settings and ``deployed`` are there once their checks passed. ``offsets`` are what clocks were seen
    to be ahead of ours, in seconds; ``denied`` are the paths of Vault that the orchestrator may not use.
    """

    choices: Choices
    inventory: Inventory | None = None
    vault_settings: VaultSettings | None = None
    controllers: dict[str, list[str]] = field(default_factory=dict)
    offsets: dict[str, float] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    prefect_address: Address | None = None
    deployed: Checked | None = None
    notifies: bool = False
    intake_settings: IntakeSettings | None = None
    _opened: dict[tuple[str, str], Any] = field(default_factory=dict)
    _locks: dict[tuple[str, str], threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closing: ExitStack = field(default_factory=ExitStack)

    def once(self, kind: str, name: str, build: Callable[[], T]) -> T:
        """Build something when it is first asked for, and give out the same afterwards.

        What is slow to build keeps only those waiting who want the same.
        """
        key = (kind, name)
        with self._lock:
            mine = self._locks.setdefault(key, threading.Lock())
        with mine:
            if key not in self._opened:
                self._opened[key] = build()
            found: T = self._opened[key]
            return found

    @property
    def vault(self) -> VaultClient:
        """Vault, as the orchestrator."""

        def build() -> VaultClient:
            if self.vault_settings is None:
                raise LookupError("vault settings")
            limits = {"connect_timeout": CONNECT, "read_timeout": 10.0}
            client = VaultClient(self.vault_settings.model_copy(update=limits))
            self._closing.callback(client.close)
            return client

        return self.once("vault", "", build)

    @property
    def ledgers(self) -> VaultLedgers:
        """The ledgers of the connections."""
        place = self.known.ledgers
        return VaultLedgers(self.vault, place.mount, place.path)

    @property
    def known(self) -> Inventory:
        """The inventory; asked for only by checks that need it to be right."""
        if self.inventory is None:
            raise LookupError("inventory")
        return self.inventory

    @property
    def prefect(self) -> PrefectApi:
        """Prefect's API."""

        def build() -> PrefectApi:
            if self.prefect_address is None:
                raise LookupError("Prefect's address")
            client = PrefectApi(self.prefect_address)
            self._closing.callback(client.close)
            return client

        return self.once("prefect", "", build)

    def directory(self, item: Directory) -> ActiveDirectoryClient:
        """One domain, by the controllers that were found to be usable, or all of them before that."""
        usable = tuple(self.controllers.get(item.name, ())) or item.controllers

        def build() -> ActiveDirectoryClient:
            settings = replace(directory_settings(item), controllers=usable)
            return ActiveDirectoryClient(settings, _Secrets(self))

        return self.once("directory", f"{item.name} {' '.join(usable)}", build)

    def tenant(self, item: Tenant) -> EntraClient:
        """One tenant, as our own identities."""

        def build() -> EntraClient:
            accounts = self.known.accounts_in(item.name)
            client = EntraClient(tenant_settings(item, accounts), _Secrets(self))
            self._closing.callback(client.close)
            return client

        return self.once("tenant", item.name, build)

    def console(self, item: Service) -> BridgeConsole:
        """The bridge of one service."""

        def build() -> BridgeConsole:
            client = BridgeConsole(bridge_settings(item), _Secrets(self))
            self._closing.callback(client.close)
            return client

        return self.once("console", item.name, build)

    def clock_of(self, system: str, clock: datetime | None) -> None:
        """Remember how far a system's clock is ahead of ours."""
        if clock is not None:
            self.offsets[system] = (clock - datetime.now(UTC)).total_seconds()

    def close(self) -> None:
        """Close what was opened, which gives the token back; what hangs is left to end by itself."""
        closing = threading.Thread(target=self._closing.close, daemon=True)
        closing.start()
        closing.join(CLOSING)
