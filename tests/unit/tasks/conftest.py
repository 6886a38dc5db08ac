"""One service with two connections on fakes, and a record to write to; no Prefect server anywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from connectors.models import Extension
from connectors.protocols import (
    ConsoleDriver,
    DirectoryService,
    Systems,
    TenantService,
)
from inventory.loader import load
from inventory.models import Inventory
from report.procedure import steps_of_update
from report.record import ConnectionRecord, RunRecord, recording
from tasks import identify
from tasks._wait import CLOCK, Clock
from tasks.identify import Location
from tests.fakes.console import FakeConsole
from tests.fakes.directory import FakeDirectory
from tests.fakes.ledgers import FakeLedgers
from tests.fakes.tenant import FakeTenant
from tests.fakes.vault import FakeVault

ROOT = Path(__file__).parents[3]

INVENTORY = """
version: 1
directories:
  - {name: corp, domain: corp.example.com, base_dn: "DC=corp,DC=example,DC=com",
     controllers: ["ldaps://dc1.corp.example.com"], reader: {path: reader}}
tenants:
  - name: contoso
    tenant_id: 6f0c2f0e-58d5-4c1b-9a5a-0d6f4f1f2a31
    domain: contoso.example
    verifier: {client_id: 1b7e9a52-3f64-4d0c-8c3e-7a90d1c2e4b5, credential: {path: verifier}}
    probe_client_id: 3d5f7a91-2b4c-4e6d-8f10-a2b3c4d5e6f7
services:
  - name: hq
    console: {driver: bridge, url: "https://hq.corp.example.com", client: {path: bridge}}
    connections:
      - name: hq-ad
        extension: active_directory
        row: corp.example.com
        directory: corp
        accounts: [{username: svc@corp.example.com}]
        secret: {path: hq/ad}
        rotated_by: vault
        validation_ou: "OU=Validation,DC=corp,DC=example,DC=com"
      - name: hq-m365
        extension: microsoft_365
        row: contoso.example
        tenant: contoso
        accounts: [{username: svc@contoso.example}]
        secret: {path: hq/m365}
        rotated_by: vault
        validation_domain: contoso.example
        consent: {manifest: example-not-the-vendors-list}
"""


class MovedClock:
    """Time that passes only by waiting for it. ``slept`` are the waits."""

    def __init__(self) -> None:
        self.moment = 1000.0
        self.slept: list[float] = []

    def now(self) -> float:
        """Return the moment."""
        return self.moment

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.slept.append(seconds)
        self.moment += seconds


@dataclass
class Scene:
    """The fakes, the inventory, and the record."""

    inventory: Inventory
    run: RunRecord
    vault: FakeVault = field(default_factory=FakeVault)
    domain: FakeDirectory = field(default_factory=FakeDirectory)
    entra: FakeTenant = field(default_factory=FakeTenant)
    ledgers: FakeLedgers = field(default_factory=FakeLedgers)
    screen: FakeConsole = field(init=False)

    def __post_init__(self) -> None:
        self.screen = FakeConsole(self.domain, _Names(self.vault))

    def directory(self, name: str) -> DirectoryService:
        """Return the one directory."""
        return cast("DirectoryService", self.domain)

    def tenant(self, name: str) -> TenantService:
        """Return the one tenant."""
        return cast("TenantService", self.entra)

    def console(self, service: str) -> ConsoleDriver:
        """Return the one console."""
        return cast("ConsoleDriver", self.screen)

    @property
    def systems(self) -> Systems:
        """The scene as what the steps ask for."""
        return cast("Systems", self)

    def locate(self, name: str) -> Location:
        """Pin the latest version for one connection."""
        service, chosen = identify.choose(self.inventory, "hq", [name])
        return plain(identify.connection_locations)(self.systems, service, chosen, None)[0]

    @property
    def ad(self) -> Location:
        """The Active Directory connection."""
        return self.locate("hq-ad")

    @property
    def m365(self) -> Location:
        """The Microsoft 365 connection."""
        return self.locate("hq-m365")

    @property
    def here(self) -> ConnectionRecord:
        """The record that is being written to."""
        return self.run.here()

    @property
    def codes(self) -> list[str]:
        """The codes of the findings so far."""
        return [finding.code for finding in self.here.findings]


class _Names(dict[Any, str]):
    def __init__(self, vault: FakeVault) -> None:
        super().__init__()
        self._vault = vault

    def __missing__(self, handle: Any) -> str:
        return self._vault.values[handle][0]


def plain(step: Callable[..., Any]) -> Callable[..., Any]:
    """Return a step as the plain function it is, giving its value."""
    return lambda *args, **kwargs: step.__wrapped__(*args, **kwargs).value  # type: ignore[attr-defined]


@pytest.fixture
def clock() -> Iterator[MovedClock]:
    """Let every wait of the steps pass at once."""
    moved = MovedClock()
    token = CLOCK.set(Clock(moved.now, moved.sleep))
    yield moved
    CLOCK.reset(token)


@pytest.fixture
def scene(tmp_path: Path, clock: MovedClock, new_password: Callable[[], str]) -> Iterator[Scene]:
    """Return fakes on which everything is as it must be, working on hq-ad."""
    file = tmp_path / "inventory.yaml"
    file.write_text(INVENTORY)
    run = RunRecord("update", "run-1", "hq", dry_run=False)
    made = Scene(load(file), run)
    made.vault.write("kv", "hq/ad", "svc@corp.example.com", new_password())
    made.vault.write("kv", "hq/m365", "svc@contoso.example", new_password())
    record = ConnectionRecord("hq-ad", "a test", steps_of_update(Extension.ACTIVE_DIRECTORY))
    with recording(run), run.working_on(record):
        yield made
