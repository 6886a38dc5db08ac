"""Checks run beside each other in bounded time, and one broken thing is one fault."""

from __future__ import annotations

import threading
import time

import pytest

from cli.doctor.model import CATALOGUE, Check, NotLooked, Result, Wrong, check
from cli.doctor.runner import AT_ONCE, run
from cli.doctor.site import Choices, Site
from connectors.errors import NotPermitted, Unreachable
from tests.unit.cli.doctor.support import fine, made


def _run(*checks: Check, patience: float = 20.0) -> None:
    run(checks, Site(Choices()), patience=patience)


def _result(item: Check) -> Result:
    assert item.outcome is not None
    return item.outcome.result


def test_what_depends_on_a_fault_is_not_looked_at() -> None:
    """The fault is named once, at its root; all that hangs on it, however far, says why it was not looked at."""

    def broken(_site: Site) -> str:
        raise Wrong("It is broken.", "mend it")

    def never(_site: Site) -> str:
        pytest.fail("looked at all the same")

    root = made("vault.a", broken)
    child = made("vault.b", never, needs=[root])
    grandchild = made("vault.c", never, needs=[child])
    other = made("vault.d", fine)
    _run(root, child, grandchild, other)

    assert [_result(it) for it in (root, child, grandchild, other)] == [
        Result.FAULT, Result.NOT_LOOKED, Result.NOT_LOOKED, Result.PASSED,
    ]  # fmt: skip
    assert root.outcome is not None
    assert (root.outcome.fault, root.outcome.fix) == ("It is broken.", "mend it")
    for hidden in (child, grandchild):
        assert hidden.outcome is not None
        assert hidden.outcome.because is root


def test_order_without_need() -> None:
    """What comes after another check waits for it, and is looked at whatever came of it; a warning passes."""
    seen: list[str] = []

    def first(_site: Site) -> str:
        seen.append("first")
        raise Wrong("It is broken.")

    def second(_site: Site) -> str:
        seen.append("second")
        return ""

    root = made("vault.a", first, warns=True)
    _run(made("vault.b", second, after=[root]), made("vault.c", fine, needs=[root]), root)
    assert seen == ["first", "second"]
    assert _result(root) is Result.WARNING


def test_a_hanging_system_keeps_nobody_waiting() -> None:
    """A check that does not end is a fault in time, and what does not need it passes meanwhile."""
    release = threading.Event()

    def hangs(_site: Site) -> str:
        release.wait(60)
        return "too late"

    slow, quick = made("vault.a", hangs), made("vault.b", fine)
    began = time.monotonic()
    _run(slow, quick, patience=0.2)
    assert time.monotonic() - began < 5
    release.set()

    assert _result(quick) is Result.PASSED
    assert slow.outcome is not None
    assert slow.outcome.result is Result.FAULT
    assert slow.outcome.fault == "vault.a cannot be told: no answer within 0.2 s."


def test_beside_each_other() -> None:
    """Independent checks are under way at the same time, up to a limit."""
    barrier = threading.Barrier(AT_ONCE, timeout=20)

    def meet(_site: Site) -> str:
        barrier.wait()
        return ""

    checks = [made(f"vault.{n}", meet) for n in range(AT_ONCE)]
    _run(*checks)
    assert {_result(it) for it in checks} == {Result.PASSED}


def test_errors_of_ours() -> None:
    """An error of a connector becomes the fault, with its own advice where it has one."""

    def refused(_site: Site) -> str:
        raise NotPermitted("vault", "read", path="kv/x", advice="Add the path.")

    def away(_site: Site) -> str:
        raise Unreachable("vault", "read")

    told, plain = made("vault.a", refused), made("vault.b", away, subject="dc1")
    _run(told, plain)
    assert told.outcome is not None
    assert told.outcome.fault == "vault.a cannot be told (vault: read: path=kv/x)."
    assert told.outcome.fix == "Add the path."
    assert plain.outcome is not None
    assert plain.outcome.fix == "repair it"


def test_a_mistake_of_doctor() -> None:
    """An exception that nobody expected is told by its kind alone: its text may hold anything."""

    def crashes(_site: Site) -> str:
        raise KeyError("a-password")

    item = made("vault.a", crashes)
    _run(item)
    assert item.outcome is not None
    assert item.outcome.fault == "doctor itself failed here with KeyError."
    assert "a-password" not in str(item.outcome)


def test_nothing_to_look_at() -> None:
    """A check may say that there is nothing to look at; what needs it is not looked at either."""

    def absent(_site: Site) -> str:
        raise NotLooked("there is no file")

    root = made("vault.a", absent)
    child = made("vault.b", fine, needs=[root])
    _run(root, child)
    assert [_result(root), _result(child)] == [Result.NOT_LOOKED] * 2
    assert root.outcome is not None
    assert root.outcome.seen == "there is no file"


def test_progress() -> None:
    """Whoever listens hears how many are open, and at the end that none is."""
    heard: list[int] = []
    run(
        [made("vault.a", fine), made("vault.b", fine)],
        Site(Choices()),
        tell=lambda waiting, _busy: heard.append(len(waiting)),
    )
    assert heard[0] == 2


def test_an_id_is_new_and_of_an_area() -> None:
    """The catalogue refuses an id that is taken, and one that begins with no area."""
    for id_ in ("vault.state", "nowhere.state"):
        with pytest.raises(ValueError, match=id_):
            check(id_, "it is so", fault="It is not.", fix="mend it")(fine)
    assert "nowhere.state" not in CATALOGUE
