"""The law: a rotation may be killed at any moment; the next run ends it, and no password is lost.

Every case sends SIGKILL to the process of the flow, looks, starts it again, and looks again. The moments are: after
every step; and for every step that changes something before the other system has done it, after it has but before
its answer, and after the answer but before it is written down.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

from connectors.models import Extension
from report.procedure import BY_NUMBER, IN_PERSON
from sandbox.samba.availability import available
from sandbox.standin.process import StandIn
from sandbox.world import World
from tests.laws.kills import (
    Nursery,
    killed_after_step,
    killed_inside_call,
    killed_inside_request,
)
from tests.laws.rotations import (
    AD_ALTERNATE,
    AD_IN_PLACE,
    ENTRA_ALTERNATE,
    ENTRA_IN_PLACE,
    KINDS,
    QUICK,
    Kind,
    RotationLab,
    rotating,
)
from tests.running import Rotate, Server

pytestmark = pytest.mark.prefect

NO_SAMBA = available()
ON_SAMBA = (
    pytest.mark.samba,
    pytest.mark.skipif(bool(NO_SAMBA), reason=f"samba: {NO_SAMBA}"),
)
STAND_IN, SAMBA = "active_directory", "samba"
ONLY_STAND_IN = (STAND_IN,)
"""For calls of Vault and of the console, whose answers do not depend on the directory behind them."""
Call = tuple[str, str, str, int]

# Inside a step: the system that is asked, its route, and how many calls of this route come before it.
_AD_STEPS: tuple[Call, ...] = (
    ("A4", "console", "draft.create", 0), ("A5", "console", "draft.save", 0),
    ("V1", "console", "operation", 0), ("V2", "console", "operation", 1),
    ("V3", "console", "operation", 2), ("V4", "console", "operation", 3),
)  # fmt: skip
_ENTRA_STEPS: tuple[Call, ...] = (
    ("N3", "tenant", "graph.users.update", 0),
    ("E3", "console", "draft.create", 0), ("E4", "console", "draft.save", 0),
    ("E5", "console", "app.find", 0),
    ("V5", "console", "operation", 0), ("V6", "console", "operation", 1),
    ("V7", "console", "operation", 2),
)  # fmt: skip
INSIDE: dict[Kind, tuple[Call, ...]] = {
    AD_IN_PLACE: _AD_STEPS,
    AD_ALTERNATE: _AD_STEPS,
    ENTRA_IN_PLACE: _ENTRA_STEPS,
    ENTRA_ALTERNATE: (*_ENTRA_STEPS, ("F3", "tenant", "graph.users.update", 2)),
}
# Vault is asked to write, in this order: P1 fence; N1 sign-in twice, begin; N2 password, staged; N3 before,
# after; N4 sign-in twice, proven; A4 or E3 sign-in twice; A5 or E4 applied; F1 current, promoted, ended; F3
# sign-in twice, before, after; F2 the end.
WRITES = (
    ("N1 begins", 3, "before"),
    ("N2 stages", 4, "before"), ("N2 stages", 4, "after"), ("N2 is written down", 5, "before"),
    ("N3 is about to be", 6, "after"), ("N3 is written down", 7, "before"),
    ("the entry is written down", 13, "before"),
    ("F1 promotes", 14, "before"), ("F1 promotes", 14, "after"), ("F1 is written down", 15, "before"),
    ("F1 ends", 16, "before"), ("F1 ends", 16, "after"),
)  # fmt: skip
# What a directory is asked, by the line that its connector logs. A real one is held by its bytes.
REQUESTS = {"N3": "active directory: set password:", "F3": "active directory: scramble password:"}


@pytest.fixture(scope="module")
def kept_world(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    samba_golden: Path,
) -> Iterator[World]:
    """Start one sandbox for all cases of a directory."""
    folder = tmp_path_factory.mktemp("rotations") / "sandbox"
    with rotating(folder, request.param, samba_golden) as world:
        yield world


@pytest.fixture(scope="module")
def nursery(prefect_server: Server, kept_world: World) -> Iterator[Nursery]:
    """Keep a process warm that can be forked for every run."""
    started = Nursery.for_flows(prefect_server, kept_world, QUICK)
    yield started
    started.stop()


@pytest.fixture
def lab(
    kept_world: World,
    nursery: Nursery,
    rotate: Rotate,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RotationLab]:
    """Return the sandbox of this module with the product pointed at it."""
    for name, value in kept_world.environment.items():
        monkeypatch.setenv(name, value)
    for where, seconds in QUICK.items():
        monkeypatch.setattr(where.replace(":", "."), seconds)
    with temporary_settings({PREFECT_LOGGING_TO_API_ENABLED: False}):
        yield RotationLab(kept_world, nursery, rotate)


def _each(directories: tuple[str, ...], *cases: tuple[Any, ...]) -> Iterator[Any]:
    """Give every case the directories that it is for: Active Directory's kinds also a real one."""
    for directory in directories:
        for case in cases:
            kind = case[0]
            if directory == SAMBA and kind.extension is not Extension.ACTIVE_DIRECTORY:
                continue
            words = "-".join(str(part).replace(" ", "-") for part in case[1:])
            yield pytest.param(
                directory,
                *case,
                id=f"{directory}-{kind.connection}-{words}".rstrip("-"),
                marks=ON_SAMBA if directory == SAMBA else (),
            )


