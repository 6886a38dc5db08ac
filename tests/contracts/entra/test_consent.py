"""Consent: facts read from the tenant, and the verdict on them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors.entra.consent import review
from connectors.entra.models import (
    ConsentReview,
    ConsentVerdict,
    Grant,
    GrantedHow,
    Permission,
)
from tests.contracts.entra.conftest import (
    ACCOUNT,
    APP_NAME,
    APPLICATION,
    DELEGATED,
    GRAPH_APP,
    MANIFEST,
    OTHER,
    PRODUCT,
    VERIFIER,
    Desk,
)

WRITE = "User.ReadWrite.All"


def _review(desk: Desk, manifest: Any = MANIFEST) -> ConsentReview:
    account = desk.client.account(ACCOUNT)
    return review(manifest, desk.client.consent_facts(PRODUCT, account.id, manifest), account)


def _codes(reviewed: ConsentReview) -> list[str]:
    return [finding.code for finding in reviewed.findings]


def test_fully_granted(desk: Desk) -> None:
    """Consent for the connection account alone is fully granted, with nothing to say."""
    reviewed = _review(desk)
    assert reviewed.findings == ()
    assert reviewed.verdict is ConsentVerdict.FULLY_GRANTED
    assert reviewed.app is not None
    assert reviewed.app.app_id == PRODUCT


def test_finds_the_app(desk: Desk) -> None:
    """Every app of the name is found, with its own ids."""
    second = desk.tenant.do("add_app", display_name=APP_NAME)
    found = desk.client.find_apps(APP_NAME)
    assert {app.app_id for app in found} == {PRODUCT, second["app_id"]}
    assert all(app.app_id != app.service_principal_id for app in found)
    assert desk.client.find_apps("O'Nobody") == ()


def test_partial_and_organization_wide(desk: Desk) -> None:
    """One permission missing and one granted for everybody: both are named."""
    desk.tenant.do(
        "revoke", client=PRODUCT, kind="delegated", values=["Group.ReadWrite.All"], upn=ACCOUNT
    )
    desk.tenant.do("grant", client=PRODUCT, kind="delegated", values=["User.Read"])
    reviewed = _review(desk)
    assert reviewed.verdict is ConsentVerdict.GRANTED_ORG_WIDE
    subjects = {finding.code: finding.subject for finding in reviewed.findings}
    assert subjects == {
        "consent.permission-missing": "Group.ReadWrite.All",
        "consent.granted-organization-wide": "User.Read",
    }


def test_partial(desk: Desk) -> None:
    """A missing application permission is partial consent."""
    desk.tenant.do("revoke", client=PRODUCT, kind="application", values=["Directory.Read.All"])
    reviewed = _review(desk)
    assert reviewed.verdict is ConsentVerdict.PARTIAL
    assert [f.subject for f in reviewed.findings] == ["Directory.Read.All"]


def test_somebody_elses_consent(desk: Desk) -> None:
    """What another user granted does not help the connection account."""
    desk.tenant.do("revoke", client=PRODUCT, kind="delegated", values=[WRITE], upn=ACCOUNT)
    desk.tenant.do("grant", client=PRODUCT, kind="delegated", values=[WRITE], upn=OTHER)
    reviewed = _review(desk)
    assert reviewed.verdict is ConsentVerdict.PARTIAL
    (line,) = [line for line in reviewed.lines if line.permission.value == WRITE]
    assert line.granted == (GrantedHow.ANOTHER_USER,)


def test_over_granted(desk: Desk) -> None:
    """More than the manifest needs is told; the product may work."""
    desk.tenant.do("grant", client=PRODUCT, kind="application", values=["Group.Read.All"])
    reviewed = _review(desk)
    assert reviewed.verdict is ConsentVerdict.OVER_GRANTED
    assert reviewed.ready


def test_not_granted(desk: Desk) -> None:
    """An app that nobody consented to is not granted."""
    app = desk.tenant.do("add_app", display_name="fresh")
    account = desk.client.account(ACCOUNT)
    facts = desk.client.consent_facts(app["app_id"], account.id, MANIFEST)
    assert review(MANIFEST, facts, account).verdict is ConsentVerdict.NOT_GRANTED


def test_app_missing_or_disabled(desk: Desk) -> None:
    """A disabled app is not ready, a deleted one is missing."""
    desk.tenant.do("disable_app", client=PRODUCT)
    disabled = _review(desk)
    assert not disabled.ready
    assert _codes(disabled) == ["consent.app-disabled"]
    desk.tenant.do("delete_app", client=PRODUCT)
    assert _review(desk).verdict is ConsentVerdict.APP_MISSING


def test_stale_and_missing_resource(desk: Desk) -> None:
    """A permission that is no longer offered, and a resource that is not there, are named."""
    exchange = "00000002-0000-0ff1-ce00-000000000000"
    manifest = replace(
        MANIFEST,
        permissions=MANIFEST.permissions
        | {Permission(exchange, "Exchange Online", APPLICATION, "Exchange.ManageAsApp")},
    )
    desk.tenant.do("remove_resource", resource="Exchange Online")
    desk.tenant.do("retire_permission", kind="delegated", value="Group.ReadWrite.All")
    reviewed = _review(desk, manifest)
    assert reviewed.verdict is ConsentVerdict.PARTIAL
    assert {"consent.resource-missing", "consent.permission-stale"} <= set(_codes(reviewed))


def test_small_pages(desk: Desk) -> None:
    """A list that comes in pages of one is read whole."""
    desk.tenant.do("grant", client=PRODUCT, kind="delegated", values=[WRITE], upn=OTHER)
    desk.tenant.do("set_page_size", size=1)
    account = desk.client.account(ACCOUNT)
    facts = desk.client.consent_facts(PRODUCT, account.id, MANIFEST)
    assert facts.complete
    theirs = Permission(GRAPH_APP, "Microsoft Graph", DELEGATED, WRITE)
    assert Grant(theirs, GrantedHow.ANOTHER_USER) in facts.grants
    assert len([g for g in facts.grants if g.how is not GrantedHow.ANOTHER_USER]) >= 4


@pytest.mark.parametrize("lag", [1, 10])
def test_consent_arrives_late(desk: Desk, lag: float) -> None:
    """Facts never mix two moments: what is returned as complete was read twice."""
    desk.tenant.do("revoke", client=PRODUCT, kind="delegated", values=[WRITE], upn=ACCOUNT)
    desk.tenant.do("set_lag", seconds=lag)
    desk.tenant.do("grant", client=PRODUCT, kind="delegated", values=[WRITE], upn=ACCOUNT)
    first = _review(desk)
    assert first.verdict in (ConsentVerdict.PARTIAL, ConsentVerdict.FULLY_GRANTED)
    desk.tenant.advance(lag)
    assert _review(desk).verdict is ConsentVerdict.FULLY_GRANTED


@pytest.mark.parametrize(
    ("permissions", "named"),
    [
        (["Directory.Read.All"], "Directory.Read.All"),
        (["Application.Read.All", "Directory.Read.All"], "Application.Read.All"),
    ],
)
def test_what_may_not_be_read(desk: Desk, permissions: list[str], named: str) -> None:
    """Without the right to read, the verdict is not known, and the missing right is named."""
    account = desk.client.account(ACCOUNT)
    desk.tenant.do("revoke", client=VERIFIER, kind="application", values=permissions)
    desk.client.renew_tokens()
    facts = desk.client.consent_facts(PRODUCT, account.id, MANIFEST)
    reviewed = review(MANIFEST, facts, account)
    assert reviewed.verdict is ConsentVerdict.INDETERMINATE
    assert any(named in what for what in facts.unread)
    assert "consent.permission-missing" not in _codes(reviewed)


@pytest.mark.parametrize("route", ["graph.assignments.list", "graph.service_principals.get"])
def test_throttled_once(desk: Desk, route: str) -> None:
    """A throttled read is made up for after the wait that was asked for."""
    desk.tenant.arm(route, "status", status=429, retry_after=13)
    assert _review(desk).verdict is ConsentVerdict.FULLY_GRANTED
    assert desk.clock.slept[0] == 13


def test_throttled_for_good(desk: Desk) -> None:
    """Reads that keep failing end in "not known", never in "granted"."""
    desk.tenant.arm("graph.assignments.list", "status", status=503, times=0)
    assert _review(desk).verdict is ConsentVerdict.INDETERMINATE
