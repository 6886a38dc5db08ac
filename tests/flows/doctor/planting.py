"""A fault as the tests plant it: what is broken, and what doctor must say of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from cli.doctor.model import Area
from tests.flows.doctor.site import Site

Breaks = Callable[[Site], Iterator[None]]


@dataclass(frozen=True)
class Planted:
    """One fault. ``fault`` and ``fix`` are words that doctor must say; ``areas`` what it looks at, all when empty."""

    name: str
    id: str
    subject: str
    fault: str
    fix: str
    warns: bool
    areas: tuple[Area, ...]
    broken: Callable[[Site], AbstractContextManager[None]]


FAULTS: list[Planted] = []


def planted(
    id_: str,
    subject: str = "",
    *,
    fault: str,
    fix: str,
    warns: bool = False,
    areas: tuple[Area, ...] = (),
) -> Callable[[Breaks], Breaks]:
    """Enter a fault: the function breaks something, and mends it when it goes on."""

    def enter(breaks: Breaks) -> Breaks:
        name = breaks.__name__.strip("_")
        FAULTS.append(Planted(name, id_, subject, fault, fix, warns, areas, contextmanager(breaks)))
        return breaks

    return enter
