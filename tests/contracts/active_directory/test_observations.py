"""What the reader sees: accounts, policies and users, in one round each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from connectors.errors import NotFound
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
