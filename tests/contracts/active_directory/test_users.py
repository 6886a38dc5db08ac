"""Users: created, changed and deleted as the account, only where they may be, leaving nothing behind."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.errors import Conflict, InvalidInput, NotFound, NotPermitted
from tests.contracts.active_directory.lab import ELSEWHERE, HOME, VALIDATION, Lab


def test_life_of_a_user(lab: Lab):
    """Created enabled with a password, password set anew, attribute changed, deleted: each can be seen."""
    client, account = lab.client, lab.handle("svc-full")

    made = client.create_user(account, lab.dn(VALIDATION), "rot-life")
    seen = client.find_user("rot-life")
    client.reset_password(account, made.dn)
    client.modify_user(account, made.dn, {"description": "changed, (really)", "displayName": "Ä"})
    changed = client.find_user("rot-life")
    client.delete_user(account, made.dn)

    assert seen == made
    assert (made.enabled, made.upn) == (True, "rot-life@corp.example.test")
    assert changed
    assert changed.description == "changed, (really)"
    assert made.password_last_set
    assert changed.password_last_set
    assert changed.password_last_set > made.password_last_set
    assert client.find_user("rot-life") is None


def test_twice(lab: Lab):
    """A second user of the same name is a Conflict; a second delete is success."""
    client, account = lab.client, lab.handle("svc-full")
    made = client.create_user(account, lab.dn(VALIDATION), "rot-twice")

    with pytest.raises(Conflict):
        client.create_user(account, lab.dn(VALIDATION), "rot-twice")

    client.delete_user(account, made.dn)
    client.delete_user(account, made.dn)


@pytest.mark.parametrize("name", ["rot-é漢", "rot-#1", "rot-(a)", "rot-a'b", "rot-a b"])
def test_odd_names(lab: Lab, name: str):
    """A name with signs that mean something elsewhere names one user, who can be found and deleted."""
    client, account = lab.client, lab.handle("svc-full")

    made = client.create_user(account, lab.dn(VALIDATION), name)

    assert client.find_user(name) == made
    assert client.delete_test_users(account, lab.dn(VALIDATION), name[:5]) == (made.dn,)


def test_not_permitted(lab: Lab):
    """An account without the right is told so, and nothing happens."""
    with pytest.raises(NotPermitted):
        lab.client.create_user(lab.handle("svc-none"), lab.dn(VALIDATION), "rot-never")

    assert lab.client.find_user("rot-never") is None


def test_nothing_there(lab: Lab):
    """A container or a user that is not there is NotFound."""
    admin = lab.handle("Administrator")

    with pytest.raises(NotFound):
        lab.client.create_user(admin, lab.dn("OU=Nowhere"), "rot-nowhere")
    with pytest.raises(NotFound):
        lab.client.modify_user(admin, f"CN=nobody,{lab.dn(HOME)}", {"description": "x"})


def test_outside_the_base(lab: Lab):
    """A DN outside the directory's base is refused before anything is sent."""
    admin, dn = (
        lab.handle("Administrator"),
        "CN=x,OU=Validation,DC=corp,DC=example,DC=test,DC=other",
    )

    for attempt in (
        lambda: lab.client.create_user(admin, dn, "rot-outside"),
        lambda: lab.client.reset_password(admin, dn),
        lambda: lab.client.modify_user(admin, dn, {"description": "x"}),
        lambda: lab.client.delete_user(admin, dn),
        lambda: lab.client.delete_user(admin, lab.settings.base_dn),
        lambda: lab.client.delete_test_users(admin, dn, "rot-"),
    ):
        with pytest.raises(InvalidInput):
            attempt()


@pytest.mark.parametrize("name", ["", "a" * 21, "rot-\x00", "a,b", "a*"])
def test_bad_names(lab: Lab, name: str):
    """A name that Active Directory would not take is refused before anything is sent."""
    with pytest.raises(InvalidInput):
        lab.client.create_user(lab.handle("svc-full"), lab.dn(VALIDATION), name)


def test_only_users_are_deleted(lab: Lab):
    """A container is not deleted, even by one who may and even when it is empty."""
    with pytest.raises(InvalidInput):
        lab.client.delete_user(lab.handle("Administrator"), lab.dn(ELSEWHERE))

    assert lab.client.rights(lab.handle("reader"), lab.dn(ELSEWHERE))


@pytest.mark.parametrize("attribute", ["unicodePwd", "USERPASSWORD", "nTSecurityDescriptor"])
def test_closed_attributes(lab: Lab, attribute: str):
    """Passwords and permissions do not go in as plain attributes."""
    dn = lab.client.account_state("svc-target").dn

    with pytest.raises(InvalidInput):
        lab.client.modify_user(lab.handle("Administrator"), dn, {attribute: "x"})


def test_unknown_attribute(lab: Lab):
    """An attribute that the directory does not know is InvalidInput."""
    dn = lab.client.account_state("svc-target").dn

    with pytest.raises(InvalidInput):
        lab.client.modify_user(lab.handle("Administrator"), dn, {"noSuchAttribute": "x"})


def test_clean_up(lab: Lab):
    """Only users directly in the container whose names start with the prefix go; the second time none."""
    client, admin = lab.client, lab.handle("Administrator")
    here, there = lab.dn(VALIDATION), lab.dn(ELSEWHERE)
    mine = {client.create_user(admin, here, f"run7-{number}").dn for number in range(3)}
    kept = [client.create_user(admin, there, "run7-9"), client.create_user(admin, here, "run8-1")]

    gone = client.delete_test_users(admin, here, "run7-")

    assert set(gone) == mine
    assert client.delete_test_users(admin, here, "run7-") == ()
    assert [client.find_user(user.username) for user in kept] == kept
    for user in kept:
        client.delete_user(admin, user.dn)


def test_listed_by_the_reader(lab: Lab):
    """The reader sees users of a prefix directly in the container, with their age, and no other's."""
    client, admin = lab.client, lab.handle("Administrator")
    here, there = lab.dn(VALIDATION), lab.dn(ELSEWHERE)
    mine = client.create_user(admin, here, "list-1")
    others = [
        client.create_user(admin, there, "list-2"),
        client.create_user(admin, here, "x-list-1"),
    ]

    (seen,) = client.test_users(here, "list-")

    assert seen.dn == mine.dn
    # By the directory's own clock, which other tests may have moved on.
    assert seen.created is not None
    assert seen.password_last_set is not None
    assert abs(seen.created - seen.password_last_set) < timedelta(minutes=1)
    with pytest.raises(InvalidInput):
        client.test_users(here, "li")
    for user in (mine, *others):
        client.delete_user(admin, user.dn)


def test_short_prefix(lab: Lab):
    """A prefix that could match other people's users is refused."""
    with pytest.raises(InvalidInput):
        lab.client.delete_test_users(lab.handle("Administrator"), lab.dn(VALIDATION), "rot")


def test_clean_up_keeps_one(lab: Lab):
    """The user that is to be kept stays, however its name is written; the others of the prefix go."""
    client, admin, here = lab.client, lab.handle("Administrator"), lab.dn(VALIDATION)
    own = client.create_user(admin, here, "keep-own")
    other = client.create_user(admin, here, "keep-other")

    gone = client.delete_test_users(admin, here, "keep-", keep="KEEP-Own")

    assert gone == (other.dn,)
    assert client.find_user("keep-own") == own
    client.delete_user(admin, own.dn)
