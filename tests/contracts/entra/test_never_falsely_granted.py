"""A consent that lacks something is never called fully granted, whatever the reads run into."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from connectors.entra.models import ConsentVerdict
from tests.contracts.entra.conftest import ACCOUNT, OTHER, PRODUCT, VERIFIER, Desk
from tests.contracts.entra.test_remediation import WRITE, verdict

READS = ("graph.assignments.list", "graph.grants.list", "graph.service_principals.get")
TROUBLE: dict[str, dict[str, Any]] = {
    "429 with Retry-After": {"kind": "status", "status": 429, "retry_after": 9},
    "429 without": {"kind": "status", "status": 429},
    "503": {"kind": "status", "status": 503},
    "a page of HTML": {"kind": "html", "status": 200},
}
GAPS = {
    "a scope is missing": ("revoke", {"kind": "delegated", "values": [WRITE], "upn": ACCOUNT}),
    "a role is missing": ("revoke", {"kind": "application", "values": ["Directory.Read.All"]}),
    "one for everybody": ("grant", {"kind": "delegated", "values": ["User.Read"]}),
}


def _break(desk: Desk, gap: str) -> None:
    command, arguments = GAPS[gap]
    desk.tenant.do(command, client=PRODUCT, **arguments)


# Each read with each trouble, and every gap with some of them.
PASSING = list(zip(itertools.product(READS, TROUBLE), itertools.cycle(GAPS), strict=False))


@pytest.mark.parametrize(("met", "gap"), PASSING)
def test_trouble_that_passes(desk: Desk, met: tuple[str, str], gap: str) -> None:
    """After a read that failed once the verdict is the true one."""
    route, kind = met
    _break(desk, gap)
    desk.tenant.arm(route, **TROUBLE[kind])
    wide = gap == "one for everybody"
    assert verdict(desk) is (ConsentVerdict.GRANTED_ORG_WIDE if wide else ConsentVerdict.PARTIAL)
    if "retry_after" in TROUBLE[kind]:
        assert 9 in desk.clock.slept


@pytest.mark.parametrize("kind", TROUBLE)
@pytest.mark.parametrize("route", READS)
def test_trouble_that_stays(desk: Desk, route: str, kind: str) -> None:
    """A read that never succeeds leaves the verdict open, although everything is granted."""
    desk.tenant.arm(route, times=0, **TROUBLE[kind])
    assert verdict(desk) is ConsentVerdict.INDETERMINATE


@pytest.mark.parametrize("route", ["graph.assignments.list", "graph.grants.list"])
def test_a_later_page_is_lost(desk: Desk, route: str) -> None:
    """What is on a page that cannot be read counts as unread, not as absent."""
    desk.tenant.do("grant", client=PRODUCT, kind="application", values=["Group.Read.All"])
    desk.tenant.do("grant", client=PRODUCT, kind="delegated", values=["User.Read"])
    desk.tenant.do("grant", client=PRODUCT, kind="delegated", values=[WRITE], upn=OTHER)
    desk.tenant.do("set_page_size", size=1)
    desk.tenant.arm(route, "status", status=503, skip=1, times=0)
    assert verdict(desk) is ConsentVerdict.INDETERMINATE


@pytest.mark.parametrize("gap", GAPS)
def test_pages_of_one(desk: Desk, gap: str) -> None:
    """The gap is found wherever in a list of many pages it shows."""
    _break(desk, gap)
    desk.tenant.do("grant", client=PRODUCT, kind="delegated", values=[WRITE], upn=OTHER)
    desk.tenant.do("set_page_size", size=1)
    assert verdict(desk) not in (ConsentVerdict.FULLY_GRANTED, ConsentVerdict.INDETERMINATE)


@pytest.mark.parametrize("gap", GAPS)
@pytest.mark.parametrize("permission", ["Application.Read.All", "Directory.Read.All"])
def test_only_a_part_may_be_read(desk: Desk, permission: str, gap: str) -> None:
    """With half of the verifier's permissions nothing is ever granted, nor called missing."""
    _break(desk, gap)
    both = ["Application.Read.All", "Directory.Read.All"]
    lost = both if permission == both[0] else [permission]
    desk.tenant.do("revoke", client=VERIFIER, kind="application", values=lost)
    desk.client.renew_tokens()
    assert verdict(desk) is ConsentVerdict.INDETERMINATE


@pytest.mark.parametrize("lag", [1, 10, 30])
def test_a_consent_that_readers_do_not_see_yet(desk: Desk, lag: float) -> None:
    """A permission granted a moment ago is missing until readers see it, and then it is there."""
    _break(desk, "a scope is missing")
    desk.tenant.do("set_lag", seconds=lag)
    desk.tenant.do("grant", client=PRODUCT, kind="delegated", values=[WRITE], upn=ACCOUNT)
    early = verdict(desk)
    assert early is ConsentVerdict.PARTIAL or desk.clock.slept
    desk.tenant.advance(lag)
    assert verdict(desk) is ConsentVerdict.FULLY_GRANTED
