"""Runs over the whole fleet: verifying, reconciling, and rotating what is due."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prefect.client.schemas.objects import State

from flows.reconcile_connections import reconcile_connections
from flows.rotate_due_connections import rotate_due_connections
from flows.verify_connections import verify_connections
from inventory.wiring import open_inventory, open_systems
from sandbox.delegation import GROUP
from sandbox.people import MANAGED_OU
from sandbox.world import World
from tests.flows.test_rotate import ledger_of
from tests.running import Rotate, Server, StartWorld, Update

pytestmark = pytest.mark.prefect

Fleet = Callable[..., State[None]]


def _run(flow: Any, **parameters: Any) -> State[None]:
    state: State[None] = flow(**parameters, return_state=True)
    return state


def _saves(world: World, service: str) -> list[int]:
    return [row["saves"] for row in world.consoles[service].state()["rows"]]


def _aged(connection: str, **older: timedelta) -> None:
    """Move moments of a ledger into the past."""
    with open_systems(open_inventory()) as systems:
        ledger = systems.ledgers.read(connection)
        moved = {name: getattr(ledger, name) - age for name, age in older.items()}
        systems.ledgers.write(ledger.model_copy(update=moved))


def test_reconcile_finds_what_no_event_told(world: World, prefect_api: Server) -> None:
    """A version that nobody announced is in the console after the next reconciling run, and only that one."""
    assert _run(reconcile_connections, services=["hq"]).name == "Reconciled"
    world.rotate_ad("hq")
    before = _saves(world, "hq")

    state = _run(reconcile_connections, services=["hq"])

    assert state.name == "Reconciled"
    assert "hq-ad: Ready" in str(state.message)
    assert "hq-m365" not in str(state.message)
    assert world.console_signs_in("hq", "active_directory")
    assert sum(_saves(world, "hq")) == sum(before) + 1


def test_reconcile_reads_no_secret_where_nothing_is_due(world: World, prefect_api: Server) -> None:
    """Looking costs metadata and ledgers; no credential is read, nobody signs in anywhere."""
    _run(reconcile_connections, services=["hq"])
    for stand_in in world.stand_ins().values():
        stand_in.forget()

    state = _run(reconcile_connections, services=["hq"])

    assert "nothing is due" in str(state.message)
    read = {call["detail"]["path"].partition("/data/")[2] for call in world.vault.calls("kv.read")}
    assert read == {"rotation/hq-ad/ledger", "rotation/hq-m365/ledger"}
    assert world.directory.journal() == world.tenants["north"].journal() == []


def test_reconcile_leaves_a_refused_version_to_a_person(
    world: World, update: Update, prefect_api: Server
) -> None:
    """A version that the directory refused is not tried again every quarter of an hour."""
    world.publish("hq", "ad", password="Nobody-has-set-this-1")
    assert _run(reconcile_connections, services=["hq"]).name == "Some failed"

    again = _run(reconcile_connections, services=["hq"])

    assert again.name == "Reconciled"
    assert "a person is due" in str(again.message)


def test_dry_run_only_looks(world: World, prefect_api: Server) -> None:
    """A dry run shows what is due and does none of it."""
    _run(reconcile_connections, services=["hq"])
    world.rotate_ad("hq")
    before = _saves(world, "hq")

    state = _run(reconcile_connections, services=["hq"], dry_run=True)

    assert "hq-ad: due" in str(state.message)
    assert before == _saves(world, "hq")


def test_reconcile_finishes_what_was_cut_off(
    start_world: StartWorld, rotate: Rotate, prefect_api: Server
) -> None:
    """A rotation that a crash left is finished once its run is taken for dead, and not before."""
    world = start_world(services=("plant",))
    world.consoles["plant"].arm("session", "status", status=503, times=0, skip=1)
    rotate("plant-ad")
    world.consoles["plant"].disarm()
    assert ledger_of("plant-ad").trouble is not None
    waiting = _run(reconcile_connections, services=["plant"])
    assert "plant-ad: nothing: it is not time yet" in str(waiting.message)
    with open_systems(open_inventory()) as systems:
        ledger = systems.ledgers.read("plant-ad")
        systems.ledgers.write(ledger.model_copy(update={"trouble": None}))

    state = _run(reconcile_connections, services=["plant"])

    assert "plant-ad: Ready" in str(state.message)
    assert ledger_of("plant-ad").rotation is None
    assert world.console_signs_in("plant", "active_directory")


@pytest.mark.services("hq", "branch")
def test_an_unknown_service_is_told(world: World, prefect_api: Server) -> None:
    """A service that is not in the inventory ends the run with the names that are."""
    state = _run(reconcile_connections, services=["hw"])

    assert state.is_failed()
    assert "branch, hq" in str(state.message)


def test_what_is_due_is_rotated(
    start_world: StartWorld, rotate: Rotate, prefect_api: Server
) -> None:
    """What was never rotated is rotated, what is young is left, and what has come of age is rotated again."""
    world = start_world(services=("hq", "plant"))
    assert rotate("plant-ad").state.name == "Ready"
    before = world.current("plant", "active_directory")

    state = _run(rotate_due_connections)

    assert "plant-m365: Ready" in str(state.message)
    assert "plant-ad: nothing: it is not time yet" in str(state.message)
    assert "hq-ad: nothing" in str(state.message)
    assert before == world.current("plant", "active_directory")
    _aged("plant-ad", rotated_at=timedelta(days=31))
    assert "plant-ad: Ready" in str(_run(rotate_due_connections, services=["plant"]).message)
    assert before != world.current("plant", "active_directory")


def test_verified_and_written_down(world: World, update: Update, prefect_api: Server) -> None:
    """Verification changes nothing, tells every right, and the ledger says when it was.

    A documented right that has gone is in the report, and no failure.
    """
    update("hq")
    gone = f"(OD;CI;CC;{GROUP};;{{sid}})"
    world.directory.do("add_entries", container=MANAGED_OU, sddl=gone, trustee="svc-cayo-hq")
    before = _saves(world, "hq")
    _aged("hq-ad", verified_at=timedelta(days=3))

    state = _run(verify_connections, services=["hq"])

    assert state.name == "Verified", state.message
    assert before == _saves(world, "hq")
    report = prefect_api.get("/artifacts/hq-ad/latest")["data"]
    assert "| read everything |  | present |" in report
    assert "| create groups |  | **missing** |" in report
    assert "active-directory.documented-rights-missing" in report
    verified = ledger_of("hq-ad").verified_at
    assert verified is not None
    assert datetime.now(UTC) - verified < timedelta(minutes=5)


def test_verification_of_an_older_version_fails(
    world: World, update: Update, prefect_api: Server
) -> None:
    """A console that was given another version than Vault holds is out of step; its neighbour is verified."""
    update("hq")
    world.rotate_ad("hq")

    state = _run(verify_connections, services=["hq"])

    assert state.name == "Out of step"
    assert "hq-ad: Out of step" in str(state.message)
    assert "hq-m365: Verified" in str(state.message)


@pytest.mark.services("hq", "branch")
def test_verification_sees_missing_consent(
    world: World, update: Update, prefect_api: Server
) -> None:
    """Consent that is not complete is found by verification too."""
    state = _run(verify_connections, services=["branch"])

    assert state.name == "Remediation required"
    assert "branch-ad: Verified" in str(state.message)
