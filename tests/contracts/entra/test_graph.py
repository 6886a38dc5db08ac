"""Accounts, roles and test users, with a directory that is late and busy."""

from __future__ import annotations

import pytest

from connectors.entra.models import EntraUser
from connectors.entra.roles import missing_roles
from connectors.errors import (
    Conflict,
    NotFound,
    NotPermitted,
    RotationError,
    Unknown,
    Unreachable,
)
from tests.contracts.entra.conftest import ACCOUNT, DOMAIN, OTHER, VALIDATOR, VERIFIER, Desk

UPN = f"test-run-1@{DOMAIN}"


def test_account(desk: Desk) -> None:
    """The account is seen as it is."""
    account = desk.client.account(ACCOUNT)
    assert (account.upn, account.enabled, account.cloud_only) == (ACCOUNT, True, True)
    assert account.password_last_changed is not None
    desk.tenant.do("set_enabled", upn=ACCOUNT, on=False)
    assert not desk.client.account(ACCOUNT).enabled


def test_missing_account(desk: Desk) -> None:
    """An account that is not there is NotFound."""
    with pytest.raises(NotFound):
        desk.client.account(f"nobody@{DOMAIN}")


def test_roles(desk: Desk) -> None:
    """A role is seen once it is assigned, and its absence is a finding."""
    account, other = desk.client.account(ACCOUNT), desk.client.account(OTHER)
    facts = desk.client.role_facts(account.id)
    assert [(r.name, r.how, r.scope) for r in facts.holdings] == [
        ("Global Administrator", "direct", "/")
    ]
    assert facts.unread == ()
    assert desk.client.role_facts(other.id).holdings == ()
    required = desk.settings.required_roles
    assert missing_roles(required, facts.holdings, ACCOUNT) == ()
    (finding,) = missing_roles(required, (), OTHER)
    assert finding.subject == "Global Administrator"


def test_other_ways_to_hold_a_role(desk: Desk) -> None:
    """A role through a group is active; an eligible one is told as such where it may be read."""
    desk.tenant.do(
        "grant",
        client=VERIFIER,
        kind="application",
        values=["RoleEligibilitySchedule.Read.Directory"],
    )
    desk.tenant.do(
        "add_user",
        upn=f"grouped@{DOMAIN}",
        password="",
        roles_through_group=["User Administrator"],
        eligible_roles=["Global Administrator"],
    )
    grouped = desk.client.account(f"grouped@{DOMAIN}")
    held = {(role.name, role.how) for role in desk.client.role_facts(grouped.id).holdings}
    assert held == {
        ("User Administrator", "through a group"),
        ("Global Administrator", "eligible only"),
    }


def test_without_premium(desk: Desk) -> None:
    """A tenant without the licence for eligible roles is no failure."""
    desk.tenant.do("set_premium", on=False)
    facts = desk.client.role_facts(desk.client.account(ACCOUNT).id)
    assert [role.name for role in facts.holdings] == ["Global Administrator"]
    assert any("P2" in note for note in facts.unread)


def _life(desk: Desk) -> EntraUser:
    user = desk.client.create_user(UPN, "Test run 1")
    desk.client.modify_user(user.id, {"department": "Validation"})
    changed = desk.client.find_user(UPN)
    assert changed is not None
    assert changed.department == "Validation"
    desk.client.delete_user(user.id)
    return user


@pytest.mark.parametrize("lag", [0, 5, 40])
def test_life_of_a_test_user(desk: Desk, lag: float) -> None:
    """A test user comes, changes and goes, however late the directory shows it."""
    desk.tenant.do("set_lag", seconds=lag)
    user = _life(desk)
    assert desk.client.find_user(UPN) is None
    desk.client.delete_user(user.id)
    assert desk.user(UPN)["deleted"]
    assert len(desk.tenant.calls("graph.users.create")) == 1


