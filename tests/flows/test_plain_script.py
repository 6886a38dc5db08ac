"""The benchmark compares like with like: the plain script makes the calls that the flow makes."""

from __future__ import annotations

import pytest

from benchmarks import journals, measure, plain
from sandbox.demo import test_users as leftover_users
from sandbox.world import World
from tests.running import Update

pytestmark = pytest.mark.prefect


def test_script_makes_the_calls_of_the_flow(world: World, update: Update) -> None:
    """Every system is asked the same, by the same identities, in the same order, with the same outcome."""
    measure.rotate(world)
    plain.update(
        "hq"
    )  # the first update registers consent, which the console then takes time to collect

    measure.rotate(world)
    assert update().state.name == "Ready"
    by_the_flow = journals.calls(world)
    measure.rotate(world)
    plain.update("hq")
    by_the_script = journals.calls(world)

    assert {"Vault", "Active Directory", "Entra ID (north)", "Cayosoft console (hq)"} == {
        *by_the_flow
    }
    assert journals.without_ledger(by_the_flow) == by_the_script
    for extension in ("active_directory", "microsoft_365"):
        assert world.console_signs_in("hq", extension)
    assert leftover_users(world) == []


def test_script_side_is_free_of_prefect(world: World) -> None:
    """Neither Prefect nor the record is loaded on the script's side, warm or not, and it works."""
    measure.rotate(world)
    with measure.side("script", world) as side:
        answer = side.update()

    assert not side.ready["prefect"]
    assert answer["steps"] == []
    assert answer["seconds"] > 0
    for extension in ("active_directory", "microsoft_365"):
        assert world.console_signs_in("hq", extension)
