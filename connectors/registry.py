"""All the systems of one run, each imported and connected to when first asked for. The only module that knows them all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Self, TypeVar

from connectors.active_directory.settings import DirectorySettings
from connectors.cayosoft.operator import OperatorConsole
from connectors.cayosoft.settings import BridgeSettings
from connectors.entra.settings import TenantSettings
from connectors.errors import InvalidInput
from connectors.models import SecretHandle
from connectors.protocols import (
    ConsoleDriver,
    DirectoryService,
    LedgerStore,
    SecretVault,
    TenantService,
)
from connectors.vault.client import VaultClient
from connectors.vault.ledgers import VaultLedgers
from connectors.vault.settings import VaultSettings

T = TypeVar("T")


class Registry:
    """Build each connector from its settings when it is first needed; close them all together.

    ``in_person`` names the services whose console only a person reaches.

    Names are the inventory's. Raises InvalidInput for a name without settings.
    """

    def __init__(
        self,
        vault: VaultSettings,
        directories: Mapping[str, DirectorySettings],
        tenants: Mapping[str, TenantSettings],
        consoles: Mapping[str, BridgeSettings],
        ledgers: SecretHandle,
        in_person: Collection[str] = (),
    ) -> None:
        self._closing = ExitStack()
        self._vault_settings = vault
        self._directory_settings = directories
        self._tenant_settings = tenants
        self._console_settings = consoles
        self._ledger_place = ledgers
        self._vault: VaultClient | None = None
        self._directories: dict[str, DirectoryService] = {}
        self._tenants: dict[str, TenantService] = {}
        self._consoles: dict[str, ConsoleDriver] = {
            service: OperatorConsole(service) for service in in_person
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.close()

    @property
    def vault(self) -> SecretVault:
        """Vault, signed in to when first asked for a secret."""
        return self._client()

    @property
    def ledgers(self) -> LedgerStore:
        """The ledgers of the connections, in the same Vault."""
        return VaultLedgers(self._client(), self._ledger_place.mount, self._ledger_place.path)

    def _client(self) -> VaultClient:
        if self._vault is None:
            self._vault = self._closing.enter_context(VaultClient(self._vault_settings))
        return self._vault

    def directory(self, name: str) -> DirectoryService:
        """Return the Active Directory domain of this name."""
        from connectors.active_directory.client import ActiveDirectoryClient  # noqa: PLC0415

        def build(settings: DirectorySettings) -> DirectoryService:
            return ActiveDirectoryClient(settings, self.vault)

        return _once(self._directories, name, self._directory_settings, "directory", build)

    def tenant(self, name: str) -> TenantService:
        """Return the Entra ID tenant of this name."""
        from connectors.entra.client import EntraClient  # noqa: PLC0415  MSAL takes a while to import

        def build(settings: TenantSettings) -> TenantService:
            client = EntraClient(settings, self.vault)
            self._closing.callback(client.close)
            return client

        return _once(self._tenants, name, self._tenant_settings, "tenant", build)

    def console(self, service: str) -> ConsoleDriver:
        """Return the console of this Cayosoft Administrator Service."""
        from connectors.cayosoft.bridge import BridgeConsole  # noqa: PLC0415

        def build(settings: BridgeSettings) -> ConsoleDriver:
            client = BridgeConsole(settings, self.vault)
            self._closing.callback(client.close)
            return client

        return _once(self._consoles, service, self._console_settings, "console", build)


Settings = TypeVar("Settings")


def _once(
    built: dict[str, T],
    name: str,
    settings: Mapping[str, Settings],
    kind: str,
    build: Callable[[Settings], T],
) -> T:
    if name not in built:
        if name not in settings:
            raise InvalidInput(
                "inventory",
                f"find {kind}",
                name=name,
                advice=f"The inventory names no {kind} {name!r}: add it.",
            )
        built[name] = build(settings[name])
    return built[name]
