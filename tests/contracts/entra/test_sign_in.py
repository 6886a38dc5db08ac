"""Signing in: applications, and one password at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from connectors.entra.models import ProbeVerdict
from connectors.entra.needs import lacking
from connectors.entra.settings import AppIdentity, CredentialKind
from connectors.errors import (
    BudgetSpent,
    InvalidInput,
    NotPermitted,
    RotationError,
    Unreachable,
)
from tests.contracts.entra.conftest import (
    ACCOUNT,
    ACCOUNT_SECRET,
    DOMAIN,
    PROBE,
    REMEDIATOR,
    SETTER,
    VALIDATOR,
    VALIDATOR_SECRET,
    VERIFIER,
    Desk,
)

NewPassword = Callable[[], str]


def test_certificate_and_secret(desk: Desk) -> None:
    """The verifier signs in with its certificate, the others with their secrets."""
    desk.client.renew_tokens()
    signed_in = {entry["detail"]["client"] for entry in desk.tenant.calls("token")}
    assert signed_in == {VERIFIER, VALIDATOR, SETTER, REMEDIATOR}


def test_permissions_of_our_applications(desk: Desk) -> None:
    """A token tells the application permissions it was issued with; a permission granted since is in the next one."""
    held = desk.client.permissions("verifier")
    assert held is not None
    assert lacking("verifier", held) == ()
    grant = {"client": SETTER, "kind": "application", "values": ["User.Read.All"]}
    assert "User.Read.All" not in (desk.client.permissions("setter") or ())
    desk.tenant.do("grant", **grant)
    assert "User.Read.All" in (desk.client.permissions("setter") or ())
    with (
        desk.again(remediator=None) as without,
        pytest.raises(InvalidInput, match="remediator"),
    ):
        without.permissions("remediator")


def test_certificate_ends(desk: Desk) -> None:
    """The certificate in Vault tells its end; a client secret tells none."""
    ends = desk.client.certificate_ends("verifier")
    assert ends
    assert ends > datetime.now(UTC)
    assert desk.client.certificate_ends("validator") is None


def test_authority(desk: Desk) -> None:
    """The sign-in service tells a stranger its time by its own clock, and refuses a tenant it does not know."""
    facts = desk.client.authority()
    assert facts.clock
    assert abs(datetime.now(UTC) - facts.clock) < timedelta(seconds=30)
    desk.tenant.advance(3600)
    later = desk.client.authority().clock
    assert later
    assert later - datetime.now(UTC) > timedelta(minutes=59)
    tenant_id = "11111111-2222-3333-4444-555555555555"
    with desk.again(tenant_id=tenant_id) as other, pytest.raises(InvalidInput):
        other.authority()
    assert not desk.tenant.calls("token")


def test_right_password(desk: Desk) -> None:
    """The right password is proven by one token request."""
    probe = desk.client.probe_password(ACCOUNT_SECRET)
    assert (probe.account, probe.verdict) == (ACCOUNT, ProbeVerdict.VALID)
    assert len(desk.tenant.calls("token")) == 1
    assert desk.user()["attempts"] == 1


def test_wrong_password(desk: Desk, new_password: NewPassword) -> None:
    """A wrong password is one attempt, and the next one within a minute is not made."""
    desk.store(new_password())
    assert desk.client.probe_password(ACCOUNT_SECRET).verdict is ProbeVerdict.INVALID
    with pytest.raises(BudgetSpent):
        desk.client.probe_password(ACCOUNT_SECRET)
    assert desk.user()["attempts"] == 1


@pytest.mark.parametrize("threshold", [4, 3])
def test_never_locks(desk: Desk, new_password: NewPassword, threshold: int) -> None:
    """However often a run tries, with other wrong passwords even, the account is not locked."""
    desk.tenant.do("set_lockout", threshold=threshold)
    allowed = 1 if threshold == 3 else 3
    with desk.again(probe_limit=allowed) as client:
        for _ in range(9):
            desk.store(new_password())
            try:
                client.probe_password(ACCOUNT_SECRET)
            except BudgetSpent:
                desk.clock.sleep(61)
    user = desk.user()
    assert user["attempts"] == allowed
    assert not user["locked"]


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (50053, ProbeVerdict.LOCKED),
        (50055, ProbeVerdict.VALID_EXPIRED),
        (50056, ProbeVerdict.TENANT_CONFIG),
        (50057, ProbeVerdict.DISABLED),
        (50076, ProbeVerdict.VALID_MFA_REQUIRED),
        (50079, ProbeVerdict.VALID_MFA_REQUIRED),
        (50158, ProbeVerdict.VALID_MFA_REQUIRED),
        (53003, ProbeVerdict.VALID_BLOCKED_BY_POLICY),
        (50097, ProbeVerdict.VALID_BLOCKED_BY_POLICY),
        (65001, ProbeVerdict.VALID_NEEDS_CONSENT),
        (50196, ProbeVerdict.UNKNOWN),
        (90033, ProbeVerdict.TRANSIENT),
    ],
)
def test_outcomes(desk: Desk, code: int, verdict: ProbeVerdict) -> None:
    """Every outcome of the right password has its verdict."""
    desk.tenant.do("set_outcome", upn=ACCOUNT, code=code)
    probe = desk.client.probe_password(ACCOUNT_SECRET)
    assert probe.verdict is verdict
    # A busy service answers 503, whose body is not looked at.
    assert probe.codes == (() if verdict is ProbeVerdict.TRANSIENT else (code,))
    assert probe.correlation_id


def test_states_of_an_account(desk: Desk) -> None:
    """Second factor, disabled account and forced change are told apart."""
    told = {}
    for name, arguments, undo in (
        ("set_mfa", {"on": True}, {"on": False}),
        ("set_enabled", {"on": False}, {"on": True}),
    ):
        desk.tenant.do(name, upn=ACCOUNT, **arguments)
        with desk.again() as client:
            told[name] = client.probe_password(ACCOUNT_SECRET).verdict
        desk.tenant.do(name, upn=ACCOUNT, **undo)
    assert told == {
        "set_mfa": ProbeVerdict.VALID_MFA_REQUIRED,
        "set_enabled": ProbeVerdict.DISABLED,
    }


def test_unknown_user(desk: Desk, new_password: NewPassword) -> None:
    """A user of no tenant is not a wrong password."""
    desk.store(new_password(), f"nobody@{DOMAIN}")
    assert desk.client.probe_password(ACCOUNT_SECRET).verdict is ProbeVerdict.USER_NOT_FOUND


def test_federated(desk: Desk) -> None:
    """A federated domain's password is not sent anywhere."""
    desk.tenant.do("federate", domain=DOMAIN)
    with pytest.raises(NotPermitted):
        desk.client.probe_password(ACCOUNT_SECRET)
    assert desk.tenant.calls("token") == []