def _given(
    names: str, *cases: tuple[Any, ...], directories: tuple[str, ...] = (STAND_IN, SAMBA)
) -> pytest.MarkDecorator:
    arguments = ("kept_world", "kind", *names.split())
    # Without the scope pytest would start the sandbox anew for every case.
    return pytest.mark.parametrize(
        arguments, list(_each(directories, *cases)), indirect=["kept_world"], scope="module"
    )


def _after_the_kill(lab: RotationLab, kind: Kind) -> None:
    """Look at what nobody has repaired yet."""
    extension = kind.extension
    if not (lab.world.on_samba and extension is Extension.ACTIVE_DIRECTORY):
        # A real domain controller would count a question like this as a wrong sign-in.
        assert lab.newest_is_recoverable(kind), "the password is in Vault, whatever else is true"
    if kind.alternate:
        assert lab.world.console_signs_in(kind.service, extension.value)


def _ended(lab: RotationLab, kind: Kind, saves: int, *, begun: bool = True) -> None:
    """Start it again, and demand that one password was made, set and entered, and everything holds."""
    lab.finish(kind)
    lab.holds(kind)
    assert lab.row(kind)["saves"] == saves + begun, "the console was given the password once"
    assert len(lab.staged_writes(kind)) == begun, "one password was made"


@_given("number", *((kind, number) for kind in KINDS for number in kind.steps))
def test_killed_after_a_step(
    lab: RotationLab, kind: Kind, number: str, record_property: Any
) -> None:
    """Killed between this step and the next one, the rotation is ended by the next run."""
    saves = lab.begin(kind)

    child = lab.killed(killed_after_step, kind, number)

    assert child.steps[-1] == number
    _after_the_kill(lab, kind)
    _ended(lab, kind, saves, begun=number != "P1")
    record_property("kill_point", f"{kind.connection}: after {number}")


def _system(lab: RotationLab, kind: Kind, name: str) -> StandIn:
    console = lab.world.consoles[kind.service]
    return {"tenant": lab.world.tenants["north"], "console": console}[name]


@_given(
    "number system route skip moment",
    *(
        (kind, *call, moment)
        for kind, calls in INSIDE.items()
        for call in calls
        for moment in ("before", "after")
    ),
    directories=ONLY_STAND_IN,
)
def test_killed_inside_a_step(
    lab: RotationLab,
    kind: Kind,
    number: str,
    system: str,
    route: str,
    skip: int,
    moment: str,
    record_property: Any,
) -> None:
    """Killed while an answer is on its way, done or not, the rotation is ended by the next run."""
    saves = lab.begin(kind)

    child = lab.killed(killed_inside_call, kind, _system(lab, kind, system), route, moment, skip)

    assert number not in child.steps
    _after_the_kill(lab, kind)
    _ended(lab, kind, saves)
    record_property("kill_point", f"{kind.connection}: inside {number}, {moment} {route}")


