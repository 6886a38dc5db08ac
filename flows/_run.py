"""One run: its record, its systems, and what becomes of errors. Shared by every flow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Self, TypeVar

from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from connectors.errors import RotationError
from connectors.models import Extension, SecretHandle
from connectors.protocols import Systems
from flows._ends import end_state, kept, key_of
from inventory.models import (
    ActiveDirectoryConnection,
    Connection,
    FailurePolicy,
    Inventory,
    Service,
)
from inventory.wiring import open_inventory, open_systems
from report.procedure import steps_of_remediation, steps_of_rotation, steps_of_update
from report.record import ConnectionRecord, RunRecord, recording
from tasks._ledger import LedgerKeeper
from tasks._spread import Spread
from tasks.identify import Location, choose, choose_consented, choose_rotated

Chosen = TypeVar("Chosen", bound=Connection)


class Run:
    """What a flow body works with. Opening it fills ``systems``, ``service`` and ``chosen``."""

    systems: Systems
    service: Service
    chosen: tuple[Connection, ...]
    _inventory: Inventory

    def __init__(self, flow: str, service: str, *, dry_run: bool) -> None:
        self.record = RunRecord(flow, flow_run.get_id() or "no flow run", service, dry_run)
        self._asked_for = service
        self._records: dict[str, ConnectionRecord] = {}
        self._closing = ExitStack()
        self.ledgers: dict[str, LedgerKeeper] = {}

    def __enter__(self) -> Self:
        self._closing.enter_context(recording(self.record))
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def open(
        self,
        connections: Sequence[str] | None,
        secret_version: int | None,
        *,
        vault_rotates: bool = False,
    ) -> None:
        """Read the inventory, choose the connections and connect to nothing yet.

        Raises InvalidInput for a wrong inventory, service or connection.
        """
        self._inventory = open_inventory()
        self.service, self.chosen = choose(self._inventory, self.record.service, connections)
        for item in self.chosen:
            version = f"version {secret_version}" if secret_version else "the latest version"
            asked = f"update to {version} of {item.secret.mount}/{item.secret.path}"
            steps = steps_of_update(
                item.extension, vault_rotates=vault_rotates, in_person=self.service.in_person
            )
            self._know(ConnectionRecord(item.name, asked, steps))
        self.systems = self._closing.enter_context(open_systems(self._inventory))

    def open_rotation(self, connection: str) -> None:
        """Read the inventory and find the connection that is to be rotated; connect to nothing yet.

        Raises InvalidInput for a wrong inventory or connection, or one that somebody else rotates.
        """
        chosen = self._one(connection, choose_rotated)
        asked = f"rotate {' and '.join(a.username for a in chosen.accounts)}, {chosen.mode.value}"
        steps = steps_of_rotation(chosen.extension, in_person=self.service.in_person)
        self._know(ConnectionRecord(connection, asked, steps))
        self.systems = self._closing.enter_context(open_systems(self._inventory))

    def open_remediation(self, connection: str) -> None:
        """Read the inventory and find the connection whose consent is to be put right; connect to nothing yet.

        Raises InvalidInput for a wrong inventory or connection, or one without a consent.
        """
        chosen = self._one(connection, choose_consented)
        asked = f"put the consent of {chosen.row} right, policy {chosen.consent.policy.value}"
        self._know(ConnectionRecord(connection, asked, steps_of_remediation()))
        self.systems = self._closing.enter_context(open_systems(self._inventory))

    def _one(
        self, name: str, choose_one: Callable[[Inventory, str], tuple[Service, Chosen]]
    ) -> Chosen:
        self._asked_for = name
        self._inventory = open_inventory()
        self.service, chosen = choose_one(self._inventory, name)
        self.chosen = (chosen,)
        self.record.service = self.service.name
        return chosen

    @property
    def approvals(self) -> SecretHandle | None:
        """The folder of Vault in which a person's answer counts; None where one in Prefect does."""
        return self._inventory.approval_place

    def may_remedy(self, location: Location) -> bool:
        """Say whether the connection's tenant has an identity that may change grants."""
        return self._inventory.tenant(location.in_tenant.tenant).remediator is not None

    @property
    def failure_policy(self) -> FailurePolicy | None:
        """What becomes of a connection whose rotation fails; None before the inventory was read."""
        return self._inventory.failure_policy if hasattr(self, "_inventory") else None

    def spread(self, location: Location) -> Spread:
        """Return how long a password may take to reach every domain controller of a connection."""
        if not isinstance(location.connection, ActiveDirectoryConnection):
            return Spread()
        home = self._inventory.directory(location.connection.directory)
        return Spread(float(home.replication_wait_seconds), home.require_every_controller)

    def _know(self, connection: ConnectionRecord) -> None:
        self._records[connection.name] = connection
        self.record.connections.append(connection)

    def guarded(self) -> AbstractContextManager[None]:
        """Keep an error of the whole run as the error of every connection it was to work on."""
        return kept(self.record.flow, self._fail_all)

    def evidenced(self) -> AbstractContextManager[None]:
        """Keep an error of recording the evidence as the run's own: the connections are what they are."""
        return kept(self.record.flow, lambda error: setattr(self.record, "error", error))

    @contextmanager
    def on(self, what: Location | Connection) -> Iterator[ConnectionRecord]:
        """Work on one connection; its error ends its own sections, not those of the others."""
        record = self._records[what.name]
        with (
            self.record.working_on(record),
            kept(self.record.flow, lambda error: setattr(record, "error", error)),
        ):
            yield record

    def of(self, locations: Sequence[Location], *extensions: Extension) -> Iterator[Location]:
        """Yield the locations of these extensions (all for none) that have not failed so far."""
        for location in locations:
            wanted = not extensions or location.extension in extensions
            if wanted and self._records[location.name].error is None:
                yield location

    def keep_ledgers(self, locations: Sequence[Location]) -> None:
        """Remember the ledgers that this run may write, so that its end is written into them."""
        if self.record.verifying or not self.record.dry_run:
            self.ledgers.update({location.name: location.ledger for location in locations})

    def end_state(self) -> State[None]:
        """Return the Prefect state that says what the run came to, by the names of report.verdict."""
        return end_state([self.record])

    def _fail_all(self, problem: RotationError) -> None:
        if not self.record.connections:
            self.record.connections.append(ConnectionRecord(key_of(self._asked_for), "a run", ()))
        for connection in self.record.connections:
            connection.error = connection.error or problem
