"""From a hint to exactly one run, whatever is repeated, late or away."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from connectors.errors import (
    Conflict,
    NotFound,
    NotPermitted,
    OutOfStep,
    RotationError,
    Unreachable,
)
from connectors.ledger import Applied, Ledger
from connectors.rotation import Rotation
from intake import dispatcher
from intake.dispatcher import Dispatcher, Patience
from intake.hints import Hint, Source
from intake.metrics import Metrics
from intake.places import Places
from intake.prefect_api import PrefectApi
from intake.spool import Spool
from intake.status import Status
from inventory.models import Inventory
from tests.fakes.ledgers import FakeLedgers
from tests.fakes.telling import Told
from tests.fakes.vault import FakeVault

EXAMPLE = Path(__file__).parents[2] / "deployments" / "inventory.example.yaml"
AT = datetime(2026, 11, 1, tzinfo=UTC)


class FakePrefect(Told):
    """Runs by their key, and the events that were told."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: dict[str, Mapping[str, Any]] = {}
        self.told: list[str] = []
        self.beats: list[str] = []

    def check(self) -> None:
        """Answer, or fail as told."""
        self.act("check", lambda: None)

    def start(self, parameters: Mapping[str, Any], idempotency_key: str) -> str:
        """Keep the first run of each key."""

        def keep() -> str:
            self.runs.setdefault(idempotency_key, parameters)
            return f"run of {idempotency_key}"

        return self.act("start", keep)

    def tell(self, label: str, payload: Mapping[str, Any]) -> None:
        """Keep the label."""
        self.told.append(label)

    def beat(self, host: str) -> None:
        """Keep the heartbeat."""
        self.beats.append(host)


@dataclass
class Scene:
    """One dispatcher and the systems around it."""

    spool: Spool
    places: Places
    vault: FakeVault = field(default_factory=FakeVault)
    ledgers: FakeLedgers = field(default_factory=FakeLedgers)
    prefect: FakePrefect = field(default_factory=FakePrefect)
    status: Status = field(default_factory=Status)

    def __post_init__(self) -> None:
        service = self.places.inventory().services[0]
        self.connection = service.connections[0]
        self.parameters = {"service": service.name, "connections": [self.connection.name]}
        self.secret = self.connection.secret.handle
        self.dispatcher = Dispatcher(
            self.spool,
            self.places,
            self._open,
            cast("PrefectApi", self.prefect),
            self.status,
            Metrics(),
            Patience(first=0.0, longest=0.0, future=3_600, look_every=0.0),
        )

    def _open(self, _: Inventory) -> AbstractContextManager[Any]:
        return nullcontext(self)

    def write(self) -> str:
        """Write the next version of the connection's secret; return its label."""
        handle = self.vault.write(self.secret.mount, self.secret.path, "user", "generated")
        return self.vault.metadata(handle).current.label

    def hint(self, version: int | None, path: str | None = None) -> None:
        """Spool a hint about the connection's secret."""
        number = len(self.spool.entries(limit=1_000))
        place = path or self.secret.path
        hint = Hint(self.secret.mount, place, version, Source.WEBHOOK, f"m-{number}")
        self.spool.add([hint])

    def apply(self, label: str, **more: Any) -> None:
        """Let the ledger say that a version was applied."""
        name = self.connection.name
        applied = Applied(account="user", label=label, at=AT)
        self.ledgers.kept[name] = Ledger(connection=name, applied=applied, **more)

    def outcomes(self) -> list[str]:
        """Return what became of each hint, in the order they came."""
        return [kept.outcome or kept.last_error for kept in reversed(self.spool.entries())]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Return a scene around the example inventory."""
    with Spool(tmp_path / "spool") as spool:
        yield Scene(spool, Places(EXAMPLE))


def test_starts_one_run(scene: Scene) -> None:
    """A new version leads to one run of its connection, keyed by the version's own name, and to an event."""
    label = scene.write()
    scene.hint(1)
    scene.dispatcher.round()
    assert scene.prefect.runs == {label: scene.parameters}
    assert scene.prefect.told == [label]
    (kept,) = scene.spool.entries()
    assert (kept.state, kept.outcome, kept.flow_runs) == (
        "delivered", dispatcher.STARTED, f"run of {label}",
    )  # fmt: skip


