"""Remediation: a consent is repaired in the safe order, whatever happens to any of its calls."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connectors.entra.consent import review
from connectors.entra.models import ConsentVerdict, EntraAccount
from connectors.entra.planning import plan
from connectors.entra.remediation import ConsentChange, Permit, RemediationPlan
from connectors.entra.snapshot import from_json, to_json
from connectors.errors import InvalidInput, NotPermitted, OutOfStep, Unreachable
from tests.contracts.entra.conftest import ACCOUNT, MANIFEST, OTHER, PRODUCT, REMEDIATOR, Desk

WRITE, GROUPS = "User.ReadWrite.All", "Group.ReadWrite.All"
CREATE, WIDEN, DELETE = "graph.grants.create", "graph.grants.update", "graph.grants.delete"
ASSIGN = "graph.assigned_to.create"
CHANGES = (CREATE, WIDEN, DELETE, ASSIGN)


def break_consent(desk: Desk, *, own: bool = True) -> None:
    """Leave one scope to the account (or none), the rest to everybody, and no application permission."""
    lost = [WRITE, GROUPS] if own else ["User.Read", WRITE, GROUPS]
    desk.tenant.do("revoke", client=PRODUCT, kind="delegated", values=lost, upn=ACCOUNT)
    desk.tenant.do("grant", client=PRODUCT, kind="delegated", values=["User.Read", WRITE, GROUPS])
    desk.tenant.do("revoke", client=PRODUCT, kind="application", values=["Directory.Read.All"])
    desk.tenant.forget()


def planned(desk: Desk) -> RemediationPlan:
    """Plan from what the tenant shows now."""
    account = desk.client.account(ACCOUNT)
    return plan(MANIFEST, desk.client.consent_facts(PRODUCT, account.id, MANIFEST), account)


def permit(desk: Desk) -> Permit:
    """Allow changes for an hour."""
    return Permit(desk.clock.timing().now() + timedelta(hours=1), lambda: None)


def carry_out(desk: Desk, made: RemediationPlan) -> tuple[ConsentChange, ...]:
    """Carry a plan out in its order."""
    remediator, allowed = desk.client.remediator, permit(desk)
    return (
        *remediator.grant_for_account(made, allowed),
        *remediator.grant_to_application(made, allowed),
        *remediator.withdraw_from_organization(made, allowed),
    )


def verdict(desk: Desk) -> ConsentVerdict:
    """Return the verdict as the product reads it now."""
    account: EntraAccount = desk.client.account(ACCOUNT)
    facts = desk.client.consent_facts(PRODUCT, account.id, MANIFEST)
    return review(MANIFEST, facts, account).verdict


def truth(desk: Desk) -> dict[str, Any]:
    """Return what the stand-in has granted to the product, whatever readers see."""
    state = desk.tenant.state()
    app = next(it for it in state["apps"] if it["app_id"] == PRODUCT)
    grants = [it for it in state["grants"] if it["clientId"] == app["service_principal_id"]]
    return {
        "mine": sorted(s for it in grants if it["principalId"] for s in it["scope"].split()),
        "everybody": [it for it in grants if it["consentType"] == "AllPrincipals"],
        "roles": [
            it["appRoleId"]
            for it in state["assignments"]
            if it["principalId"] == app["service_principal_id"]
        ],
    }


REPAIRED = {
    "mine": sorted(["User.Read", WRITE, GROUPS]),
    "everybody": [],
    "roles": ["7ab1d382-f21e-4acd-a863-ba3e13f7da61"],
}


def test_the_box_was_ticked(desk: Desk) -> None:
    """Widened, assigned, and only then withdrawn; what the plan says is what is sent, once each."""
    break_consent(desk)
    made = planned(desk)
    assert [grant.grant_id is not None for grant in made.for_account] == [True]
    desk.tenant.forget()
    changes = carry_out(desk, made)
    sent = [it["route"] for it in desk.tenant.journal() if it["route"] in CHANGES]
    assert sent == [WIDEN, ASSIGN, DELETE]
    assert [change.already for change in changes] == [False, False, False]
    assert truth(desk) == REPAIRED
    assert verdict(desk) is ConsentVerdict.FULLY_GRANTED
    assert planned(desk).empty
    assert all(change.already for change in carry_out(desk, made))


def test_nothing_was_the_accounts_own(desk: Desk) -> None:
    """A grant of the account's own is created where there is none."""
    break_consent(desk, own=False)
    made = planned(desk)
    assert [grant.grant_id for grant in made.for_account] == [None]
    carry_out(desk, made)
    assert truth(desk) == REPAIRED


def test_who_loses_access(desk: Desk) -> None:
    """A user who is assigned to the app and has not consented for himself is named, until he has."""
    break_consent(desk)
    desk.tenant.do("assign_user", client=PRODUCT, upn=OTHER)
    (item,) = planned(desk).withdrawals
    assert item.losers == ("other",)
    desk.tenant.do(
        "grant", client=PRODUCT, kind="delegated", values=["User.Read", WRITE, GROUPS], upn=OTHER
    )
    made = planned(desk)
    assert made.withdrawals[0].losers == ()
    assert not made.losers_known, "the app may be used without being assigned to it"


