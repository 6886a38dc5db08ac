"""Repairing a consent takes nothing from the product and grants nothing unasked, wherever it is cut off.

The model of a tenant watches every single change. Each run plans anew from what the tenant shows, late or
not, and knows nothing of the one before.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.entra.models import ConsentVerdict
from connectors.errors import InvalidInput, NotPermitted, RotationError, Unknown, Unreachable
from tests.fakes.tenant_model import OFFERED, Cut, TenantModel, permission
from tests.unit.entra.remediations import (
    APPLICATION,
    CHANGES,
    DELEGATED,
    REPAIRED,
    broken,
    expected,
    repair,
    verdict,
)

LONG = os.environ.get("ROTATION_LONG") == "1"
ROLES = [f"{name}/{value}" for name in OFFERED for value in OFFERED[name]["roles"]]
SCOPES = [f"{name}/{value}" for name in OFFERED for value in OFFERED[name]["scopes"]]
ALL = [permission(APPLICATION, it) for it in ROLES] + [permission(DELEGATED, it) for it in SCOPES]
LAGS = st.sampled_from([0.0, 0.0, 3.0, 30.0])
SOME_SCOPES = st.lists(st.sampled_from(SCOPES), max_size=5, unique=True).map(" ".join)
MOMENTS = st.sampled_from(["before", "after"])


@st.composite
def tenants(draw: st.DrawFn) -> TenantModel:
    """Draw what is required, and a tenant that grants any part of it, and more."""
    required = draw(st.frozensets(st.sampled_from(ALL), min_size=1, max_size=6))
    tenant = TenantModel(required=required, lag=draw(LAGS))
    tenant.assign(" ".join(draw(st.lists(st.sampled_from(ROLES), max_size=3, unique=True))))
    for whom in ("svc", "", "Her"):
        tenant.give(whom, draw(SOME_SCOPES))
    return tenant


@settings(max_examples=2000 if LONG else 80, deadline=None)
@given(
    tenant=tenants(),
    keep_all=st.booleans(),
    cuts=st.lists(st.tuples(st.integers(1, 6), MOMENTS), max_size=3),
)
def test_any_plan_repairs_whatever_cuts_it_off(
    tenant: TenantModel, keep_all: bool, cuts: list[tuple[int, str]]
) -> None:
    """Killed at any change and begun again, it ends granted; the model watches every single change."""
    tenant.keep_all = keep_all
    for number, moment in cuts:
        tenant.cut, tenant._made = (number, moment), 0
        try:
            repair(tenant)
        except Cut:
            continue
        break
    tenant.cut = None
    repair(tenant)
    done = list(tenant.changes)
    assert verdict(tenant) is expected(tenant)
    repair(tenant)
    assert tenant.changes == done, "what is repaired is left alone"


@pytest.mark.parametrize("lag", [0.0, 30.0])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(1, CHANGES + 1))
def test_every_cut(
    number: int, moment: str, lag: float, record_property: Callable[[str, object], None]
) -> None:
    """Killed before or after any change, the next run makes the rest, once each."""
    record_property("kill_point", f"{moment} change {number}")
    tenant = replace(broken(), lag=lag, cut=(number, moment))
    with pytest.raises(Cut):
        repair(tenant)
    tenant.cut = None
    repair(tenant)
    assert sorted(set(tenant.changes)) == sorted(REPAIRED)
    assert verdict(tenant) is expected(tenant) is ConsentVerdict.OVER_GRANTED


TROUBLE = {
    "never arrived": (Unreachable("entra", "x"), False),
    "throttled": (Unreachable("entra", "x", retry_after=7, status=429), False),
    "answer lost, done": (Unknown("entra", "x"), True),
    "answer lost, not done": (Unknown("entra", "x", status=504), False),
    "refused": (InvalidInput("entra", "x", status=400), False),
    "done, and refused as a duplicate": (InvalidInput("entra", "x", status=400), True),
}


@pytest.mark.parametrize("lag", [0.0, 30.0])
@pytest.mark.parametrize("kind", TROUBLE)
@pytest.mark.parametrize("number", range(1, CHANGES + 1))
def test_every_trouble(number: int, kind: str, lag: float) -> None:
    """Whatever happens to one change, it or the next run ends with exactly what was planned."""
    tenant = replace(broken(), lag=lag)
    tenant.trouble = lambda made: TROUBLE[kind] if made == number else None
    lost = kind.startswith("answer lost")
    try:
        repair(tenant)
    except RotationError as error:
        assert not lost, "a lost answer is looked into"
        assert isinstance(error, Unreachable | InvalidInput)
        repair(tenant)
    assert sorted(set(tenant.changes)) == sorted(REPAIRED)
    assert verdict(tenant) is ConsentVerdict.OVER_GRANTED


def _reads_of_a_repair() -> int:
    """Count the reads of one repair that meets no trouble."""
    tenant = broken()
    repair(tenant)
    return tenant.reads


@pytest.mark.parametrize("kind", ["throttled", "no answer", "no longer permitted"])
def test_every_read(kind: str) -> None:
    """Whichever read fails, nothing is lost: it or the next run ends with exactly what was planned."""
    problem: RotationError = {
        "throttled": Unreachable("entra", "x", retry_after=7, status=429),
        "no answer": Unreachable("entra", "x"),
        "no longer permitted": NotPermitted("entra", "x", permission="Directory.Read.All"),
    }[kind]
    failed = 0
    for number in range(1, _reads_of_a_repair() + 1):
        tenant = broken()
        tenant.read_trouble = lambda made, number=number: problem if made == number else None
        try:
            repair(tenant)
        except (Unreachable, NotPermitted):
            failed += 1
        repair(tenant)
        assert sorted(set(tenant.changes)) == sorted(REPAIRED), number
        assert verdict(tenant) is ConsentVerdict.OVER_GRANTED
    assert failed, "some of them end the run"