def test_newest_counts(scene: Scene) -> None:
    """Late news of an older version leads to the newest one, and not to a second run of it."""
    scene.write()
    scene.write()
    newest = scene.write()
    for version in (2, 3, 1, None):
        scene.hint(version)
    scene.dispatcher.round()
    assert scene.prefect.runs == {newest: scene.parameters}


def test_applied_already(scene: Scene) -> None:
    """What the ledger says was applied is not applied again."""
    scene.apply(scene.write())
    scene.hint(1)
    scene.dispatcher.round()
    assert scene.outcomes() == [dispatcher.APPLIED]
    assert scene.prefect.runs == {}


def test_unknown_place(scene: Scene) -> None:
    """A secret of no connection ends there, and Vault is not asked."""
    scene.hint(1, "elsewhere")
    scene.dispatcher.round()
    assert scene.outcomes() == [dispatcher.NOT_OURS]
    assert "metadata" not in scene.vault.calls


def test_deleted(scene: Scene) -> None:
    """A newest version that was deleted is nothing to bring anywhere."""
    scene.write()
    scene.vault.gone.update(scene.vault.values)
    scene.hint(1)
    scene.dispatcher.round()
    assert scene.outcomes() == [dispatcher.DELETED]


@pytest.mark.parametrize("written", [0, 1])
def test_ahead_of_vault(scene: Scene, written: int) -> None:
    """A version that Vault does not show yet is waited for."""
    for _ in range(written):
        scene.write()
    scene.hint(2)
    scene.dispatcher.round()
    assert scene.outcomes() == [dispatcher.AHEAD]
    for _ in range(2 - written):
        label = scene.write()
    scene.dispatcher.round()
    assert scene.prefect.runs == {label: scene.parameters}