def test_probe_app_with_secret(desk: Desk) -> None:
    """A probe app that does not allow public flows is misconfigured, which costs no verdict."""
    desk.tenant.do("set_public", client=PROBE, public=False)
    assert desk.client.probe_password(ACCOUNT_SECRET).verdict is ProbeVerdict.CLIENT_CONFIG


def test_new_password_arrives_late(desk: Desk, new_password: NewPassword) -> None:
    """While the directory catches up the new password is rejected; a minute later it is proven."""
    fresh = new_password()
    desk.tenant.do("set_lag", seconds=30)
    desk.tenant.do("set_password", upn=ACCOUNT, password=fresh)
    desk.store(fresh)
    assert desk.client.probe_password(ACCOUNT_SECRET).verdict is ProbeVerdict.INVALID
    desk.clock.sleep(60)
    assert desk.client.probe_password(ACCOUNT_SECRET).verdict is ProbeVerdict.VALID


@pytest.mark.parametrize("kind", ["unreachable", "answer_lost"])
def test_lost_answer(desk: Desk, kind: str) -> None:
    """A lost answer is Unreachable, and the password was sent at most once."""
    desk.tenant.arm("token", kind)
    with pytest.raises(Unreachable):
        desk.client.probe_password(ACCOUNT_SECRET)
    assert len(desk.tenant.calls("token")) == 1
    assert desk.user()["attempts"] <= 1


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [
        ({"kind": "status", "status": 429, "retry_after": 7}, ProbeVerdict.TRANSIENT),
        ({"kind": "status", "status": 503}, ProbeVerdict.TRANSIENT),
        ({"kind": "html", "status": 403}, ProbeVerdict.UNKNOWN),
    ],
)
def test_busy(desk: Desk, fault: dict[str, object], verdict: ProbeVerdict) -> None:
    """A busy or garbled answer is a verdict that claims nothing."""
    desk.tenant.arm("token", **fault)  # type: ignore[arg-type]
    probe = desk.client.probe_password(ACCOUNT_SECRET)
    assert probe.verdict is verdict
    assert probe.retry_after == fault.get("retry_after")


