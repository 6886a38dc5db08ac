"""The law: whatever runs, faults, people and time do in whatever order, no promise of the saga is broken."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from functools import partial
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

from connectors.active_directory.models import Right
from tests.laws.saga import promises
from tests.laws.saga.faults import Fault, Kind
from tests.laws.saga.runner import (
    ABANDON,
    DRY_ROTATE,
    DRY_UPDATE,
    FINISH,
    OVERWRITE,
    ROTATE,
    SCHEDULED,
    TRY_AGAIN,
    UPDATE,
    Ended,
    Order,
    run,
)
from tests.laws.saga.world import DC1, DC2, Shape, World

LONG = os.environ.get("ROTATION_LONG") == "1"
EXAMPLES, STEPS = int(os.environ.get("SAGA_N", "60")), 14

ROTATIONS = (ROTATE, FINISH, OVERWRITE, ABANDON, SCHEDULED, DRY_ROTATE)
UPDATES = (UPDATE, TRY_AGAIN, DRY_UPDATE)
SPELLS = {
    "two minutes": timedelta(minutes=2),
    "twenty minutes": timedelta(minutes=20),
    "an hour": timedelta(minutes=61),
    "a day": timedelta(hours=25),
}
PATHS = ("pending", "kv/data/hq", "sys/policies")
# A whole rotation makes fewer calls than this; a fault beyond its end is none.
AT = st.integers(min_value=1, max_value=90)
Deed = Callable[[World], object]
OTHERS: dict[str, tuple[Order, list[Fault]]] = {
    **{f"run {order!r}": (order, []) for order in ROTATIONS + UPDATES},
    **{
        f"run {ROTATE!r}, killed after call {at}": (ROTATE, [Fault(at, Kind.KILLED_AFTER)])
        for at in range(5, 80, 5)
    },
}
"""What another process does meanwhile."""


def deeds_of(shape: Shape) -> dict[str, Deed]:
    """Return what people, time and machines do to a world of this shape, by name."""
    deeds: dict[str, Deed] = {
        "everything is given back": World.gives_back,
        "the directory demands longer passwords": World.demands_longer,
        "the directory's policy is corrected": World.corrects_policy,
        "Vault's policy is corrected": partial(World.corrects_policy, in_vault=True),
        "what waits is deleted": World.deletes_staged,
        **{f"no capability at {path}": _with(World.takes_capability, path) for path in PATHS},
    }
    for name in shape.accounts:
        deeds |= {
            f"{name} changed by hand": _with(World.changes_by_hand, name),
            f"{name} told to Vault": _with(World.tells_vault, name),
            f"{name} foreign in Vault": _with(World.writes_foreign, name),
            f"setter loses {name}": _with(World.takes_setter, name),
        }
        rights = Right if shape.in_domain else (Right.CREATE_USER,)
        deeds |= {
            f"{name} may not {right}": _with(World.takes_right, name, right) for right in rights
        }
    if shape.in_domain:
        deeds |= {
            "controllers replicate": World.replicates,
            "dc1 goes away": _with(World.controller_goes, DC1),
            "dc2 goes away": _with(World.controller_goes, DC2),
            "dc1 is gone for good": _with(World.controller_ends, DC1),
            "somebody guesses": _with(World.guesses, shape.accounts[0]),
            "controllers come back": World.controllers_come_back,
        }
    else:
        deeds |= {
            "consent is withheld": World.withholds_consent,
            "consent is allowed": World.gives_consent,
        }
    return deeds


def _with(deed: Callable[..., object], *told: object) -> Deed:
    return lambda world: deed(world, *told)


class Saga(RuleBasedStateMachine):
    """One world of one shape."""

    shape: ClassVar[Shape]
    deeds: ClassVar[dict[str, Deed]]
    steps: ClassVar[list[str]] = []

    def __init__(self) -> None:
        super().__init__()
        self.world = World(self.shape)
        self.last: Ended | None = None
        self.failed = False

    def _run(self, order: Order, faults: list[tuple[int, str]]) -> None:
        self.last = run(self.world, order, [self._fault(at, what) for at, what in faults])

    def _fault(self, at: int, what: str) -> Fault:
        if what in self.deeds:
            return Fault(at, Kind.INTERLEAVE, partial(self.deeds[what], self.world), what)
        if what in OTHERS:
            order, faults = OTHERS[what]
            return Fault(at, Kind.INTERLEAVE, partial(run, self.world, order, faults), what)
        return Fault(at, Kind(what))

    def _faults(self, data: Any) -> list[tuple[int, str]]:
        kinds = [kind.value for kind in Kind if kind is not Kind.INTERLEAVE]
        what = st.one_of(
            st.sampled_from(kinds),
            st.sampled_from(sorted(OTHERS)),
            st.sampled_from(sorted(self.deeds)),
        )
        drawn: list[tuple[int, str]] = data.draw(
            st.lists(st.tuples(AT, what), max_size=2, unique_by=lambda fault: fault[0])
        )
        return drawn

    @initialize(
        lag=st.sampled_from([0, 5, 70]),
        spread=st.sampled_from([0, 20, 70]),
        skew=st.sampled_from([0, -60, 60]),
    )
    def begin(self, lag: int, spread: int, skew: int) -> None:
        """Choose how slowly a tenant tells of a change, and how wrong the directory's clock is."""
        self.world.home.skew = timedelta(seconds=skew)
        if self.world.tenant:
            self.world.tenant.lag = timedelta(seconds=lag)
            self.world.tenant.spread = timedelta(seconds=spread)

    @rule(data=st.data())
    def rotates(self, data: Any) -> None:
        """A rotation is asked for."""
        self._run(ROTATE, self._faults(data))

    @rule(order=st.sampled_from(ROTATIONS), data=st.data())
    def rotates_somehow(self, order: Order, data: Any) -> None:
        """A rotation is asked for, in any way that there is."""
        self._run(order, self._faults(data))

    @rule(order=st.sampled_from(UPDATES), data=st.data())
    def updates(self, order: Order, data: Any) -> None:
        """An update is asked for."""
        self._run(order, self._faults(data))

    @rule(spell=st.sampled_from(sorted(SPELLS)))
    def time_passes(self, spell: str) -> None:
        """Minutes to days go by."""
        self.world.pass_time(SPELLS[spell])

    @rule(data=st.data())
    def something_happens(self, data: Any) -> None:
        """A person or a machine does something."""
        self.deeds[data.draw(st.sampled_from(sorted(self.deeds)))](self.world)

    @invariant()
    def promises_are_kept(self) -> None:
        """Every promise holds at every quiet moment."""
        self.steps.append(self.shape.name)
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
def test_any_mixture(shape: Shape) -> None:
    """Any mixture of runs, kills, lost answers, people and time keeps every promise."""
    machine = type(shape.name.title(), (Saga,), {"shape": shape, "deeds": deeds_of(shape)})
    run_state_machine_as_test(machine, settings=SETTINGS)
