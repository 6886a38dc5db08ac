"""Signing in: one bind, the directory's own reason, and never the attempt that locks the account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from connectors.errors import (
    BudgetSpent,
    InvalidInput,
    NotPermitted,
    RotationError,
    SignInReason,
    SignInRefused,
)
from connectors.models import SecretHandle
from tests.contracts.active_directory.lab import HOME, THRESHOLD, Lab


def refusal(lab: Lab, account: SecretHandle, **settings: int) -> SignInRefused:
    """Return why a sign-in is refused."""
    with pytest.raises(SignInRefused) as caught:
        lab.client_with(**settings).sign_in(account)
    return caught.value


@pytest.mark.parametrize(
    "name",
    [
        "svc-names",
        "svc-names@corp.example.test",
        "CORP\\svc-names",
        "corp.example.test\\svc-names",
        "SVC-NAMES@CORP.EXAMPLE.TEST",
    ],
)
def test_name_forms(lab: Lab, name: str):
    """Every form of an account's name signs in, and the answer says as whom, where and when."""
    account = lab.secrets.put("named", name, lab.secrets.passwords["svc-names"])

    proof = lab.client.sign_in(account)

    assert (name, lab.standin.url) == (proof.account, proof.where)
    assert timedelta(seconds=5) > abs(datetime.now(UTC) - proof.at)


@pytest.mark.parametrize(
    "odd",
    ["e\N{COMBINING ACUTE ACCENT}", "\N{LATIN SMALL LIGATURE FI}", "a\N{NO-BREAK SPACE}b", "\"'\\ ",
     "\N{SOFT HYPHEN}", "Ж漢\N{GRINNING FACE}"],
)  # fmt: skip
def test_odd_passwords(lab: Lab, new_password: Callable[[], str], odd: str):
    """A password travels as it is, whatever Unicode would like to make of it."""
    new = lab.secrets.put("odd", "svc-odd", new_password() + odd)
    dn = lab.client.account_state("svc-odd").dn

    where = lab.client_with(setter=lab.handle("Administrator")).set_password(dn, new)

    assert lab.client.sign_in(new, where=where).where == where


def test_wrong_password(lab: Lab, new_password: Callable[[], str]):
    """A wrong password is refused as one, and costs exactly one attempt."""
    before = lab.bad_passwords("svc-wrong")

    error = refusal(lab, lab.wrong("svc-wrong", new_password()))

    assert error.reason is SignInReason.WRONG_PASSWORD
    assert lab.bad_passwords("svc-wrong") == before + 1


@pytest.mark.parametrize(
    ("username", "reason"),
    [("svc-off", SignInReason.DISABLED), ("svc-must", SignInReason.MUST_CHANGE_PASSWORD)],
)
def test_states(lab: Lab, username: str, reason: SignInReason):
    """With the right password, the account's state is the reason."""
    assert reason is refusal(lab, lab.handle(username)).reason


def test_expired(lab: Lab):
    """A password that is too old is refused as expired, and the account's state says so too."""
    lab.expire_password("svc-old")

    assert refusal(lab, lab.handle("svc-old")).reason is SignInReason.PASSWORD_EXPIRED
    assert lab.client.account_state("svc-old").password_expired


def test_unknown_account(lab: Lab, new_password: Callable[[], str]):
    """An account that the reader cannot see is not tried at all."""
    error = refusal(lab, lab.secrets.put("nobody", "nobody", new_password()))

    assert error.reason is SignInReason.NOT_FOUND


def test_empty_password(lab: Lab):
    """An empty password is refused here: the directory would take it for an anonymous sign-in."""
    with pytest.raises(InvalidInput):
        lab.client.sign_in(lab.secrets.put("empty", "svc-names", ""))


