"""The law: with two accounts there is no moment at which the credential that the console holds does not sign in.

A probe signs in with what the console holds, all the time, while accounts are rotated. In place there is such a
moment, and the same probe says how long it was.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sandbox.samba.availability import available
from sandbox.world import World
from tests.laws.rotations import (
    AD_ALTERNATE,
    AD_IN_PLACE,
    ENTRA_ALTERNATE,
    ENTRA_IN_PLACE,
    Kind,
    rotating,
)
from tests.running import Rotate

pytestmark = pytest.mark.prefect

NO_SAMBA = available()
SAMBA = pytest.param(
    "samba",
    marks=[pytest.mark.samba, pytest.mark.skipif(bool(NO_SAMBA), reason=f"samba: {NO_SAMBA}")],
)
AT_LEAST = 20.0
"""Samples in a second."""

PROBES = 4
"""Threads that sample at the same time; one alone spends most of its time waiting for handshakes."""


@dataclass
class Probe:
    """Samples of one connection: when each began and ended, and whether the console's credential signed in."""

    samples: list[tuple[float, float, bool]] = field(default_factory=list)

    @property
    def refused(self) -> list[tuple[float, float, bool]]:
        """The samples that did not sign in."""
        return [sample for sample in self.samples if not sample[2]]

    @property
    def rate(self) -> float:
        """Samples in a second."""
        first, last = min(s[0] for s in self.samples), max(s[1] for s in self.samples)
        return len(self.samples) / (last - first)

    @property
    def gap(self) -> float:
        """Seconds from the first refused sample to the last."""
        return max(s[1] for s in self.refused) - min(s[0] for s in self.refused)


@contextmanager
def probing(world: World, kind: Kind) -> Iterator[Probe]:
    """Sample until the block ends; the console's own code signs in, as for its Check Settings."""
    probe, ended = Probe(), threading.Event()

    def sample() -> None:
        while not ended.is_set():
            began = time.monotonic()
            held = world.console_signs_in(kind.service, kind.extension.value)
            probe.samples.append((began, time.monotonic(), held))

    threads = [threading.Thread(target=sample, daemon=True) for _ in range(PROBES)]
    for thread in threads:
        thread.start()
    try:
        yield probe
    finally:
        ended.set()
        for thread in threads:
            thread.join(30)


@pytest.fixture(scope="module", params=["active_directory", SAMBA])
def kept_world(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    samba_golden: Path,
) -> Iterator[World]:
    """Start one sandbox for all cases, on the stand-in and on a real domain controller."""
    folder = tmp_path_factory.mktemp("probed") / "sandbox"
    with rotating(folder, request.param, samba_golden) as world:
        yield world


@pytest.fixture
def world(kept_world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return the sandbox of this module with the product pointed at it."""
    for name, value in kept_world.environment.items():
        monkeypatch.setenv(name, value)
    return kept_world


def _concerns(world: World, kind: Kind) -> None:
    if world.on_samba and kind in (ENTRA_ALTERNATE, ENTRA_IN_PLACE):
        pytest.skip("samba: Entra ID has no part in it")


@pytest.mark.parametrize("kind", [AD_ALTERNATE, ENTRA_ALTERNATE], ids=lambda kind: kind.connection)
def test_two_accounts_have_no_gap(
    world: World, rotate: Rotate, kind: Kind, record_property: Any
) -> None:
    """Three rotations, both accounts taking turns: not one of the samples is refused."""
    _concerns(world, kind)

    with probing(world, kind) as probe:
        states = [rotate(kind.connection).state.name for _ in range(3)]

    assert states == ["Ready"] * 3
    assert probe.refused == []
    assert probe.rate >= AT_LEAST, f"{probe.rate:.1f} samples a second prove too little"
    record_property(
        "measured", f"{len(probe.samples)} samples, {probe.rate:.0f} a second, 0 refused"
    )


@pytest.mark.parametrize("kind", [AD_IN_PLACE, ENTRA_IN_PLACE], ids=lambda kind: kind.connection)
def test_in_place_has_the_gap_that_is_reported(
    world: World, rotate: Rotate, kind: Kind, record_property: Any
) -> None:
    """In place every refused sample lies inside the gap that the report tells.

    A real domain controller accepts the previous password for an hour, so there no sample is refused; the
    stand-in is told not to.
    """
    _concerns(world, kind)
    if not world.on_samba:
        world.directory.do("set_policy", old_password_allowed_minutes=0)

    with probing(world, kind) as probe:
        outcome = rotate(kind.connection)

    assert outcome.state.name == "Ready"
    gap = outcome.connection(kind.connection).gap
    assert gap is not None
    assert gap.seconds is not None
    if world.on_samba:
        assert probe.refused == []
        record_property(
            "measured", f"gap reported {gap.seconds:.2f} s, none refused (n-1 accepted)"
        )
        return
    assert probe.refused, "without the previous password being accepted, there is a gap"
    longest = max(ended - began for began, ended, _ in probe.samples)
    assert probe.gap <= gap.seconds + 2 * longest
    record_property("measured", f"gap reported {gap.seconds:.2f} s, probed {probe.gap:.2f} s")
