"""Setting and changing passwords: rules and codes."""

from __future__ import annotations

import ldap3
import pytest

from tests.sandbox.active_directory.lab import MANAGED, Lab, answer, quoted, replaced

OK = (0, "")
POLICY, WRONG_OLD = (19, "0000052D"), (19, "00000056")
UNWILLING = (53, "00002035")


@pytest.mark.parametrize("weak", ["Aa1!", "aaaaaaaaaaaa", "", "aaaaAAAAbbbb"])
def test_policy(lab: Lab, weak: str) -> None:
    """Short and simple passwords are refused on reset, change and add alike."""
    user = lab.user()
    assert lab.reset("svc-reset", user.dn, weak) == POLICY
    assert lab.change("plain", user.dn, user.password, weak) == POLICY
    with lab.acting_as("svc-create") as connection:
        dn = f"CN={user.username}-weak,{MANAGED}"
        attributes = {"sAMAccountName": f"{user.username}w", "unicodePwd": quoted(weak)}
        connection.add(dn, ["user"], attributes)
        assert answer(connection) == POLICY
        connection.search(dn, "(objectClass=*)", ldap3.BASE)
        assert answer(connection)[0] == 32


def test_has_to_be_quoted(lab: Lab) -> None:
    """A password without quotes, or not in UTF-16, is not taken."""
    user = lab.user()
    for raw in (user.password.encode("utf-16-le"), f'"{user.password}x"'.encode()):
        assert lab.modify("svc-reset", user.dn, unicodePwd=raw) == UNWILLING


def test_needs_reset_or_change(lab: Lab) -> None:
    """Deleting the password, or adding one beside it, is neither a reset nor a change."""
    user = lab.user()
    with lab.acting_as("Administrator") as connection:
        connection.modify(user.dn, {"unicodePwd": [(ldap3.MODIFY_DELETE, [])]})
        assert answer(connection)[0] == 53
        added = [(ldap3.MODIFY_ADD, [quoted(lab.new_password())])]
        connection.modify(user.dn, {"unicodePwd": added})
        assert answer(connection)[0] == 53


def test_wrong_old_password_counts(lab: Lab) -> None:
    """A change with a wrong old password is refused and counts as a bad attempt, n-1 included."""
    user, new = lab.user(), lab.new_password()
    assert lab.change("plain", user.dn, lab.new_password(), new) == WRONG_OLD
    assert lab.number(user.dn, "badPwdCount") == 1
    lab.reset("svc-reset", user.dn, new)
    assert lab.change("plain", user.dn, user.password, lab.new_password()) == WRONG_OLD
    assert lab.number(user.dn, "badPwdCount") == 2


def test_changes_can_lock(lab: Lab) -> None:
    """Wrong old passwords lock the account; then even the right one does not change it."""
    user = lab.user()
    for _ in range(3):
        lab.change("plain", user.dn, lab.new_password(), lab.new_password())
    assert lab.sign_in(user.upn, user.password) == (49, "775")
    assert lab.change("plain", user.dn, user.password, lab.new_password()) == (19, "00000775")


def test_history_binds_users_only(lab: Lab) -> None:
    """A user may not go back to an earlier password, an administrator's reset may."""
    user, new = lab.user(), lab.new_password()
    assert lab.change("plain", user.dn, user.password, user.password) == POLICY
    assert lab.change("plain", user.dn, user.password, new) == OK
    assert lab.change("plain", user.dn, new, user.password) == POLICY
    assert lab.reset("svc-reset", user.dn, user.password) == OK


def test_anybody_may_change_with_the_old_one(lab: Lab) -> None:
    """A password that has to be changed first can be changed through another account."""
    user, new = lab.user(), lab.new_password()
    lab.modify("Administrator", user.dn, pwdLastSet="0")
    assert lab.change("plain", user.dn, user.password, new) == OK
    assert lab.sign_in(user.upn, new) == OK


def test_reset_sets_the_date(lab: Lab) -> None:
    """A reset moves pwdLastSet, and must-change can be asked for in the same modify."""
    user, new = lab.user(), lab.new_password()
    lab.modify("Administrator", user.dn, pwdLastSet="0")
    lab.reset("svc-reset", user.dn, lab.new_password())
    assert lab.number(user.dn, "pwdLastSet") > 0
    assert lab.modify("svc-full", user.dn, unicodePwd=quoted(new), pwdLastSet="0") == OK
    assert lab.sign_in(user.upn, new) == (49, "773")
    assert lab.modify("svc-full", user.dn, pwdLastSet="-1") == OK
    assert lab.sign_in(user.upn, new) == OK


