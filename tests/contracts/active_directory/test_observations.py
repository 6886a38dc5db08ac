"""What the reader sees: accounts, policies and users, in one round each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from connectors.errors import (
    BudgetSpent,
    InvalidInput,
    NotFound,
    NotPermitted,
    SignInRefused,
)
from tests.contracts.active_directory.lab import THRESHOLD, Lab


def test_account_state(lab: Lab):
    """A healthy account: enabled, not locked, a fresh password, no end."""
    state = lab.client.account_state("svc-names")

    assert (state.enabled, state.locked, state.password_expired) == (True, False, False)
    assert (state.must_change_password, state.account_expires) == (False, None)
    assert state.password_last_set
    assert timedelta(minutes=5) > datetime.now(UTC) - state.password_last_set
    assert state.read_from == lab.standin.url


def test_disabled(lab: Lab):
    """A disabled account shows as disabled, and as nothing else."""
    state = lab.client.account_state("svc-off")

    assert (state.enabled, state.locked, state.must_change_password) == (False, False, False)


def test_must_change(lab: Lab):
    """A password that must be changed first has no date, and is not called expired."""
    state = lab.client.account_state("svc-must")

    assert (state.must_change_password, state.password_last_set) == (True, None)
    assert not state.password_expired


def test_missing(lab: Lab):
    """An account that is not there is NotFound; a user that is not there is None."""
    with pytest.raises(NotFound):
        lab.client.account_state("nobody")
    assert lab.client.find_user("nobody") is None


@pytest.mark.parametrize("name", ["*", "svc-*", "a)(objectClass=*", "(", "svc-names\\2a"])
def test_names_match_nothing_else(lab: Lab, name: str):
    """A name with the signs of a filter is looked for as it is."""
    assert lab.client.find_user(name) is None


def test_domain_policy(lab: Lab):
    """The domain's lockout policy, where nothing else is set for the account."""
    policy = lab.client.lockout_policy("svc-names")

    assert (policy.threshold, policy.source, policy.certain) == (THRESHOLD, "domain", True)
    assert policy.window == policy.duration == timedelta(seconds=600)


@pytest.fixture(scope="module")
def strict(lab: Lab) -> str:
    """Return the DN of a password settings object for svc-strict: it locks after three, for ever."""
    dn = f"CN=strict,CN=Password Settings Container,CN=System,{lab.settings.base_dn}"
    values = {
        "msDS-PasswordSettingsPrecedence": "1",
        "msDS-PasswordReversibleEncryptionEnabled": "FALSE",
        "msDS-PasswordHistoryLength": "5",
        "msDS-PasswordComplexityEnabled": "TRUE",
        "msDS-MinimumPasswordLength": "14",
        "msDS-MinimumPasswordAge": "0",
        "msDS-MaximumPasswordAge": str(-(2**63)),
        "msDS-LockoutThreshold": "3",
        "msDS-LockoutObservationWindow": str(-9_000_000_000),
        "msDS-LockoutDuration": str(-(2**63)),
        "msDS-PSOAppliesTo": lab.client.account_state("svc-strict").dn,
    }
    if lab.kind == "samba":
        with lab.as_administrator() as session:
            session._connection.add(dn, ["msDS-PasswordSettings"], values)  # type: ignore[no-untyped-call]
            assert session._connection.result["result"] == 0
    else:
        lab.standin.do(
            "add_password_settings", name="strict", precedence=1, applies_to=["svc-strict"],
            lockout_threshold=3, lockout_window=900, lockout_duration=0, min_password_length=14,
        )  # fmt: skip
    return dn


def test_settings_object(lab: Lab, strict: str):
    """Who may read the account's password settings object is told what it says."""
    policy = lab.client_with(reader=lab.handle("Administrator")).lockout_policy("svc-strict")

    assert (policy.threshold, policy.window) == (3, timedelta(seconds=900))
    assert (policy.duration, policy.certain) == (None, True)
    assert policy.source.lower() == strict.lower()


@pytest.mark.usefixtures("strict")
def test_closed_settings_object(lab: Lab, new_password: Callable[[], str]):
    """Who may not is told so; such an account is signed in only while nothing counts against it."""
    policy = lab.client.lockout_policy("svc-strict")
    assert (policy.source, policy.certain) == ("domain", False)
    assert lab.client.sign_in(lab.handle("svc-strict")).account == "svc-strict"

    with pytest.raises(SignInRefused):
        lab.client.sign_in(lab.wrong("svc-strict", new_password()))
    with pytest.raises(BudgetSpent) as caught:
        lab.client.sign_in(lab.handle("svc-strict"))

    assert "Password Settings Container" in caught.value.what_to_do()
    assert lab.bad_passwords("svc-strict") == 1


def test_controller_tells_a_stranger(lab: Lab):
    """A controller tells its time and its domain to whoever asks, without a sign-in."""
    facts = lab.client.controller(lab.standin.url)

    assert facts.clock
    assert abs(datetime.now(UTC) - facts.clock) < timedelta(seconds=30)
    assert (facts.naming_context or "").casefold() == lab.settings.base_dn.casefold()


def test_reader_signs_in(lab: Lab):
    """The reader signs in on the controller that is named; a wrong password is tried once, however often asked."""
    assert lab.client.reader_signs_in(lab.standin.url).where == lab.standin.url

    client = lab.client_with(reader=lab.wrong("svc-odd", "not this one"))
    before = lab.client.account_state("svc-odd").bad_password_count
    for _ in range(3):
        with pytest.raises(NotPermitted, match="wrong password"):
            client.reader_signs_in(lab.standin.url)
    assert lab.client.account_state("svc-odd").bad_password_count == before + 1


def test_exists(lab: Lab):
    """An object is there or it is not; one outside of the domain is not even looked for."""
    there = lab.client.account_state("svc-names").dn
    assert lab.client.exists(there)
    assert not lab.client.exists(f"OU=Nowhere,{lab.settings.base_dn}")
    with pytest.raises(InvalidInput):
        lab.client.exists("OU=Other,DC=elsewhere,DC=test")
