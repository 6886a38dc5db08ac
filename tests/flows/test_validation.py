"""V in whole runs: on both roads, and what becomes of test users that nobody comes back for."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from flows.reconcile_connections import reconcile_connections
from inventory.wiring import open_inventory, open_systems
from sandbox.world import World
from tasks._names import prefix_of
from tests.flows.test_rotate import ledger_of
from tests.running import Server, Update

pytestmark = pytest.mark.prefect

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def _by(world: World, who: str) -> None:
    """Let the inventory say who carries out the operations in Active Directory."""
    text = world.inventory_file.read_text()
    assert "validation_ou:" in text
    with_it = text.replace("validation_ou:", f"validation: {who}\n    validation_ou:")
    world.inventory_file.write_text(with_it)


def test_both_roads(world: World, update: Update) -> None:
    """What only the product is refused is told by the account itself; then both do all of it, each for itself."""
    world.consoles["hq"].do("restrict", operations=["ad.reset_password"])
    refused = update("hq", connections=["hq-ad"])
    assert refused.state.name == "Validation failed"
    found = refused.connection("hq-ad").findings
    assert [item.code for item in found] == ["validation.product-refused"]
    assert refused.steps("hq-ad")[-3:] == ["V2", "V8", "V1u"]
    assert world.directory_search("(sAMAccountName=rot-*)") == []
    world.consoles["hq"].do("restrict", operations=[])
    _by(world, "both")

    outcome = update("hq", connections=["hq-ad"])

    assert outcome.state.name == "Ready", outcome.state.message
    evidence = {e.number: e.evidence for e in outcome.connection("hq-ad").entries}
    for number in ("V1", "V2", "V3", "V4"):
        assert "the product" in evidence[number]
        assert "the account itself" in evidence[number]
    assert world.directory_search("(sAMAccountName=rot-*)") == []


def test_nobody_comes_back(world: World, update: Update, prefect_api: Server) -> None:
    """Test users of a run that was killed are removed by the reconciling run, though no run is due."""
    update("hq", connections=["hq-ad", "hq-m365"])
    upn = _left_behind(world)
    for connection in ("hq-ad", "hq-m365"):
        _cut_off(connection)
    state = cast("Any", reconcile_connections)(services=["hq"], return_state=True)
    assert state.name == "Reconciled"
    assert "removed CN=rot-" in str(state.message)
    assert f"removed {upn}" in str(state.message)
    assert world.directory_search("(sAMAccountName=rot-*)") == []
    users = world.tenants["north"].state()["users"]
    assert [u["deleted"] for u in users if u["upn"] == upn] == [True]
    assert ledger_of("hq-ad").test_users is ledger_of("hq-m365").test_users is None


def _left_behind(world: World) -> str:
    """Make test users as a run of two hours ago left them; return the one of the tenant."""
    names = {
        name: prefix_of(cast("Any", SimpleNamespace(name=name))) for name in ("hq-ad", "hq-m365")
    }
    for system in (world.directory, world.tenants["north"]):
        system.advance(-7200)
    world.directory.do(
        "add_user",
        username=f"{names['hq-ad']}0000000a",
        password=f"Aa1!{names['hq-ad']}{names['hq-m365']}",
        container=world.service("hq").validation_ou.partition(",")[0],
    )
    upn = f"{names['hq-m365']}0000000a@{world.service('hq').tenant.domain}"
    world.tenants["north"].do("add_user", upn=upn, password="")
    for system in (world.directory, world.tenants["north"]):
        system.advance(7200)
    return upn


def _cut_off(connection: str) -> None:
    """Write into the ledger that a run was cut off long ago, and that a later one did not validate."""
    with open_systems(open_inventory()) as systems:
        ledger = systems.ledgers.read(connection)
        assert ledger.holder is None
        systems.ledgers.write(ledger.model_copy(update={"test_users": LONG_AGO}))
