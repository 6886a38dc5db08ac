"""Test users that an earlier run left, in a tenant with lag, pages and other people."""

from __future__ import annotations

import pytest

from connectors.errors import NotPermitted, Unknown
from tests.contracts.entra.conftest import ACCOUNT, DOMAIN, OTHER, Desk

PREFIX = "rot-1a2b-"


def _plant(desk: Desk, *names: str) -> list[str]:
    upns = [f"{name}@{DOMAIN}" for name in names]
    for upn in upns:
        desk.tenant.do("add_user", upn=upn, password="")
    return upns


def _there(desk: Desk) -> set[str]:
    return {user["upn"] for user in desk.tenant.state()["users"] if not user["deleted"]}


def test_only_the_prefix_goes(desk: Desk) -> None:
    """Users of the prefix go, page after page; every other user of the tenant stays."""
    desk.tenant.do("set_page_size", size=2)
    mine = _plant(desk, *(f"{PREFIX}{number}" for number in range(5)))
    others = _plant(desk, "rot-9999-1", "x-rot-1a2b-1", "rot-1a2b", "anna")

    gone = desk.client.delete_test_users(DOMAIN, PREFIX)

    assert sorted(gone) == sorted(mine)
    assert {ACCOUNT, OTHER, *others} == _there(desk)
    assert desk.client.delete_test_users(DOMAIN, PREFIX) == ()


def test_own_user_stays(desk: Desk) -> None:
    """The user of the run that cleans up is kept."""
    own, other = _plant(desk, f"{PREFIX}own", f"{PREFIX}other")
    assert desk.client.delete_test_users(DOMAIN, PREFIX, keep=own) == (other,)
    assert own in _there(desk)


def test_other_domain(desk: Desk) -> None:
    """Users of a domain that is not the validation domain are not touched."""
    (mine,) = _plant(desk, f"{PREFIX}1")
    assert desk.client.delete_test_users("other.example.test", PREFIX) == ()
    assert mine in _there(desk)


@pytest.mark.parametrize("writes", [False, True])
def test_late_directory(desk: Desk, writes: bool) -> None:
    """Lists that lag behind creations and deletions neither hide a user nor keep us for ever."""
    desk.tenant.do("set_lag", seconds=1, writes=writes)
    mine = _plant(desk, f"{PREFIX}1", f"{PREFIX}2")
    assert sorted(desk.client.delete_test_users(DOMAIN, PREFIX)) == mine
    assert {ACCOUNT, OTHER} == _there(desk)


def test_lost_answer(desk: Desk) -> None:
    """After a lost answer the next call looks first, and deletes what is left."""
    _plant(desk, f"{PREFIX}1", f"{PREFIX}2")
    desk.tenant.arm("graph.users.delete", "answer_lost")
    with pytest.raises(Unknown):
        desk.client.delete_test_users(DOMAIN, PREFIX)
    assert len(desk.client.delete_test_users(DOMAIN, PREFIX)) == 1
    assert {ACCOUNT, OTHER} == _there(desk)


def test_without_validator(desk: Desk) -> None:
    """Without a validator the users are named and stay."""
    (mine,) = _plant(desk, f"{PREFIX}1")
    with desk.again(validator=None) as client, pytest.raises(NotPermitted) as refused:
        client.delete_test_users(DOMAIN, PREFIX)
    assert refused.value.identifiers["users"] == mine
    assert mine in _there(desk)
