"""What may happen to a connection, by name: what people, time and machines do, and what another process does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from connectors.active_directory.models import VALIDATION_RIGHTS, Right
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
    VERIFY,
    Ended,
    Order,
    run,
)
from tests.laws.saga.shape import DC1, DC2, Shape
from tests.laws.saga.world import World

ROTATIONS = (ROTATE, FINISH, OVERWRITE, ABANDON, SCHEDULED, DRY_ROTATE)
UPDATES = (UPDATE, TRY_AGAIN, DRY_UPDATE, VERIFY)
SPELLS = {
    "two minutes": timedelta(minutes=2),
    "twenty minutes": timedelta(minutes=20),
    "an hour": timedelta(minutes=61),
    "a day": timedelta(hours=25),
}
PATHS = ("pending", "kv/data/hq", "sys/policies")
Deed = Callable[[World], object]
Planned = tuple[int, str]
"""At which call, and what: a kind of fault, a deed, or what another process does."""

OTHERS: dict[str, tuple[Order, list[Fault]]] = {
    **{f"run {order!r}": (order, []) for order in ROTATIONS + UPDATES},
    **{
        f"run {ROTATE!r}, killed after call {at}": (ROTATE, [Fault(at, Kind.KILLED_AFTER)])
        for at in range(5, 80, 5)
    },
}
"""What another process does meanwhile."""


def deeds_of(shape: Shape) -> dict[str, Deed]:
    """Return what people, time and machines do to a world of this shape."""
    deeds: dict[str, Deed] = {
        **{f"{name} go by": _with(World.pass_time, spell) for name, spell in SPELLS.items()},
        "everything is given back": World.gives_back,
        "the directory demands longer passwords": World.demands_longer,
        "the directory's policy is corrected": World.corrects_policy,
        "Vault's policy is corrected": partial(World.corrects_policy, in_vault=True),
        "what waits is deleted": World.deletes_staged,
        "the changing one expires": _with(World.expires, shape.accounts[-1]),
        **{f"no capability at {path}": _with(World.takes_capability, path) for path in PATHS},
    }
    for letter, account in zip("ab", shape.accounts, strict=False):
        rights = VALIDATION_RIGHTS if shape.in_domain else (Right.CREATE_USER,)
        deeds |= {
            f"{letter} is changed by hand": _with(World.changes_by_hand, account),
            f"{letter} is told to Vault": _with(World.tells_vault, account),
            f"{letter} is foreign in Vault": _with(World.writes_foreign, account),
            f"{letter} is disabled": _with(World.disables, account),
            f"the setter loses {letter}": _with(World.takes_setter, account),
            **{f"{letter} may not {it}": _with(World.takes_right, account, it) for it in rights},
        }
    return deeds | (_of_a_domain(shape) if shape.in_domain else _of_a_tenant())


def _of_a_domain(shape: Shape) -> dict[str, Deed]:
    return {
        "controllers replicate": World.replicates,
        "dc1 goes away": _with(World.controller_goes, DC1),
        "dc2 goes away": _with(World.controller_goes, DC2),
        "dc1 is gone for good": _with(World.controller_ends, DC1),
        "controllers come back": World.controllers_come_back,
        "somebody guesses": _with(World.guesses, shape.accounts[0]),
    }


def _of_a_tenant() -> dict[str, Deed]:
    return {
        "a change spreads at once": _with(World.slow, 0, 0, 0),
        "a change spreads late": _with(World.slow, 5, 70, 0),
        "a change spreads very late": _with(World.slow, 0, 200, 0),
        "consent is withheld": World.withholds_consent,
        "consent is allowed": World.gives_consent,
    }


def _with(deed: Callable[..., object], *told: object) -> Deed:
    return lambda world: deed(world, *told)


def done(world: World, order: Order, *planned: Planned) -> Ended:
    """Carry a run out with what is planned for it."""
    return run(world, order, [_fault(world, at, what) for at, what in planned])


def _fault(world: World, at: int, what: str) -> Fault:
    deeds = deeds_of(world.shape)
    if what in deeds:
        return Fault(at, Kind.INTERLEAVE, partial(deeds[what], world))
    if what in OTHERS:
        order, faults = OTHERS[what]
        return Fault(at, Kind.INTERLEAVE, partial(run, world, order, faults))
    return Fault(at, Kind(what))
