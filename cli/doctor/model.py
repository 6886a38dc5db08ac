"""What a check is: a small function with a stable id, which says what it looked at or what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Concatenate, Generic, ParamSpec

from cli.doctor.site import Site

P = ParamSpec("P")


class Area(StrEnum):
    """The parts of an installation, in the order in which they are shown."""

    CONFIGURATION = "configuration"
    VAULT = "vault"
    DIRECTORIES = "directories"
    TENANTS = "tenants"
    CONSOLES = "consoles"
    PREFECT = "prefect"
    INTAKE = "intake"
    LEDGERS = "ledgers"
    CLOCKS = "clocks"


_AREAS = {area.value: area for area in Area} | {
    "directory": Area.DIRECTORIES,
    "tenant": Area.TENANTS,
    "console": Area.CONSOLES,
    "ledger": Area.LEDGERS,
}


class Result(StrEnum):
    """What came of one check."""

    PASSED = "passed"
    WARNING = "warning"
    FAULT = "fault"
    NOT_LOOKED = "not looked at"


class Wrong(Exception):
    """Something is wrong: one sentence, and the fix with the exact next command where it differs from the usual."""

    def __init__(self, fault: str, fix: str = "") -> None:
        self.fault = fault
        self.fix = fix
        super().__init__(fault)


class NotLooked(Exception):
    """There was nothing to look at, or something else stands before it; says why."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[P]):
    """One check of the catalogue: what it wants to be so, what is said when it is not, and the usual fix."""

    id: str
    wanted: str
    fault: str
    fix: str
    warns: bool
    look: Callable[Concatenate[Site, P], str]

    @property
    def area(self) -> Area:
        """The part of the installation that its id begins with."""
        return _AREAS[self.id.partition(".")[0]]

    def usual_fix(self, subject: str) -> str:
        """Return the usual fix, in which SUBJECT stands for what the check is about."""
        return self.fix.replace("SUBJECT", subject)

    def on(
        self,
        subject: str,
        needs: Iterable[Check | None] = (),
        after: Iterable[Check | None] = (),
    ) -> Callable[P, Check]:
        """Return what makes a check of this kind of one thing, given the arguments of its function.

        It is looked at only when all of ``needs`` passed (a warning passes), and not before ``after`` are over.
        """

        def make(*args: P.args, **kwargs: P.kwargs) -> Check:
            def look(site: Site) -> str:
                return self.look(site, *args, **kwargs)

            return Check(
                self, subject, look, tuple(filter(None, needs)), tuple(filter(None, after))
            )

        return make


@dataclass(eq=False, slots=True)
class Check:
    """One kind of check on one thing. ``outcome`` is there once it is over."""

    kind: Kind[...]
    subject: str
    look: Callable[[Site], str]
    needs: tuple[Check, ...] = ()
    after: tuple[Check, ...] = ()
    outcome: Outcome | None = None

    @property
    def passed(self) -> bool:
        """Say whether it is over, and what depends on it may be looked at."""
        return self.outcome is not None and self.outcome.result in (Result.PASSED, Result.WARNING)

    def __str__(self) -> str:
        return f"{self.kind.id} ({self.subject})" if self.subject else self.kind.id


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check came to. ``seen`` is what it looked at; ``because`` is the check that stands before it."""

    result: Result
    seen: str = ""
    fault: str = ""
    fix: str = ""
    because: Check | None = None
    seconds: float = 0.0


CATALOGUE: dict[str, Kind[...]] = {}
"""Every kind of check, by its id, in the order of the areas' modules."""


def check(
    id_: str, wanted: str, *, fault: str, fix: str, warns: bool = False
) -> Callable[[Callable[Concatenate[Site, P], str]], Kind[P]]:
    """Make a function a kind of check and enter it into the catalogue.

    ``fault`` is said when it raises an error of ours, and when there is no answer; one that ``warns`` is about
    something that works today. Raises ValueError for an id that is taken, or begins with no area.
    """

    def enter(look: Callable[Concatenate[Site, P], str]) -> Kind[P]:
        if id_ in CATALOGUE or id_.partition(".")[0] not in _AREAS:
            raise ValueError(id_)
        kind = Kind(id_, wanted, fault, fix, warns, look)
        CATALOGUE[id_] = kind
        return kind

    return enter


@dataclass(slots=True)
class Plan:
    """The checks of an installation, in the order in which they are shown."""

    checks: list[Check] = field(default_factory=list)

    def add(self, made: Check) -> Check:
        """Take one in and return it, for others to need it."""
        self.checks.append(made)
        return made
