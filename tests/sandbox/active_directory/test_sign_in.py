"""Signing in: who is let in by which name, and why the others are not."""

from __future__ import annotations

import pytest

from tests.sandbox.active_directory.lab import MANAGED, Lab

OK = (0, "")
WRONG, LOCKED, DISABLED = (49, "52e"), (49, "775"), (49, "533")
MUST_CHANGE, PASSWORD_EXPIRED, ACCOUNT_EXPIRED = (49, "773"), (49, "532"), (49, "701")
LONG_AGO = "133000000000000000"


def test_names_that_sign_in(lab: Lab) -> None:
    """UPN, sAMAccountName at either domain name, DN and NETBIOS name sign in, whatever their case."""
    user = lab.user(userPrincipalName="somebody.else@corp.example.test")
    name = user.username
    for spelling in (
        "somebody.else@corp.example.test",
        f"{name.upper()}@corp.example.test",
        f"{name}@CORP",
        f"CORP\\{name}",
        f"corp\\{name.upper()}",
        user.dn,
        f"cn={name.upper()} , ou=validation,dc=corp,dc=example,dc=test",
    ):
        assert lab.sign_in(spelling, user.password) == OK, spelling


def test_names_that_do_not(lab: Lab) -> None:
    """A bare sAMAccountName, the DNS domain with a backslash and unknown names are wrong passwords."""
    user = lab.user()
    for spelling in (
        user.username,
        f"corp.example.test\\{user.username}",
        f"{user.username}@other.test",
        "nobody@corp.example.test",
        f"CN=nobody,{MANAGED}",
    ):
        assert lab.sign_in(spelling, user.password) == WRONG, spelling


def test_explains_in_active_directorys_words(lab: Lab) -> None:
    """A refused bind carries the message that clients take the sub-code from."""
    with lab.connected("nobody@corp.example.test", lab.new_password()) as connection:
        assert connection.result["message"].rstrip("\0") == (
            "80090308: LdapErr: DSID-0C0903A9, comment: "
            "AcceptSecurityContext error, data 52e, v1db1"
        )


def test_wrong_password_hides_the_state(lab: Lab) -> None:
    """Whether an account is disabled, expired or new is said to the right password only."""
    user = lab.user()
    wrong = lab.new_password()
    lab.modify("Administrator", user.dn, pwdLastSet="0")
    assert lab.sign_in(user.upn, user.password) == MUST_CHANGE
    lab.modify("Administrator", user.dn, accountExpires=LONG_AGO)
    assert lab.sign_in(user.upn, user.password) == ACCOUNT_EXPIRED
    lab.modify("Administrator", user.dn, userAccountControl="514")
    assert lab.sign_in(user.upn, user.password) == DISABLED
    assert lab.sign_in(user.upn, wrong) == WRONG


def test_expired_password(lab: Lab) -> None:
    """A password older than the policy allows is refused, and both computed attributes say so."""
    user = lab.user()
    lab.standin.do("age_password", username=user.username, days=50)
    assert lab.sign_in(user.upn, user.password) == PASSWORD_EXPIRED
    assert lab.number(user.dn, "msDS-User-Account-Control-Computed") == 0x800000
    last_set = lab.number(user.dn, "pwdLastSet")
    expiry = lab.number(user.dn, "msDS-UserPasswordExpiryTimeComputed")
    assert expiry == last_set + 42 * 86400 * 10**7


def test_passwords_that_never_expire(lab: Lab) -> None:
    """With the flag for it, neither age nor pwdLastSet 0 keep an account out."""
    user = lab.user(userAccountControl=512 | 0x10000)
    lab.modify("Administrator", user.dn, pwdLastSet="0")
    assert lab.sign_in(user.upn, user.password) == OK
    assert lab.number(user.dn, "msDS-UserPasswordExpiryTimeComputed") == 0x7FFFFFFFFFFFFFFF
    assert lab.number(user.dn, "msDS-User-Account-Control-Computed") == 0


def test_must_change_shows(lab: Lab) -> None:
    """Before the first change, the expiry time is 0 and the account counts as expired."""
    user = lab.user()
    lab.modify("Administrator", user.dn, pwdLastSet="0")
    assert lab.number(user.dn, "msDS-UserPasswordExpiryTimeComputed") == 0
    assert lab.number(user.dn, "msDS-User-Account-Control-Computed") == 0x800000


