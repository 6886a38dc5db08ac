"""The setter: what it may do is told before it tries, and its own troubles are never the account's."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.active_directory.delegation import delegation_advice
from connectors.active_directory.models import Right
from connectors.errors import BudgetSpent, InvalidInput, NotPermitted, SignInReason
from connectors.models import Presence, SecretHandle
from tests.contracts.active_directory.lab import DOMAIN, ELSEWHERE, HOME, THRESHOLD, Lab

NewPassword = Callable[[], str]


@pytest.mark.parametrize("container", [HOME, ELSEWHERE])
@pytest.mark.parametrize("setter", ["svc-setter", "svc-none", "svc-full", "Administrator"])
def test_prediction_comes_true(
    lab: Lab, new_password: NewPassword, setter: str, container: str
) -> None:
    """Whether a setter may reset this one account is told without touching it, and then happens."""
    account = lab.added(new_password(), container)
    client, dn, before = lab.setting_as(setter), lab.dn_of(account), lab.last_set(account)

    check = client.may_set_password(dn)
    untouched = lab.last_set(account) == before
    try:
        client.set_password(dn, account)
        happened = Presence.PRESENT
    except NotPermitted:
        happened = Presence.MISSING

    delegated = (setter, container) in {("svc-setter", HOME), ("svc-none", ELSEWHERE)}
    assert untouched
    assert check.presence is happened
    assert (happened is Presence.PRESENT) == (delegated or setter == "Administrator")
    assert (check.right, check.container) == (Right.RESET_PASSWORD, dn)
    assert check.account == f"{setter}@{DOMAIN}"


def test_not_permitted(lab: Lab, account: SecretHandle, new: SecretHandle):
    """Without the right nothing happens, and the advice is the command that gives it."""
    client, dn, before = lab.setting_as("svc-none"), lab.dn_of(account), lab.last_set(account)
    command = f'dsacls "{lab.dn(HOME)}" /I:S /G "svc-none@{DOMAIN}:CA;Reset Password;user"'

    for attempt in (lambda: client.set_password(dn, new), lambda: client.scramble_password(dn)):
        with pytest.raises(NotPermitted) as caught:
            attempt()
        assert command in caught.value.what_to_do()
        assert caught.value.identifiers["setter"] == f"svc-none@{DOMAIN}"

    assert lab.last_set(account) == before
    assert delegation_advice(client.may_set_password(dn)) == command


def test_setter_refused(
    lab: Lab, account: SecretHandle, new: SecretHandle, new_password: NewPassword
):
    """The setter's own wrong password is not the account's, costs the setter one, and is not tried again."""
    client = lab.client_with(setter=lab.wrong("svc-setter", new_password()))
    dn, before = lab.dn_of(account), lab.bad_passwords("svc-setter")

    for attempt in (
        lambda: client.set_password(dn, new),
        lambda: client.scramble_password(dn),
        lambda: client.may_set_password(dn),
    ):
        with pytest.raises(NotPermitted) as caught:
            attempt()
        assert "setter" in caught.value.what_to_do()
        assert caught.value.identifiers["setter"] == "kv/wrong-svc-setter#1"
        assert caught.value.identifiers["reason"] == SignInReason.WRONG_PASSWORD

    assert lab.bad_passwords("svc-setter") == before + 1
    assert lab.bad_passwords(account.path) == 0
    lab.setting_as().set_password(dn, new)


def test_setter_unfit(lab: Lab, account: SecretHandle, new: SecretHandle):
    """A setter that is disabled or not there is told as the setter's trouble, with the reason."""
    lab.secrets.put("gone", "svc-gone", lab.secrets.passwords["svc-off"])
    reasons = {"svc-off": SignInReason.DISABLED, "gone": SignInReason.NOT_FOUND}

    for setter, reason in reasons.items():
        with pytest.raises(NotPermitted) as caught:
            lab.setting_as(setter).set_password(lab.dn_of(account), new)
        assert caught.value.identifiers["reason"] == reason


def test_setter_budget(
    lab: Lab, account: SecretHandle, new: SecretHandle, new_password: NewPassword
):
    """A setter near its lockout is not tried at all."""
    setter = lab.added(new_password())
    wrong = lab.wrong(setter.path, new_password())
    for _ in range(THRESHOLD - 2):
        with pytest.raises(NotPermitted):
            lab.client_with(setter=wrong).scramble_password(lab.dn_of(account))

    with pytest.raises(BudgetSpent) as caught:
        lab.client_with(setter=setter).set_password(lab.dn_of(account), new)

    assert setter.path in caught.value.identifiers["account"]
    assert lab.bad_passwords(setter.path) == THRESHOLD - 2


def test_no_setter(lab: Lab, account: SecretHandle, new: SecretHandle):
    """Without a setter nothing can be set, and the advice names the field of the inventory."""
    client, dn = lab.client, lab.dn_of(account)

    for attempt in (
        lambda: client.set_password(dn, new),
        lambda: client.scramble_password(dn),
        lambda: client.may_set_password(dn),
    ):
        with pytest.raises(InvalidInput) as caught:
            attempt()
        assert caught.value.identifiers["field"] == "setter"
        assert lab.settings.name in caught.value.what_to_do()
