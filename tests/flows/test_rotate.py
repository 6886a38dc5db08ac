"""A rotation on the sandbox: what it does, shows, and leaves behind, in place and with two accounts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.ledger import Ledger
from flows.rotate_account_credentials import rotate_account_credentials as rotation
from inventory.wiring import open_inventory, open_systems
from report.record import Result
from sandbox.demo import test_users as leftover_users
from sandbox.samba.availability import available
from sandbox.world import World
from tests.laws.rotations import (
    AD_ALTERNATE,
    AD_IN_PLACE,
    ENTRA_ALTERNATE,
    ENTRA_IN_PLACE,
    KINDS,
    Kind,
)
from tests.running import Rotate, Server, StartWorld, Update
from tests.waiting import eventually

pytestmark = pytest.mark.prefect

SAMBA = pytest.param(
    "samba",
    marks=[
        pytest.mark.samba,
        pytest.mark.skipif(available() is not None, reason=available() or "it is here"),
    ],
)
ROTATING = ("plant", "depot")


def ledger_of(connection: str) -> Ledger:
    """Read a ledger as the product does."""
    with open_systems(open_inventory()) as systems:
        return systems.ledgers.read(connection)


@pytest.fixture
def world(start_world: StartWorld) -> World:
    """Start a sandbox whose connections the orchestrator rotates; no grace period."""
    return start_world(services=ROTATING, grace_period_hours=0)


def _settled(world: World, kind: Kind) -> None:
    """Demand that directory, Vault and console agree, and that nothing is left behind."""
    current = world.current(kind.service, kind.extension.value)
    assert world.console_signs_in(kind.service, kind.extension.value)
    assert world.signs_in(kind.extension.value, **current)
    assert world.names_below(f"rotation/{kind.connection}/pending") == []
    assert leftover_users(world) == []
    assert world.locked_accounts() == []


@pytest.mark.parametrize("directory", ["active_directory", SAMBA])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.connection)
def test_each_kind_ends_ready(
    start_world: StartWorld, rotate: Rotate, kind: Kind, directory: str
) -> None:
    """A rotation goes through its steps in order, and directory, Vault and console agree afterwards."""
    if directory == "samba" and kind in (ENTRA_IN_PLACE, ENTRA_ALTERNATE):
        pytest.skip("samba: Entra ID has no part in it")
    world = start_world(directory=directory, services=ROTATING, grace_period_hours=0)
    before = world.current(kind.service, kind.extension.value)

    outcome = rotate(kind.connection)

    assert outcome.state.name == "Ready", outcome.state.message
    ran = [
        entry.number
        for entry in (*outcome.record.entries, *outcome.connection(kind.connection).entries)
    ]
    assert ["P1", *[n for n in kind.steps if n not in ("P1", "F2")]] == [
        n for n in ran if n != "F2"
    ]
    after = world.current(kind.service, kind.extension.value)
    assert before["password"] != after["password"]
    assert (before["username"] != after["username"]) is kind.alternate
    _settled(world, kind)
    kept = ledger_of(kind.connection)
    assert kept.rotation is None
    assert kept.rotated_at is not None
    assert kept.in_use == after["username"]
    assert kept.trouble is None


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.connection)
def test_the_gap_is_told(world: World, rotate: Rotate, prefect_api: Server, kind: Kind) -> None:
    """In place the report says how long the console held the old password; with two accounts, that none."""
    outcome = rotate(kind.connection)

    gap = outcome.connection(kind.connection).gap
    assert gap is not None
    report = prefect_api.report(outcome.record.run_id, kind.connection)
    assert "**Gap:**" in report
    if kind.alternate:
        assert gap.seconds is None
        assert "the account in use was not touched" in report
    else:
        assert gap.seconds is not None
        assert 0 < gap.seconds < 60
        assert not gap.at_most
        assert f"{gap.seconds:.2f} s" in report


@pytest.mark.parametrize("kind", [AD_ALTERNATE, ENTRA_ALTERNATE], ids=lambda kind: kind.connection)
def test_two_accounts_take_turns(world: World, rotate: Rotate, kind: Kind) -> None:
    """Three rotations use both accounts in turn, and what was retired signs in with nothing known."""
    names = [world.current(kind.service, kind.extension.value)]
    for _ in range(3):
        assert rotate(kind.connection).state.name == "Ready"
        names.append(world.current(kind.service, kind.extension.value))

    used = [current["username"] for current in names]
    assert used[0] == used[2] != used[1] == used[3]
    assert not world.signs_in(kind.extension.value, **names[2]), "retired after its turn"
    _settled(world, kind)


def test_an_update_after_a_rotation_has_nothing_to_do(
    world: World, rotate: Rotate, update: Update
) -> None:
    """What was promoted is recognised in the console, so an update enters nothing anew."""
    rotate("plant-ad")
    saves = [row["saves"] for row in world.consoles["plant"].state()["rows"]]

    outcome = update("plant", connections=["plant-ad"])

    assert outcome.state.name == "Ready"
    entry = next(e for e in outcome.connection("plant-ad").entries if e.number == "A4")
    assert entry.result is Result.ALREADY_SO
    assert saves == [row["saves"] for row in world.consoles["plant"].state()["rows"]]


@pytest.mark.bookkeeping
def test_run_list_reads_as_the_procedure(world: World, rotate: Rotate, prefect_api: Server) -> None:
    """Prefect's run list shows a rotation's steps under their numbers, in order."""
    outcome = rotate("depot-ad")

    def shown() -> list[str]:
        return [run["name"].split()[0] for run in prefect_api.task_runs(outcome.record.run_id)]

    # Prefect takes task runs from a queue, in its own time.
    wanted = list(AD_ALTERNATE.steps)
    assert eventually(shown, lambda seen: seen == wanted)


def test_dry_run_changes_nothing(world: World, rotate: Rotate) -> None:
    """A dry run does the preflight; neither Vault, directory nor console is changed."""
    before = world.current("plant", "active_directory")

    outcome = rotate("plant-ad", dry_run=True)

    assert outcome.state.name == "Dry run"
    assert outcome.steps("plant-ad") == ["N1"]
    assert before == world.current("plant", "active_directory")
    assert world.names_below("rotation/plant-ad/pending") == []
    assert ledger_of("plant-ad").rotation is None
    _settled(world, AD_IN_PLACE)


def test_grace_period_is_kept(
    start_world: StartWorld, rotate: Rotate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account that is no longer used keeps its password for the grace period, and its turn waits."""
    world = start_world(services=ROTATING, grace_period_hours=24)
    before = world.current("depot", "active_directory")

    assert rotate("depot-ad").state.name == "Ready"

    assert world.signs_in("active_directory", **before)
    kept = ledger_of("depot-ad")
    assert kept.retire is not None
    assert kept.retire.account == kept.idle == before["username"]
    again = rotate("depot-ad")
    assert again.state.name == "Waiting"
    assert "grace" in str(again.connection("depot-ad").error)
    assert rotate("depot-ad", finish_only=True).state.name == "Waiting"
    assert ledger_of("depot-ad").outcome == "Ready", "a run that waited wrote nothing over it"