def test_locks_after_the_threshold(lab: Lab) -> None:
    """The attempt that reaches the threshold still says wrong password; the next says locked."""
    user = lab.user()
    counts = []
    for _ in range(3):
        assert lab.sign_in(user.upn, lab.new_password()) == WRONG
        counts.append(lab.number(user.dn, "badPwdCount"))
    assert counts == [1, 2, 3]
    assert lab.number(user.dn, "msDS-User-Account-Control-Computed") == 0x10
    assert lab.sign_in(user.upn, lab.new_password()) == LOCKED
    assert lab.sign_in(user.upn, user.password) == LOCKED
    assert lab.number(user.dn, "badPwdCount") == 3


def test_locked_wins_over_disabled(lab: Lab) -> None:
    """A disabled account can lock, and then says locked to the right password too."""
    user = lab.user(userAccountControl=514)
    for _ in range(3):
        assert lab.sign_in(user.upn, lab.new_password()) == WRONG
    assert lab.sign_in(user.upn, user.password) == LOCKED


def test_success_forgets_failures(lab: Lab) -> None:
    """A successful bind sets the counter back."""
    user = lab.user()
    lab.sign_in(user.upn, lab.new_password())
    assert lab.sign_in(user.upn, user.password) == OK
    assert lab.number(user.dn, "badPwdCount") == 0


def test_a_reset_does_not_unlock(lab: Lab) -> None:
    """Only lockoutTime 0 unlocks, and sets the counter back."""
    user, new = lab.user(), lab.new_password()
    for _ in range(3):
        lab.sign_in(user.upn, lab.new_password())
    assert lab.reset("svc-reset", user.dn, new) == OK
    assert lab.sign_in(user.upn, new) == LOCKED
    assert lab.modify("svc-write", user.dn, lockoutTime="0") == OK
    assert lab.number(user.dn, "badPwdCount") == 0
    assert lab.sign_in(user.upn, new) == OK


def test_writing_the_account_control_unlocks(lab: Lab) -> None:
    """A userAccountControl without the lockout bit unlocks; one with it does not."""
    user = lab.user()
    for _ in range(3):
        lab.sign_in(user.upn, lab.new_password())
    lab.modify("svc-write", user.dn, userAccountControl=str(512 | 0x10))
    assert lab.sign_in(user.upn, user.password) == LOCKED
    lab.modify("svc-write", user.dn, userAccountControl="512")
    assert lab.sign_in(user.upn, user.password) == OK


def test_the_previous_password_signs_in(lab: Lab) -> None:
    """n-1 works after a reset, n-2 does not, and neither counts as a failure."""
    user, second, third = lab.user(), lab.new_password(), lab.new_password()
    lab.reset("Administrator", user.dn, second)
    assert lab.sign_in(user.upn, user.password) == OK
    lab.reset("Administrator", user.dn, third)
    assert lab.sign_in(user.upn, second) == OK
    assert lab.sign_in(user.upn, user.password) == WRONG
    assert lab.number(user.dn, "badPwdCount") == 0
    assert lab.sign_in(user.upn, third) == OK


def test_the_previous_password_works_after_a_change(lab: Lab) -> None:
    """A change by the user keeps n-1 alive too."""
    user, new = lab.user(), lab.new_password()
    assert lab.change("plain", user.dn, user.password, new) == OK
    assert lab.sign_in(user.upn, user.password) == OK
    assert lab.sign_in(user.upn, new) == OK


def test_the_previous_password_ends(lab: Lab) -> None:
    """An hour after the change n-1 is refused, and still not counted."""
    user, new = lab.user(), lab.new_password()
    lab.reset("Administrator", user.dn, new)
    lab.standin.do("age_password", username=user.username, days=1.5 / 24)
    assert lab.sign_in(user.upn, user.password) == WRONG
    assert lab.number(user.dn, "badPwdCount") == 0
    assert lab.sign_in(user.upn, new) == OK


def test_a_failed_rebind_keeps_the_identity(lab: Lab) -> None:
    """After a refused bind the connection is still who it was: only a fresh one proves a password."""
    password = lab.passwords["plain"]
    with lab.connected("plain@corp.example.test", password) as connection:
        connection.rebind("plain@corp.example.test", lab.new_password().encode())
        assert connection.search(MANAGED, "(objectClass=organizationalUnit)")


@pytest.mark.parametrize(
    "password", ['quo"te\\Aa1', "Ünïcödé-Пароль-1", "🔑 Aa1 blank ", "Aa1!" * 60]
)
def test_unusual_passwords(lab: Lab, password: str) -> None:
    """Quotes, blanks, other scripts and length all survive from unicodePwd to the bind."""
    user = lab.user()
    assert lab.reset("svc-full", user.dn, password) == OK
    assert lab.sign_in(user.upn, password) == OK
