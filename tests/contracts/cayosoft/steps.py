"""Steps of the procedure for Microsoft 365 on a real console and tenant; no Prefect server anywhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from connectors.cayosoft.bridge import BridgeConsole
from connectors.entra.client import EntraClient
from connectors.models import Extension, SecretVersion
from connectors.protocols import ConsoleDriver, Systems, TenantService
from inventory.models import (
    Account,
    ConnectionSecret,
    Consent,
    Console,
    Driver,
    Microsoft365Connection,
    RotatedBy,
    SecretPlace,
    Service,
)
from report.procedure import steps_of_update
from report.record import ConnectionRecord, RunRecord, recording
from tasks._ledger import LedgerKeeper
from tasks.identify import Location
from tests.contracts.cayosoft.lab import (
    ACCOUNTS,
    APP,
    M365,
    M365_ACCOUNT,
    PERMISSIONS,
    TENANT_DOMAIN,
    Lab,
)
from tests.fakes.ledgers import FakeLedgers

GRAPH_APP = "00000003-0000-0000-c000-000000000000"


@dataclass
class Desk:
    """The console and the tenant as one run sees them, and what it writes down."""

    lab: Lab
    screen: BridgeConsole
    entra: EntraClient
    location: Location
    here: ConnectionRecord
    ledgers: FakeLedgers = field(default_factory=FakeLedgers)

    @property
    def vault(self) -> Any:
        """The Vault that holds the account's credential."""
        return self.lab.vault

    def tenant(self, name: str) -> TenantService:
        """Return the one tenant."""
        return cast("TenantService", self.entra)

    def console(self, service: str) -> ConsoleDriver:
        """Return the one console."""
        return cast("ConsoleDriver", self.screen)

    def wants(self, resource: str, value: str) -> None:
        """Let the manifest ask for one delegated permission more."""
        manifest = Path(self.location.in_tenant.consent.manifest)
        asked = json.loads(manifest.read_text())
        more = {
            "resource_app_id": resource, "resource": "another API", "kind": "delegated",
            "value": value,
        }  # fmt: skip
        asked["permissions"].append(more)
        manifest.write_text(json.dumps(asked))

    @property
    def systems(self) -> Systems:
        """The desk as what the steps ask for."""
        return cast("Systems", self)

    @property
    def codes(self) -> list[str]:
        """The codes of the findings so far."""
        return [finding.code for finding in self.here.findings]


def plain(step: Callable[..., Any]) -> Callable[..., Any]:
    """Return a step as the plain function it is, giving its value."""
    return lambda *args, **kwargs: step.__wrapped__(*args, **kwargs).value  # type: ignore[attr-defined]


@contextmanager
def working(lab: Lab, folder: Path) -> Iterator[Desk]:
    """Work on the Microsoft 365 connection of a lab."""
    manifest = folder / "manifest.json"
    wanted = [{"resource_app_id": GRAPH_APP, **one} for one in PERMISSIONS]
    manifest.write_text(json.dumps({"name": "lab", "app_display_name": APP, "permissions": wanted}))
    connection = Microsoft365Connection(
        name="hq-m365",
        extension=Extension.MICROSOFT_365,
        row=TENANT_DOMAIN,
        accounts=(Account(username=M365_ACCOUNT),),
        secret=ConnectionSecret(path=ACCOUNTS[M365].path),
        rotated_by=RotatedBy.VAULT,
        tenant="contoso",
        validation_domain=TENANT_DOMAIN,
        consent=Consent(manifest=str(manifest)),
    )
    reached = Console(
        driver=Driver.BRIDGE, url=lab.console.url, client=SecretPlace(path="orchestrator/bridge/hq")
    )
    service = Service(name="hq", console=reached, connections=(connection,))
    version = SecretVersion(ACCOUNTS[M365], datetime(2026, 1, 1, tzinfo=UTC), readable=True)
    ledger = LedgerKeeper.open(FakeLedgers(), connection.name)
    record = ConnectionRecord(connection.name, "a test", steps_of_update(M365))
    run = RunRecord("update", "run-1", "hq", dry_run=False)
    location = Location(service, connection, version, ledger)
    with recording(run), run.working_on(record), lab.entra() as entra:
        screen = lab.driver()
        try:
            yield Desk(lab, screen, entra, location, record)
        finally:
            screen.close()