KINDS: dict[str, dict[str, Any]] = {
    "the connection breaks before": {"kind": "unreachable"},
    "the answer is lost": {"kind": "answer_lost"},
    "done, and a gateway answers 504": {"kind": "status_after", "status": 504},
    "not done, and a gateway answers 504": {"kind": "status", "status": 504},
    "throttled, asked to wait": {"kind": "status", "status": 429, "retry_after": 11},
    "throttled, not told how long": {"kind": "status", "status": 429},
    "a proxy answers with a page": {"kind": "html", "status": 502},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("route", CHANGES)
def test_every_change_and_every_fault(desk: Desk, route: str, kind: str) -> None:
    """Whatever happens to one change, it or the next try ends with exactly the planned grants."""
    break_consent(desk, own=route != CREATE)
    made = planned(desk)
    desk.tenant.arm(route, **KINDS[kind])
    try:
        carry_out(desk, made)
    except Unreachable as error:
        assert "throttled" in kind, "only what certainly was not done is left to the next try"
        assert error.retry_after == KINDS[kind].get("retry_after")
        carry_out(desk, planned(desk))
    assert truth(desk) == REPAIRED
    assert verdict(desk) is ConsentVerdict.FULLY_GRANTED


@pytest.mark.parametrize("lag", [5, 30])
def test_readers_lag_behind(desk: Desk, lag: float) -> None:
    """With reads that are up to half a minute old, the verdict is good only once it is true for readers."""
    break_consent(desk)
    desk.tenant.do("set_lag", seconds=lag)
    made = planned(desk)
    remediator, allowed = desk.client.remediator, permit(desk)
    remediator.grant_for_account(made, allowed)
    assert verdict(desk) is not ConsentVerdict.FULLY_GRANTED
    remediator.grant_to_application(made, allowed)
    assert verdict(desk) is ConsentVerdict.GRANTED_ORG_WIDE
    remediator.withdraw_from_organization(made, allowed)
    assert truth(desk) == REPAIRED
    assert verdict(desk) is ConsentVerdict.FULLY_GRANTED


def test_begun_again_while_readers_lag(desk: Desk) -> None:
    """A second run that does not see yet what the first has done does it again without harm."""
    break_consent(desk, own=False)
    made = planned(desk)
    desk.tenant.do("set_lag", seconds=20)
    remediator = desk.client.remediator
    remediator.grant_for_account(made, permit(desk))
    desk.tenant.do("set_lag", seconds=25)
    desk.tenant.arm(ASSIGN, "answer_lost")
    carry_out(desk, made)
    assert truth(desk) == REPAIRED


def test_a_snapshot_is_put_back(desk: Desk) -> None:
    """The grant for everybody comes back with its scope, the account's own is as narrow as before."""
    break_consent(desk)
    made = planned(desk)
    before = desk.client.remediator.snapshot(made)
    carry_out(desk, made)
    again = from_json(to_json(before))
    done = desk.client.remediator.restore_consent(again, permit(desk))
    assert len(done) == 2
    now = truth(desk)
    assert [sorted(it["scope"].split()) for it in now["everybody"]] == [
        sorted(["User.Read", WRITE, GROUPS])
    ]
    assert now["mine"] == ["User.Read"]
    assert desk.client.remediator.restore_consent(again, permit(desk)) == ()


def test_without_a_remediator(desk: Desk) -> None:
    """A tenant without that identity changes nothing, and says what is missing."""
    break_consent(desk)
    made = planned(desk)
    with desk.again(remediator=None) as client:
        client.remediator.snapshot(made)
        with pytest.raises(NotPermitted) as refused:
            client.remediator.grant_for_account(made, permit(desk))
    assert "`remediator` identity" in refused.value.what_to_do()
    assert not [it for it in desk.tenant.journal() if it["route"] in CHANGES]


@pytest.mark.parametrize(
    ("permission", "sent"),
    [
        ("DelegatedPermissionGrant.ReadWrite.All", "grant_for_account"),
        ("AppRoleAssignment.ReadWrite.All", "grant_to_application"),
        ("Application.Read.All", "grant_to_application"),
    ],
)
def test_the_remediator_lacks_a_permission(desk: Desk, permission: str, sent: str) -> None:
    """Each permission is needed for its own change; the error names what to give to whom."""
    break_consent(desk)
    made = planned(desk)
    desk.tenant.do("revoke", client=REMEDIATOR, kind="application", values=[permission])
    desk.client.renew_tokens()
    with pytest.raises(NotPermitted) as refused:
        getattr(desk.client.remediator, sent)(made, permit(desk))
    assert REMEDIATOR in refused.value.what_to_do()
    assert permission in refused.value.what_to_do()
    assert truth(desk)["everybody"]


def test_the_remediator_does_not_sign_in(desk: Desk) -> None:
    """A credential that has expired is told at once, not waited for, and nothing was changed."""
    break_consent(desk)
    made = planned(desk)
    desk.tenant.do("expire_secret", client=REMEDIATOR)
    slept = len(desk.clock.slept)
    with pytest.raises(InvalidInput) as refused:
        desk.client.remediator.grant_to_application(made, permit(desk))
    assert "apps/remediator" in refused.value.what_to_do()
    assert len(desk.clock.slept) == slept
    assert truth(desk)["roles"] == []


def test_the_verifier_cannot_change_a_grant(desk: Desk) -> None:
    """Nothing is ever sent as the verifier: the one that looks holds no permission to change."""
    break_consent(desk)
    carry_out(desk, planned(desk))
    clients = {it["detail"]["client"] for it in desk.tenant.journal() if it["route"] in CHANGES}
    assert clients == {REMEDIATOR}


def test_the_tenant_moved_on(desk: Desk) -> None:
    """A grant for everybody that has grown since the plan is not deleted."""
    break_consent(desk)
    made = planned(desk)
    desk.tenant.do("grant", client=PRODUCT, kind="delegated", values=["Group.Read.All"])
    with pytest.raises(OutOfStep):
        carry_out(desk, made)
    assert truth(desk)["everybody"]
    assert [f.code for f in planned(desk).cannot] == ["consent.kept-organization-wide"]