def test_ahead_for_too_long(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that never comes is dead after its time, and a person may replay it."""
    scene.write()
    scene.hint(9)
    later = datetime.now(UTC).timestamp() + 3_700
    monkeypatch.setattr(dispatcher.time, "time", lambda: later)
    scene.dispatcher.round()
    (kept,) = scene.spool.entries()
    assert (kept.state, kept.last_error) == ("dead", dispatcher.AHEAD)
    assert scene.spool.replay(kept.number).state == "waiting"


def test_reads_what_the_event_tells_of(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vault is asked for the state that the event belongs to; for one that it never reaches, not for long."""
    secret = scene.secret
    scene.spool.add([Hint(secret.mount, secret.path, None, Source.EVENT, "e-1", "djE6")])
    scene.vault.indexes.clear()
    scene.vault.fail("metadata", Unreachable("vault", "read metadata"))
    scene.dispatcher.round()
    assert (scene.prefect.runs, scene.vault.indexes) == ({}, ["djE6"])
    later = datetime.now(UTC).timestamp() + 61
    monkeypatch.setattr(dispatcher.time, "time", lambda: later)
    label = scene.write()
    scene.vault.indexes.clear()
    scene.dispatcher.round()
    assert scene.prefect.runs == {label: scene.parameters}
    assert scene.vault.indexes == [None]


def test_a_rotation_is_left_alone(scene: Scene) -> None:
    """A version that comes while a rotation is under way waits for its end: most likely it is its own."""
    label = scene.write()
    rotation = Rotation(
        id="r1", begun=AT, account="user", in_use="user", base=label, base_version=1, phase="E4"
    )
    scene.apply("another", rotation=rotation)
    scene.hint(1)
    scene.dispatcher.round()
    assert scene.outcomes() == [dispatcher.ROTATING]
    scene.apply(label)
    scene.dispatcher.round()
    assert scene.outcomes() == [dispatcher.APPLIED]
    assert scene.prefect.runs == {}


@pytest.mark.parametrize(
    ("system", "method", "error"),
    [
        ("vault", "metadata", Unreachable("vault", "read metadata")),
        ("vault", "metadata", NotPermitted("vault", "read metadata")),
        ("ledgers", "read", Unreachable("vault", "read ledger")),
        ("prefect", "start", Unreachable("prefect", "create flow run", retry_after=5)),
        ("prefect", "start", NotFound("prefect", "find deployment", advice="prefect deploy --all")),
        ("prefect", "start", Conflict("prefect", "create flow run")),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_waits_for_systems(scene: Scene, system: str, method: str, error: RotationError) -> None:
    """Whatever is away or says no, the hint waits, ready tells why, and later there is one run."""
    label = scene.write()
    scene.hint(1)
    getattr(scene, system).fail(method, error)
    scene.dispatcher.round()
    (kept,) = scene.spool.entries()
    assert (kept.state, kept.last_error) == ("waiting", f"{error.system}: {type(error).__name__}")
    told = scene.status.all()[error.system if isinstance(error, Unreachable) else "hints"]
    assert (told.fine, told.what_to_do) == (False, error.what_to_do())
    scene.dispatcher.round()
    assert scene.prefect.runs == {label: scene.parameters}
    assert all(seen.fine for seen in scene.status.all().values())


def test_answer_lost(scene: Scene) -> None:
    """A run whose creation was not answered is found again by its key: there is one."""
    label = scene.write()
    scene.hint(1)
    scene.prefect.fail("start", Unreachable("prefect", "create flow run"), applied=True)
    scene.dispatcher.round()
    scene.dispatcher.round()
    assert scene.prefect.runs == {label: scene.parameters}
    assert scene.outcomes() == [dispatcher.STARTED]


def test_one_away_spares_the_others(scene: Scene) -> None:
    """When Prefect is away for one hint, the others are not tried in vain in the same round."""
    scene.write()
    for version in (1, None):
        scene.hint(version)
    scene.prefect.fail("start", *[Unreachable("prefect", "create flow run")] * 2)
    scene.dispatcher.round()
    assert scene.prefect.calls.count("start") == 1


def test_strange_ledger(scene: Scene) -> None:
    """A ledger that cannot be understood does not hide the news: the run will say what is wrong."""
    label = scene.write()
    scene.hint(1)
    scene.ledgers.fail("read", OutOfStep("vault", "read ledger"))
    scene.dispatcher.round()
    assert list(scene.prefect.runs) == [label]


def test_an_accident_stops_nobody(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error nobody thought of puts off its own hint, and the next is delivered."""
    scene.write()
    scene.hint(1)
    scene.hint(1, "elsewhere")
    monkeypatch.setattr(scene.prefect, "start", lambda *_: 1 / 0)
    scene.dispatcher.round()
    assert scene.outcomes() == ["unexpected ZeroDivisionError", dispatcher.NOT_OURS]


def test_looks_when_idle(scene: Scene) -> None:
    """With nothing to deliver, Prefect and Vault are looked at all the same."""
    scene.prefect.fail("check", Unreachable("prefect", "find deployment"))
    scene.dispatcher.round()
    seen = scene.status.all()
    assert (seen["prefect"].fine, seen["vault"].fine) == (False, True)
    scene.dispatcher.round()
    assert scene.status.all()["prefect"].fine


def test_a_broken_inventory(tmp_path: Path) -> None:
    """While the inventory is broken hints wait; corrected, they are delivered without a restart."""
    file = tmp_path / "inventory.yaml"
    file.write_text(EXAMPLE.read_text())
    with Spool(tmp_path / "spool") as spool:
        scene = Scene(spool, Places(file))
        scene.write()
        file.write_text("version: 1\nservices: []\n")
        scene.hint(1)
        scene.dispatcher.round()
        assert scene.outcomes() == ["inventory: InventoryProblems"]
        file.write_text(EXAMPLE.read_text() + "\n")
        scene.dispatcher.round()
        assert len(scene.prefect.runs) == 1


def test_patience() -> None:
    """Waits double up to their limit, never all at the same moment."""
    patience = Patience(first=1, longest=60)
    assert all(0.5 <= patience.after(0) <= 1 for _ in range(20))
    assert all(30 <= patience.after(1_000) <= 60 for _ in range(20))
    assert len({patience.after(5) for _ in range(20)}) > 10


def test_beats_once_a_minute(scene: Scene) -> None:
    """However often it goes round, the intake tells once a minute that it is alive."""
    for _ in range(5):
        scene.dispatcher.round()

    assert scene.prefect.beats == [socket.gethostname()]