def test_locked(lab: Lab, new_password: Callable[[], str]):
    """A locked account is refused without a sign-in, with the right password too; unlocked it signs in."""
    wrong = lab.wrong("svc-lock", new_password())
    reasons = [refusal(lab, wrong, reserve=0).reason for _ in range(THRESHOLD)]
    counted = lab.bad_passwords("svc-lock")

    locked = refusal(lab, lab.handle("svc-lock")).reason

    assert reasons == [SignInReason.WRONG_PASSWORD] * THRESHOLD
    assert locked is SignInReason.LOCKED
    assert lab.client.account_state("svc-lock").locked
    assert counted == lab.bad_passwords("svc-lock")
    lab.standin.do("unlock", username="svc-lock")
    assert lab.client.sign_in(lab.handle("svc-lock")).account == "svc-lock"


def test_budget(lab: Lab, new_password: Callable[[], str]):
    """Two wrong passwords stay unspent, however often one asks, even for the right one."""
    wrong = lab.wrong("svc-budget", new_password())
    reasons = [refusal(lab, wrong).reason for _ in range(THRESHOLD - 2)]

    for account in (wrong, wrong, wrong, lab.handle("svc-budget")):
        with pytest.raises(BudgetSpent):
            lab.client.sign_in(account)

    assert reasons == [SignInReason.WRONG_PASSWORD] * (THRESHOLD - 2)
    assert lab.bad_passwords("svc-budget") == THRESHOLD - 2
    assert not lab.client.account_state("svc-budget").locked


def test_window_passes(lab: Lab, new_password: Callable[[], str]):
    """Wrong passwords count no longer when the directory's own clock has left the window."""
    if lab.kind == "samba":
        pytest.skip("samba: its clock cannot be moved")
    wrong = lab.wrong("svc-window", new_password())
    for _ in range(THRESHOLD - 2):
        refusal(lab, wrong)

    lab.standin.advance(601)

    assert lab.client.sign_in(lab.handle("svc-window")).account == "svc-window"


def test_two_urls_one_bind(lab: Lab, new_password: Callable[[], str]):
    """A refused sign-in is believed: the next controller is not asked."""
    before = lab.bad_passwords("svc-once")
    twice = (lab.standin.url, lab.standin.url.replace("127.0.0.1", "localhost"))
    client = lab.client_with(controllers=twice)

    with pytest.raises(SignInRefused):
        client.sign_in(lab.wrong("svc-once", new_password()))

    assert lab.bad_passwords("svc-once") == before + 1


def test_reader_refused(lab: Lab, new_password: Callable[[], str]):
    """The reader's own wrong password is not the account's, and is tried once only."""
    reader = lab.wrong("svc-target", new_password())
    before = lab.bad_passwords("svc-target")
    client = lab.client_with(reader=reader)

    for _ in range(3):
        with pytest.raises(NotPermitted) as caught:
            client.sign_in(lab.handle("svc-names"))
        assert "reader" in caught.value.what_to_do()

    assert lab.bad_passwords("svc-target") == before + 1


def test_reader_itself(lab: Lab):
    """The reader may be asked to prove itself: one bind, no look before."""
    assert lab.client.sign_in(lab.handle("reader")).account == "reader"


def test_errors_tell_nothing(lab: Lab, new_password: Callable[[], str]):
    """No error holds a password, a word of the directory's, or an exception of the library."""
    password = new_password()
    lab.standin.do("unlock", username="svc-wrong")

    error: RotationError = refusal(lab, lab.wrong("svc-wrong", password))

    told = f"{error!s} {error!r} {error.__dict__} {error.what_to_do()}"
    assert password not in told
    assert "LdapErr" not in told
    assert error.__context__ is None
    assert error.__cause__ is None


def test_state_by_name_forms(lab: Lab):
    """An account is found by every form of its name, and not under another domain's."""
    names = ("svc-names", "svc-names@corp.example.test", "CORP\\svc-names")

    found = {lab.client.account_state(name).dn.lower() for name in names}

    assert {f"cn=svc-names,{lab.dn(HOME)}".lower()} == found
    assert lab.client.find_user("OTHER\\svc-names") is None
