"""The law: whatever runs, faults, people and time do in whatever order, no promise of the saga is broken."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from tests.laws.saga import promises
from tests.laws.saga.faults import Kind
from tests.laws.saga.runner import ROTATE, Ended, Order
from tests.laws.saga.shape import Shape
from tests.laws.saga.stories import OTHERS, ROTATIONS, UPDATES, Deed, Planned, deeds_of, done
from tests.laws.saga.world import World

LONG = os.environ.get("ROTATION_LONG") == "1"
EXAMPLES, STEPS = 80, 14

# A whole rotation makes fewer calls than this; a fault beyond its end is none.
AT = st.integers(min_value=1, max_value=90)
KINDS = st.sampled_from([kind.value for kind in Kind if kind is not Kind.INTERLEAVE])


class Saga(RuleBasedStateMachine):
    """One world of one shape."""

    shape: ClassVar[Shape]
    deeds: ClassVar[dict[str, Deed]]
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.shape)
        self.last: Ended | None = None
        self.failed = False

    def _run(self, order: Order, planned: list[Planned]) -> None:
        self.last = done(self.world, order, *planned)

    @initialize(
        lag=st.sampled_from([0, 5, 70]),
        spread=st.sampled_from([0, 20, 70]),
        skew=st.sampled_from([0, -60, 60]),
    )
    def begin(self, lag: int, spread: int, skew: int) -> None:
        """Choose how slowly a tenant tells of a change, and how wrong the directory's clock is."""
        self.world.slow(lag, spread, skew)

    @rule(data=st.data())
    def rotates(self, data: Any) -> None:
        """A rotation is asked for."""
        self._run(ROTATE, self._planned(data))

    @rule(order=st.sampled_from(ROTATIONS), data=st.data())
    def rotates_somehow(self, order: Order, data: Any) -> None:
        """A rotation is asked for, in any way that there is."""
        self._run(order, self._planned(data))

    @rule(order=st.sampled_from(UPDATES), data=st.data())
    def updates(self, order: Order, data: Any) -> None:
        """An update is asked for."""
        self._run(order, self._planned(data))

    @rule(data=st.data())
    def something_happens(self, data: Any) -> None:
        """A person or a machine does something, or time goes by."""
        self.deeds[data.draw(st.sampled_from(sorted(self.deeds)))](self.world)

    def _planned(self, data: Any) -> list[Planned]:
        names = st.sampled_from(sorted(OTHERS)), st.sampled_from(sorted(self.deeds))
        planned: list[Planned] = data.draw(
            st.lists(
                st.tuples(AT, st.one_of(KINDS, *names)), max_size=2, unique_by=lambda it: it[0]
            )
        )
        return planned

    @invariant()
    def promises_are_kept(self) -> None:
        """Every promise holds at every quiet moment."""
        Saga.steps += 1
        self.failed = True
        promises.kept(self.world, self.last)
        self.failed, self.last = False, None

    def teardown(self) -> None:
        """Without any obstacle, two runs bring Vault, directory and console into step."""
        if not self.failed:
            promises.converges(self.world)


SETTINGS = settings(
    max_examples=EXAMPLES * (20 if LONG else 1),
    stateful_step_count=STEPS,
    deadline=None,
    database=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
)


@pytest.mark.parametrize("shape", Shape, ids=lambda shape: shape.name.lower())
@pytest.mark.timeout(7200 if LONG else 180)
def test_any_mixture(shape: Shape, record_property: Callable[[str, object], None]) -> None:
    """Any mixture of runs, kills, lost answers, people and time keeps every promise."""
    before = Saga.steps
    machine = type(shape.name.title(), (Saga,), {"shape": shape, "deeds": deeds_of(shape)})
    run_state_machine_as_test(machine, settings=SETTINGS)
    record_property("steps", Saga.steps - before)