@_given(
    "number moment",
    *(
        (kind, number, moment)
        for kind in (AD_IN_PLACE, AD_ALTERNATE)
        for number in (("N3", "F3") if kind.alternate else ("N3",))
        for moment in ("before", "after")
    ),
)
def test_killed_while_the_directory_is_asked(
    lab: RotationLab, kind: Kind, number: str, moment: str, record_property: Any
) -> None:
    """Killed before or after a domain controller has set the password, its answer never seen, it is ended."""
    saves = lab.begin(kind)
    directory = lab.world.directory

    if lab.world.on_samba:
        lab.killed(killed_inside_request, kind, directory, REQUESTS[number], moment)
    else:
        # V2 and V3 modify a user in between.
        lab.killed(
            killed_inside_call, kind, directory, "modify", moment, {"N3": 0, "F3": 3}[number]
        )

    _after_the_kill(lab, kind)
    _ended(lab, kind, saves)
    record_property("kill_point", f"{kind.connection}: inside {number}, {moment} the change")


@_given(
    "what skip moment",
    *((kind, *write) for kind in KINDS for write in WRITES),
    directories=ONLY_STAND_IN,
)
def test_killed_while_writing_to_vault(
    lab: RotationLab, kind: Kind, what: str, skip: int, moment: str, record_property: Any
) -> None:
    """Killed before or after Vault has written a ledger, a staged or a promoted password, it is ended."""
    saves = lab.begin(kind)

    lab.killed(killed_inside_call, kind, lab.world.vault, "kv.write", moment, skip)

    _after_the_kill(lab, kind)
    _ended(lab, kind, saves, begun=what != "N1 begins")
    record_property("kill_point", f"{kind.connection}: {moment} {what}")


@_given(
    "moment",
    *((kind, moment) for kind in KINDS for moment in ("before", "after")),
    directories=ONLY_STAND_IN,
)
def test_killed_while_removing_the_staged_copy(
    lab: RotationLab, kind: Kind, moment: str, record_property: Any
) -> None:
    """Killed while the copy is removed that is no longer needed, the rotation is ended by the next run."""
    saves = lab.begin(kind)

    lab.killed(killed_inside_call, kind, lab.world.vault, "kv.metadata_delete", moment)

    _after_the_kill(lab, kind)
    _ended(lab, kind, saves)
    record_property("kill_point", f"{kind.connection}: {moment} discarding")


@_given("", *((kind,) for kind in KINDS))
def test_killed_again_and_again(lab: RotationLab, kind: Kind, record_property: Any) -> None:
    """Killed after one step after the other, each run going on where the last one died: one password."""
    saves = lab.begin(kind)

    for number in kind.steps[1:]:
        lab.killed(killed_after_step, kind, number)
        _after_the_kill(lab, kind)
        record_property("kill_point", f"{kind.connection}: again after {number}")
        if lab.ledger(kind)["rotation"] is None:
            break

    _ended(lab, kind, saves)


def test_every_step_is_killed() -> None:
    """No step that changes something is left out of this law."""
    refused_only = {"V8", "R1", "R2", "R3"}
    assert set(BY_NUMBER) - refused_only - IN_PERSON == {
        number for kind in KINDS for number in kind.steps
    }
    inside = {number for calls in INSIDE.values() for number, *_ in calls} | set(REQUESTS)
    in_vault = {what.split()[0] for what, *_ in WRITES if what[0] in "NF"}
    changing = {n for n, step in BY_NUMBER.items() if step.changes} - refused_only
    # A1, E1 change a session, F2 a report. E6: this tenant has granted everything after its first time; the
    # update's own law kills inside it.
    assert changing - {"A1", "E1", "E6", "F2"} <= inside | in_vault