def test_replica_that_knows_nothing_yet(desk: Desk) -> None:
    """A user that not even a deletion finds for minutes is still removed in the end."""
    desk.tenant.do("set_lag", seconds=200, writes=True)
    user = desk.client.create_user(UPN, "Test run 1")
    desk.client.delete_user(user.id)
    assert desk.user(UPN)["deleted"]


def test_name_taken(desk: Desk) -> None:
    """A name that is taken is a conflict."""
    desk.client.create_user(UPN, "Test run 1")
    with pytest.raises(Conflict):
        desk.client.create_user(UPN, "Test run 1")


def test_created_but_the_answer_was_lost(desk: Desk) -> None:
    """A lost answer to a creation is Unknown; looking tells that it happened."""
    desk.tenant.arm("graph.users.create", "answer_lost")
    with pytest.raises(Unknown):
        desk.client.create_user(UPN, "Test run 1")
    found = desk.client.find_user(UPN)
    assert found is not None
    assert len(desk.tenant.calls("graph.users.create")) == 1
    desk.client.delete_user(found.id)


@pytest.mark.parametrize("kind", ["answer_lost", "status_after"])
def test_deleted_but_the_answer_was_lost(desk: Desk, kind: str) -> None:
    """A lost answer to a deletion is Unknown; deleting again is success."""
    user = desk.client.create_user(UPN, "Test run 1")
    desk.tenant.arm("graph.users.delete", kind, status=504)
    with pytest.raises(Unknown):
        desk.client.delete_user(user.id)
    assert desk.client.find_user(UPN) is None
    desk.client.delete_user(user.id)


def test_synchronised_user(desk: Desk) -> None:
    """A user of Active Directory is told as such."""
    desk.tenant.do("add_user", upn=f"synced@{DOMAIN}", password="", cloud_only=False)
    assert not desk.client.account(f"synced@{DOMAIN}").cloud_only


def test_forbidden(desk: Desk) -> None:
    """A missing permission is named, and with it the call works after the tokens are renewed."""
    lost = {"client": VALIDATOR, "kind": "application", "values": ["User.ReadWrite.All"]}
    desk.tenant.do("revoke", **lost)
    with pytest.raises(NotPermitted) as refused:
        desk.client.create_user(UPN, "Test run 1")
    assert refused.value.identifiers["permission"] == "User.ReadWrite.All"
    assert refused.value.identifiers["client_id"] == VALIDATOR
    desk.tenant.do("grant", **lost)
    with pytest.raises(NotPermitted):
        desk.client.create_user(UPN, "Test run 1")
    desk.client.renew_tokens()
    desk.client.create_user(UPN, "Test run 1")


def test_expired_token(desk: Desk) -> None:
    """A token that Graph takes for expired is renewed once, unseen by the caller."""
    desk.client.account(ACCOUNT)
    desk.tenant.arm("graph.users.get", "expired_token")
    assert desk.client.account(ACCOUNT).upn == ACCOUNT
    assert len(desk.tenant.calls("token")) == 2


def test_token_that_outlived_itself(desk: Desk) -> None:
    """A token whose hour passed is replaced."""
    desk.client.account(ACCOUNT)
    desk.tenant.advance(4000)
    assert desk.client.account(ACCOUNT).upn == ACCOUNT


@pytest.mark.parametrize(
    ("fault", "wait"),
    [
        ({"kind": "status", "status": 429, "retry_after": 11}, 11),
        ({"kind": "status", "status": 429}, None),
        ({"kind": "status", "status": 503, "retry_after": 4}, 4),
        ({"kind": "unreachable"}, None),
        ({"kind": "html", "status": 200}, None),
    ],
)
def test_busy(desk: Desk, fault: dict[str, object], wait: float | None) -> None:
    """Throttling and outages are Unreachable with the wait, never repeated inside."""
    desk.tenant.arm("graph.users.get", **fault)  # type: ignore[arg-type]
    with pytest.raises(RotationError) as busy:
        desk.client.account(ACCOUNT)
    assert isinstance(busy.value, Unreachable)
    assert busy.value.retry_after == wait
    assert len(desk.tenant.calls("graph.users.get")) == 1
