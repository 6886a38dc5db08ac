"""The law: a rotation that goes wrong at any one call, in any way, is finished by the next run."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from tests.laws.saga import promises
from tests.laws.saga.faults import Fault, Kind
from tests.laws.saga.runner import ABANDON, FINISH, ROTATE, UPDATE, Ended, Order, run
from tests.laws.saga.shape import Shape
from tests.laws.saga.world import World

Record = Callable[[str, object], None]
LONG = os.environ.get("ROTATION_LONG") == "1"
KILLS = (Kind.KILLED_BEFORE, Kind.KILLED_AFTER)
SHAPES = pytest.mark.parametrize("shape", Shape, ids=lambda shape: shape.name.lower())
KINDS = pytest.mark.parametrize(
    "kind",
    [kind for kind in Kind if kind is not Kind.INTERLEAVE],
    ids=lambda kind: kind.name.lower(),
)


def _calls(shape: Shape, order: Order = ROTATE, *before: Order) -> list[str]:
    """Return the calls that a run makes when nothing goes wrong."""
    world = _after(shape, *before)
    ended = run(world, order)
    promises.kept(world, ended)
    return ended.calls


def _after(shape: Shape, *before: Order) -> World:
    """Return a world in which these runs went well, and a day went by."""
    world = World(shape)
    for order in before:
        assert run(world, order).state == "Ready"
        world.settles()
    return world


def _finished(world: World, first: Ended) -> None:
    """Demand that one more run, with nothing going wrong, ends Ready with everything in step."""
    promises.kept(world, first)
    unfinished = world.rotation is not None
    again = run(world, FINISH if unfinished else ROTATE)
    promises.kept(world, again)
    # Where the first run had ended its rotation, the other account's turn may not have come yet.
    assert again.state in ({"Ready"} if unfinished else {"Ready", "Waiting"}), f"{first}; {again}"
    promises.in_step(world)


def _kills(record_property: Record, calls: list[str], kind: Kind) -> None:
    for at, call in enumerate(calls, 1):
        if kind in KILLS:
            record_property("kill_point", f"{kind.value} call {at}, {call}")
    record_property("steps", len(calls))


@SHAPES
@KINDS
def test_every_call_of_a_rotation(shape: Shape, kind: Kind, record_property: Record) -> None:
    """Whatever goes wrong at whichever call, every promise holds, and one more run ends Ready."""
    calls = _calls(shape)
    for at in range(1, len(calls) + 1):
        world = World(shape)
        _finished(world, run(world, ROTATE, [Fault(at, kind)]))
    _kills(record_property, calls, kind)


@pytest.mark.parametrize(
    "shape", [Shape.AD_ALTERNATE, Shape.ENTRA_ALTERNATE], ids=lambda s: s.name.lower()
)
@KINDS
def test_every_call_of_a_retirement(shape: Shape, kind: Kind, record_property: Record) -> None:
    """The account that is no longer used gets its random password once, and nothing else changes."""
    calls = _calls(shape, FINISH, ROTATE)
    for at in range(1, len(calls) + 1):
        world = _after(shape, ROTATE)
        first = run(world, FINISH, [Fault(at, kind)])
        promises.kept(world, first)
        again = run(world, FINISH)
        promises.kept(world, again)
        assert again.state in {"Ready", "Waiting"}, f"{first}; {again}"
        assert world.ledger.retire is None
        promises.in_step(world)
    _kills(record_property, calls, kind)


@SHAPES
@KINDS
def test_every_call_of_giving_up(shape: Shape, kind: Kind, record_property: Record) -> None:
    """A rotation killed anywhere and then given up, with that going wrong anywhere: nothing is lost."""
    dice = random.Random(kind.value)
    killed = range(dice.randint(1, 3), len(_calls(shape)) + 1, 1 if LONG else 3)
    for at in killed:
        world = World(shape)
        run(world, ROTATE, [Fault(at, Kind.KILLED_AFTER)])
        given_up = run(world, ABANDON, [Fault(dice.randint(1, 40), kind)])
        promises.kept(world, given_up)
        promises.kept(world, run(world, ABANDON))
        promises.converges(world)
    record_property("steps", 2 * len(killed))


@SHAPES
@pytest.mark.parametrize("other", [ROTATE, FINISH, ABANDON, UPDATE], ids=repr)
def test_overtaken_at_every_call(shape: Shape, other: Order, record_property: Record) -> None:
    """Another run that comes at any call takes over, and the older one changes nothing more."""
    calls = _calls(shape)
    for at in range(1, len(calls) + 1):
        world = World(shape)
        meanwhile = Fault(at, Kind.INTERLEAVE, lambda world=world: run(world, other))  # type: ignore[misc]
        promises.kept(world, run(world, ROTATE, [meanwhile]))
        promises.converges(world)
    record_property("steps", 2 * len(calls))


def _pairs(shape: Shape) -> Iterator[tuple[int, int]]:
    """Yield where a first and a second run are killed: all pairs, or some for each first."""
    calls, dice = len(_calls(shape)), random.Random(shape.name)
    for first in range(1, calls + 1):
        seconds = range(1, calls + 1)
        for second in seconds if LONG else dice.sample(seconds, 4):
            yield first, second


@SHAPES
@pytest.mark.timeout(3600 if LONG else 180)
def test_killed_twice(shape: Shape, record_property: Record) -> None:
    """Killed anywhere, and the next run killed anywhere too: the third, an hour later, ends Ready.

    Within the hour a password whose verdict was lost twice is not tried again.
    """
    for count, (first, second) in enumerate(_pairs(shape), 1):
        world = World(shape)
        run(world, ROTATE, [Fault(first, Kind.KILLED_AFTER)])
        again = FINISH if world.rotation else ROTATE
        killed = run(world, again, [Fault(second, Kind.KILLED_AFTER)])
        world.pass_time(timedelta(minutes=61))
        _finished(world, killed)
        record_property("kill_point", f"after calls {first} and {second}")
        steps = count
    record_property("steps", steps)
