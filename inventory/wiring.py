"""From the inventory to systems that can be talked to."""

from __future__ import annotations

from connectors.active_directory.settings import DirectorySettings
from connectors.cayosoft.settings import BridgeSettings
from connectors.entra.settings import CLOUDS, AppIdentity, CredentialKind, TenantSettings
from connectors.registry import Registry
from connectors.vault.settings import VaultSettings
from inventory.loader import load
from inventory.models import AppIdentity as AppIdentityModel
from inventory.models import Directory, Driver, Inventory, Service, Tenant
from inventory.settings import InventorySettings


def open_inventory() -> Inventory:
    """Read the inventory that ROTATION_INVENTORY names; raises InventoryProblems with every mistake."""
    return load(InventorySettings().path())


def open_systems(inventory: Inventory) -> Registry:
    """Return the systems of an inventory; nothing is connected to before it is needed.

    Raises InvalidInput naming the variable or field that is wrong.
    """
    return Registry(
        VaultSettings(),
        {item.name: directory_settings(item) for item in inventory.directories},
        {
            item.name: tenant_settings(item, inventory.accounts_in(item.name))
            for item in inventory.tenants
        },
        {
            item.name: bridge_settings(item)
            for item in inventory.services
            if item.console.driver is Driver.BRIDGE
        },
        inventory.ledgers.handle,
        [item.name for item in inventory.services if item.in_person],
    )


def directory_settings(directory: Directory) -> DirectorySettings:
    """Return the connector's settings of one directory."""
    return DirectorySettings(
        name=directory.name,
        base_dn=directory.base_dn,
        controllers=directory.controllers,
        reader=directory.reader.handle,
        ca_file=directory.ca_file,
        reserve=directory.sign_ins_kept_in_reserve,
        setter=directory.setter.handle if directory.setter else None,
    )


def tenant_settings(tenant: Tenant, accounts: tuple[str, ...] = ()) -> TenantSettings:
    """Return the connector's settings of one tenant."""
    cloud = CLOUDS[tenant.cloud.value]
    return TenantSettings(
        name=tenant.name,
        tenant_id=str(tenant.tenant_id),
        domain=tenant.domain,
        authority=tenant.authority or cloud.authority,
        graph=tenant.graph or cloud.graph,
        probe_limit=cloud.probe_limit,
        ca_file=tenant.ca_file,
        verifier=_identity(tenant.verifier),
        validator=_identity(tenant.validator) if tenant.validator else None,
        setter=_identity(tenant.setter) if tenant.setter else None,
        remediator=_identity(tenant.remediator) if tenant.remediator else None,
        probe_client_id=str(tenant.probe_client_id),
        accounts=accounts,
        pass_through=tenant.pass_through_authentication,
    )


def bridge_settings(service: Service) -> BridgeSettings:
    """Return the connector's settings of one service's bridge."""
    console = service.console
    if console.url is None or console.client is None:  # the model refuses it already
        raise ValueError(service.name)
    return BridgeSettings(url=console.url, ca_file=console.ca_file, client=console.client.handle)


def _identity(identity: AppIdentityModel) -> AppIdentity:
    return AppIdentity(
        client_id=str(identity.client_id),
        credential=identity.credential.handle,
        kind=CredentialKind(identity.kind),
    )