def test_all_or_nothing(lab: Lab) -> None:
    """When the password is refused, the rest of the modify does not happen either."""
    user = lab.user()
    assert lab.modify("svc-full", user.dn, description="new", unicodePwd=quoted("a")) == POLICY
    assert not lab.read(user.dn, "description")["description"]
    both = {"unicodePwd": quoted(lab.new_password()), "pwdLastSet": "0"}
    assert lab.modify("svc-reset", user.dn, **both)[0] == 50
    assert lab.sign_in(user.upn, user.password) == OK
    assert lab.number(user.dn, "pwdLastSet") > 0


def test_no_right_comes_before_the_policy(lab: Lab) -> None:
    """Who may not reset learns nothing about the policy."""
    user = lab.user()
    assert lab.reset("plain", user.dn, "a")[0] == 50
    assert lab.reset("svc-write", user.dn, lab.new_password())[0] == 50


def test_the_password_is_never_read(lab: Lab) -> None:
    """Not even an administrator reads unicodePwd, or finds it by a filter."""
    user = lab.user()
    assert not lab.read(user.dn, "unicodePwd", who="Administrator").get("unicodePwd")
    with lab.acting_as("Administrator") as connection:
        connection.search(MANAGED, "(unicodePwd=*)")
        assert [e for e in connection.response if e["type"] == "searchResEntry"] == []


def test_password_settings_objects(lab: Lab) -> None:
    """A PSO rules its users, shows in msDS-ResultantPSO, and is read by administrators only."""
    user, free = lab.user(), lab.user()
    dn = f"CN={user.username},CN=Password Settings Container,CN=System,DC=corp,DC=example,DC=test"
    settings = {
        "msDS-PasswordSettingsPrecedence": 1,
        "msDS-PasswordReversibleEncryptionEnabled": "FALSE",
        "msDS-PasswordHistoryLength": 5,
        "msDS-PasswordComplexityEnabled": "TRUE",
        "msDS-MinimumPasswordLength": 100,
        "msDS-MinimumPasswordAge": 0,
        "msDS-MaximumPasswordAge": -36288000000000,
        "msDS-LockoutThreshold": 1,
        "msDS-LockoutObservationWindow": -6000000000,
        "msDS-LockoutDuration": -6000000000,
        "msDS-PSOAppliesTo": user.dn,
    }
    with lab.acting_as("Administrator") as admin:
        admin.add(dn, ["msDS-PasswordSettings"], settings)
        assert answer(admin) == OK
    assert lab.read(user.dn, "msDS-ResultantPSO")["msDS-ResultantPSO"] == [dn.encode()]
    assert not lab.read(free.dn, "msDS-ResultantPSO").get("msDS-ResultantPSO")
    assert not lab.read(dn, "msDS-LockoutThreshold")["msDS-LockoutThreshold"]
    assert lab.read(dn, "msDS-LockoutThreshold", who="Administrator")["msDS-LockoutThreshold"] == [
        b"1"
    ]
    assert lab.reset("svc-reset", user.dn, lab.new_password()) == POLICY
    assert lab.sign_in(user.upn, lab.new_password()) == (49, "52e")
    assert lab.sign_in(user.upn, user.password) == (49, "775")


def test_enabling_needs_a_password(own: Lab) -> None:
    """An account without a password cannot be enabled (Samba is looser here)."""
    dn = f"CN=empty,{MANAGED}"
    with own.acting_as("svc-full") as connection:
        connection.add(dn, ["user"], {"sAMAccountName": "empty"})
        assert answer(connection) == OK
        connection.modify(dn, {"userAccountControl": replaced("512")})
        assert answer(connection) == (53, "0000052D")
        connection.add(f"{dn.replace('empty', 'second')}", ["user"], {"userAccountControl": 512})
        assert answer(connection) == (53, "0000052D")


def test_the_name_may_not_be_in_the_password(own: Lab) -> None:
    """A password that contains the account's name is not complex (Samba is looser here)."""
    user = own.user(displayName="Wilhelmina Quux")
    assert own.reset("svc-reset", user.dn, f"Aa1!{user.username}") == POLICY
    assert own.reset("svc-reset", user.dn, "Aa1!-wilhelmina-7") == POLICY
    assert own.reset("svc-reset", user.dn, own.new_password()) == OK


def test_minimum_age(own: Lab) -> None:
    """A user has to keep a password for the minimum age; a reset does not wait."""
    own.standin.do("set_policy", minimum_password_age=86400)
    user, new = own.user(), own.new_password()
    assert own.change("plain", user.dn, user.password, new) == POLICY
    own.standin.advance(86401)
    assert own.change("plain", user.dn, user.password, new) == OK
    assert own.reset("svc-reset", user.dn, own.new_password()) == OK
