"""The plan that repairs a consent, as a pure function."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from connectors.entra.granted import AppUser, AppUsers, DelegatedGrant, Place
from connectors.entra.models import EntraAccount, Grant, GrantedHow
from connectors.entra.planning import plan
from connectors.entra.remediation import Permit
from tests.fakes.tenant import FakeTenant
from tests.unit.entra.test_consent import ACCOUNT, MANIFEST, READ, READ_ALL, WRITE, facts

OFFERED = tuple(
    (item, Place("graph-sp", f"id-{item.value}")) for item in sorted(MANIFEST.permissions)
)
NOTHING = facts(offered=OFFERED)


def test_what_is_missing_is_granted_once_per_resource() -> None:
    """One new grant for the account holds both scopes; the app role is its own call."""
    made = plan(MANIFEST, NOTHING, ACCOUNT)
    (mine,) = made.for_account
    assert (mine.grant_id, mine.adds) == (None, (READ, WRITE))
    (role,) = made.to_application
    assert (role.permission, role.role_id) == (READ_ALL, "id-User.Read.All")
    assert not made.withdrawals
    assert made.losers_known


def test_a_grant_that_is_there_is_widened() -> None:
    """What the account holds stays in its grant, whatever it is."""
    mine = DelegatedGrant("g1", "graph-sp", ACCOUNT.id, ("Mail.Read", "user.read"))
    of = replace(NOTHING, delegated=(mine,))
    (grant,) = plan(MANIFEST, of, ACCOUNT).for_account
    assert (grant.grant_id, grant.held, grant.adds) == ("g1", mine.scopes, (WRITE,))


def test_who_loses_access_is_named() -> None:
    """Users without a grant that replaces the one for everybody are named; the rest is said to be unknown."""
    wide = DelegatedGrant("wide", "graph-sp", "", ("User.Read", "openid"))
    hers = DelegatedGrant("hers", "graph-sp", "her-id", ("User.Read",))
    assigned = (
        AppUser("her-id", "Her", "User"),
        AppUser("his-id", "Him", "User"),
        AppUser("all-id", "Everyone", "Group"),
        AppUser(ACCOUNT.id, "svc", "User"),
        AppUser("app-id", "Robot", "ServicePrincipal"),
    )
    of = facts(
        Grant(READ, GrantedHow.ORGANIZATION),
        offered=OFFERED,
        delegated=(wide, hers),
        users=AppUsers(assigned, only_these=False),
    )
    made = plan(MANIFEST, of, ACCOUNT)
    (item,) = made.withdrawals
    assert item.losers == ("the group Everyone", "Him")
    assert not made.losers_known
    assert any("cannot be read" in line for line in made.lines())
    only = replace(of, users=AppUsers(assigned, only_these=True))
    assert plan(MANIFEST, only, ACCOUNT).losers_known


def test_what_the_manifest_does_not_list_is_not_taken() -> None:
    """A grant for everybody that gives the product more stays, unless that is asked for."""
    wide = DelegatedGrant("wide", "graph-sp", "", ("Mail.Read", "User.Read"))
    of = facts(Grant(READ, GrantedHow.ORGANIZATION), offered=OFFERED, delegated=(wide,))
    kept = plan(MANIFEST, of, ACCOUNT)
    assert not kept.withdrawals
    assert [finding.code for finding in kept.cannot] == ["consent.kept-organization-wide"]
    asked = plan(MANIFEST, of, ACCOUNT, withdraw_beyond=True)
    assert asked.takes == ("Mail.Read",)
    assert any("loses Mail.Read" in line for line in asked.lines())
    part = replace(MANIFEST, complete=False)
    assert not plan(part, of, ACCOUNT, withdraw_beyond=True).withdrawals


def test_another_connections_account_is_not_cut_off() -> None:
    """While the account of another connection lives on a grant for everybody, it stays."""
    wide = DelegatedGrant("wide", "graph-sp", "", ("User.Read", "openid"))
    mine = DelegatedGrant("mine", "graph-sp", ACCOUNT.id, ("User.Read", "User.ReadWrite.All"))
    theirs = EntraAccount("branch-id", "branch@x", True, True, None)
    of = facts(Grant(READ, GrantedHow.ORGANIZATION), offered=OFFERED, delegated=(wide, mine))
    kept = plan(MANIFEST, of, ACCOUNT, sharing=(ACCOUNT, theirs), withdraw_beyond=True)
    assert not kept.withdrawals
    assert [(it.code, it.subject) for it in kept.cannot] == [
        ("consent.shared-organization-wide", "branch@x")
    ]
    own = DelegatedGrant("theirs", "graph-sp", theirs.id, ("user.read",))
    repaired = replace(of, delegated=(wide, mine, own))
    (item,) = plan(MANIFEST, repaired, ACCOUNT, sharing=(ACCOUNT, theirs)).withdrawals
    assert item.keepers == (ACCOUNT.id, theirs.id)


def test_the_digest_names_what_would_be_done() -> None:
    """The same plan has the same digest, another one another."""
    made = plan(MANIFEST, NOTHING, ACCOUNT)
    assert made.digest == plan(MANIFEST, NOTHING, ACCOUNT).digest
    assert len(made.digest) == 12
    without = replace(NOTHING, offered=OFFERED[1:])
    assert plan(MANIFEST, without, ACCOUNT).digest != made.digest


def test_the_fake_is_repaired_by_its_plan() -> None:
    """The fake tenant keeps the promise: its own plan, carried out, leaves nothing to do."""
    tenant = FakeTenant()
    tenant.withheld = {READ.value, READ_ALL.value}
    tenant.organization = {READ.value}
    made = plan(MANIFEST, tenant.consent_facts("app", "u", MANIFEST), tenant.user)
    asked: list[int] = []
    permit = Permit(tenant.now + timedelta(minutes=5), lambda: asked.append(1))
    before = tenant.remediator.snapshot(made)
    for carry_out in (
        tenant.remediator.grant_for_account,
        tenant.remediator.grant_to_application,
        tenant.remediator.withdraw_from_organization,
    ):
        assert carry_out(made, permit)
        assert all(change.already for change in carry_out(made, permit))
    assert len(asked) == 3
    assert plan(MANIFEST, tenant.consent_facts("app", "u", MANIFEST), tenant.user).empty
    tenant.remediator.restore_consent(before, permit)
    assert tenant.organization == {READ.value}