def test_somebody_elses_connection_is_refused(start_world: StartWorld, rotate: Rotate) -> None:
    """A rotation of a connection that Vault's side rotates is refused, with the right next command."""
    start_world()

    outcome = rotate("hq-ad")

    assert outcome.state.name == "Refused"
    error = outcome.connection("hq-ad").error
    assert error is not None
    assert "account-rotation update hq --connection hq-ad" in error.what_to_do()


def test_parameters_are_names_only() -> None:
    """Every parameter of the flow is a name or a switch, so that nothing secret can be handed over."""
    properties = rotation.parameters.properties
    assert set(properties) == {
        "connection", "dry_run", "finish_only", "overwrite", "abandon", "asked_by",
    }  # fmt: skip
    assert {p.get("type") for p in properties.values()} == {"string", "boolean"}


def _replaced(world: World, old: str, new: str) -> None:
    text = world.inventory_file.read_text()
    assert old in text
    world.inventory_file.write_text(text.replace(old, new))


@pytest.fixture
def two_controllers(start_world: StartWorld) -> World:
    """Start a sandbox with two domain controllers."""
    return start_world(services=("plant",), replicas=2)


def _codes(outcome: object) -> list[str]:
    return [finding.code for finding in outcome.connection("plant-ad").findings]  # type: ignore[attr-defined]


def test_every_controller_is_watched(two_controllers: World, rotate: Rotate) -> None:
    """Where replication is quick, the other controller is seen with the new password, and nothing is found."""
    outcome = rotate("plant-ad")

    assert outcome.state.name == "Ready"
    entry = next(e for e in outcome.connection("plant-ad").entries if e.number == "N4")
    assert "seen on ldaps://" in entry.evidence
    assert _codes(outcome) == []


@pytest.mark.parametrize(
    ("disturb", "code"),
    [
        (
            lambda world: world.directory.do("set_lag", seconds=3600),
            "active-directory.not-replicated",
        ),
        (
            lambda world: world.directory.arm("dc2.connect", "unreachable", times=0),
            "active-directory.controller-away",
        ),
    ],
    ids=["late", "away"],
)
@pytest.mark.parametrize("required", [False, True])
def test_a_controller_that_lacks_the_password(
    two_controllers: World,
    rotate: Rotate,
    disturb: Callable[[World], None],
    code: str,
    required: bool,
) -> None:
    """A late or absent controller is a finding; it stops the rotation only where the inventory says so."""
    world = two_controllers
    demand = "  require_every_controller: true\n" if required else ""
    _replaced(world, "  reader:\n", f"  replication_wait_seconds: 1\n{demand}  reader:\n")
    disturb(world)

    outcome = rotate("plant-ad")

    assert code in _codes(outcome)
    if not required:
        assert outcome.state.name == "Ready", outcome.state.message
        return
    assert outcome.state.name == "Unreachable"
    assert ledger_of("plant-ad").rotation is not None
    world.directory.disarm()
    world.directory.do("set_lag", seconds=0)
    world.directory.advance(3601)
    assert rotate("plant-ad", finish_only=True).state.name == "Ready"
    _settled(world, AD_IN_PLACE)
