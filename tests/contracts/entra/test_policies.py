"""What the tenant's sign-in policies say beforehand, and what the sign-in then answers."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.entra.models import SignInPolicies
from tests.contracts.entra.conftest import ACCOUNT, ACCOUNT_SECRET, DOMAIN, OTHER, VERIFIER, Desk


def _seen(desk: Desk, upn: str = ACCOUNT) -> SignInPolicies:
    desk.tenant.do("grant", client=VERIFIER, kind="application", values=["Policy.Read.All"])
    desk.client.renew_tokens()
    account = desk.client.account(upn)
    return desk.client.sign_in_policies(account.id, desk.client.role_facts(account.id))


def test_may_not_be_read(desk: Desk) -> None:
    """Without its permission the verifier says what it could not read."""
    account = desk.client.account(ACCOUNT)
    seen = desk.client.sign_in_policies(account.id, desk.client.role_facts(account.id))
    assert (seen.security_defaults, seen.reaching, len(seen.unread)) == (None, (), 2)


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ({"include_users": ["All"], "controls": ["mfa"]}, 50076),
        ({"include_roles": ["Global Administrator"], "controls": ["block"]}, 53003),
        ({"include_users": [ACCOUNT], "controls": ["compliantDevice"]}, 53000),
        ({"include_users": ["All"], "exclude_users": [ACCOUNT], "controls": ["block"]}, None),
        ({"include_users": [OTHER], "controls": ["block"]}, None),
        ({"include_users": ["All"], "controls": ["mfa"], "state": "disabled"}, None),
    ],
)
def test_a_signal_that_comes_true(desk: Desk, policy: dict[str, Any], code: int | None) -> None:
    """A policy that is said to reach the account is the one that the sign-in then ends with, and no other."""
    desk.tenant.do("set_conditional_access", policies=[{"display_name": "It", **policy}])
    seen = _seen(desk)
    assert [it.name for it in seen.reaching] == (["It"] if code else [])
    probe = desk.client.probe_password(ACCOUNT_SECRET)
    assert probe.codes == ((code,) if code else ())


def test_security_defaults_come_true(desk: Desk) -> None:
    """With security defaults on, an administrator is asked for a second factor."""
    desk.tenant.do("set_security_defaults", on=True)
    assert _seen(desk).security_defaults
    assert desk.client.probe_password(ACCOUNT_SECRET).codes == (50076,)


def test_eligible_through_a_group(desk: Desk) -> None:
    """A role that a group is only eligible for is told as such, with the group."""
    upn = f"waiting@{DOMAIN}"
    desk.tenant.do(
        "add_user", upn=upn, password="", eligible_roles_through_group=["User Administrator"]
    )
    (role,) = desk.client.role_facts(desk.client.account(upn).id).holdings
    assert (role.name, role.how, role.group) == (
        "User Administrator",
        "eligible only",
        f"Role holders {upn}",
    )