@pytest.mark.parametrize("route", ["userrealm", "discovery"])
def test_trouble_before(desk: Desk, route: str) -> None:
    """Trouble before the attempt sends no password."""
    desk.tenant.arm(route, "status", status=503)
    with pytest.raises(Unreachable):
        desk.client.probe_password(ACCOUNT_SECRET)
    assert desk.tenant.calls("token") == []


def test_expired_secret(desk: Desk) -> None:
    """An expired secret of our own application names where it was read."""
    desk.tenant.do("expire_secret", client=VALIDATOR)
    with pytest.raises(InvalidInput) as refused:
        desk.client.create_user(f"never@{DOMAIN}", "never")
    assert refused.value.identifiers["codes"] == "7000222"
    assert str(VALIDATOR_SECRET) in refused.value.what_to_do()


def test_wrong_secret(desk: Desk, new_password: NewPassword) -> None:
    """A wrong secret is refused, and the right one is taken as soon as Vault holds it."""
    right = desk.vault.documents[VALIDATOR_SECRET.path]["client_secret"].reveal()
    desk.vault.put(VALIDATOR_SECRET, client_secret=new_password())
    upn = f"late@{DOMAIN}"
    try:
        with pytest.raises(InvalidInput):
            desk.client.create_user(upn, "late")
    finally:
        desk.vault.put(VALIDATOR_SECRET, client_secret=right)
    assert desk.client.create_user(upn, "late").upn == upn


@pytest.mark.parametrize(
    "changes",
    [
        {"tenant_id": "99999999-aaaa-4aaa-8aaa-999999999999"},
        {"probe_client_id": "99999999-aaaa-4aaa-8aaa-999999999999"},
        {
            "verifier": AppIdentity(
                "99999999-aaaa-4aaa-8aaa-999999999999", VALIDATOR_SECRET, CredentialKind.SECRET
            )
        },
    ],
    ids=["tenant", "probe app", "verifier"],
)
def test_wrong_settings(desk: Desk, changes: dict[str, object]) -> None:
    """A tenant or an application that is not there is the configuration's mistake."""
    with desk.again(**changes) as client:
        if "probe_client_id" in changes:
            verdict = client.probe_password(ACCOUNT_SECRET).verdict
            assert verdict is ProbeVerdict.CLIENT_CONFIG
            return
        with pytest.raises(RotationError) as refused:
            client.account(ACCOUNT)
    assert type(refused.value) is InvalidInput


def test_other_certificate_authority(desk: Desk) -> None:
    """A server that our CA did not vouch for gets nothing."""
    with desk.again(ca_file=None) as client:
        with pytest.raises(Unreachable):
            client.probe_password(ACCOUNT_SECRET)
        with pytest.raises(Unreachable):
            client.account(ACCOUNT)
    assert desk.tenant.journal() == []
