"""Signing in with unmodified MSAL: applications, people, lockout and every way to be refused."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable

import httpx
import jwt
import msal
import pytest

from tests.sandbox.entra.conftest import (
    ACCOUNT,
    DOMAIN,
    PLAIN,
    PROBE,
    READER,
    SETTER,
    SETUP,
    Desk,
    make_certificate,
)


def claims_of(answer: dict[str, str]) -> dict[str, object]:
    """Read a token without checking it."""
    claims: dict[str, object] = jwt.decode(
        answer["access_token"], options={"verify_signature": False}
    )
    return claims


def test_secret_and_certificate(desk: Desk) -> None:
    """An application gets a token with its secret or its certificate, with the roles that it holds."""
    assert {"User.ReadWrite.All", "User-PasswordProfile.ReadWrite.All"} == set(
        claims_of(desk.application(SETTER))["roles"]
    )
    claims = claims_of(desk.application(READER))
    assert "Directory.Read.All" in claims["roles"]
    assert claims["appid"] == READER


def test_token_is_signed_with_the_published_key(desk: Desk) -> None:
    """The access token verifies against the key set that discovery points to."""
    where = f"{desk.authority}/v2.0/.well-known/openid-configuration"
    discovery = desk.http().get(where).json()
    keys = jwt.PyJWKSet.from_dict(desk.http().get(discovery["jwks_uri"]).json())
    token = desk.application(SETTER)["access_token"]
    key = keys[jwt.get_unverified_header(token)["kid"]]
    jwt.decode(token, key, algorithms=["RS256"], audience="https://graph.microsoft.com")


@pytest.mark.parametrize(
    ("client", "code"), [(SETTER, 7000215), (READER, 700027)], ids=["secret", "certificate"]
)
def test_wrong_client_credential(desk: Desk, client: str, code: int) -> None:
    """A wrong secret and an unregistered certificate are client errors with their own numbers."""
    credential = secrets.token_urlsafe(8) if client == SETTER else make_certificate()
    answer = desk.application(client, credential)
    assert [code] == answer["error_codes"]
    assert answer["error"] == "invalid_client"


def test_expired_secret(desk: Desk) -> None:
    """An expired secret has another number than a wrong one."""
    desk.stand_in.do("expire_secret", client=SETTER)
    assert desk.application(SETTER)["error_codes"] == [7000222]


def test_password(desk: Desk) -> None:
    """A person signs in through MSAL and gets the scopes granted, no refresh token."""
    answer = desk.sign_in(ACCOUNT)
    assert claims_of(answer)["scp"] == "User.Read"
    assert answer["id_token_claims"]["preferred_username"] == ACCOUNT
    assert "refresh_token" not in answer
    assert desk.state_of(ACCOUNT)["attempts"] == 1


def test_wrong_password(desk: Desk) -> None:
    """A wrong password is 50126 in the envelope of the real one, and counts once."""
    answer = desk.sign_in(ACCOUNT, secrets.token_urlsafe(12))
    assert answer["error_codes"] == [50126]
    assert answer["error"] == "invalid_grant"
    assert {"trace_id", "correlation_id", "timestamp", "error_description"} <= set(answer)
    assert tuple(desk.state_of(ACCOUNT)[it] for it in ("attempts", "failures")) == (1, 1)


def test_unknown_user_and_clients(desk: Desk) -> None:
    """Unknown users, unknown clients and clients of the wrong kind have their own numbers."""
    assert desk.codes(f"nobody@{DOMAIN}", "x") == [50034]
    assert desk.codes(ACCOUNT, client="11111111-2222-3333-4444-555555555555") == [700016]
    assert desk.codes(ACCOUNT, client=SETTER) == [7000218]
    desk.stand_in.do("disable_app", client=PROBE)
    assert desk.codes(ACCOUNT) == [7000112]


@pytest.mark.parametrize(
    ("code", "suberror"),
    [
        (50034, None), (50053, None), (50055, "user_password_expired"), (50056, None), (50057, None),
        (50076, "basic_action"), (50079, "basic_action"), (50158, "basic_action"),
        (53003, "message_only"), (50097, "basic_action"), (65001, "consent_required"), (50196, "bad_token"),
    ],
)  # fmt: skip
def test_outcomes(desk: Desk, code: int, suberror: str | None) -> None:
    """Every outcome that a test sets comes back from MSAL with its number and suberror."""
    desk.stand_in.do("set_outcome", upn=ACCOUNT, code=code, times=1)
    answer = desk.sign_in(ACCOUNT)
    assert ([code], suberror) == (answer["error_codes"], answer.get("suberror"))
    assert desk.codes(ACCOUNT) == []


def test_policy_outcomes_need_the_password(desk: Desk) -> None:
    """A demanded second factor shows only to who knows the password."""
    desk.stand_in.do("set_mfa", upn=ACCOUNT)
    assert desk.codes(ACCOUNT, secrets.token_urlsafe(12)) == [50126]
    assert desk.codes(ACCOUNT) == [50076]


def test_disabled_and_expired(desk: Desk) -> None:
    """Disabled accounts and passwords that must change are refused."""
    desk.stand_in.do("set_enabled", upn=ACCOUNT, on=False)
    assert desk.codes(ACCOUNT) == [50057]
    desk.stand_in.do("set_password", upn=PLAIN, password=desk.passwords[PLAIN], must_change=True)
    assert desk.codes(PLAIN) == [50055]


def test_scope_without_grant(desk: Desk) -> None:
    """A scope that nobody granted to the client is 65001, one that does not exist is 70011."""
    assert desk.codes(ACCOUNT, scopes=("Directory.Read.All",)) == [65001]
    assert desk.codes(ACCOUNT, scopes=("No.Such.Scope",)) == [70011]


def test_permissions_are_fixed_at_issue(desk: Desk) -> None:
    """A token keeps the permissions of the moment it was issued; a new one has the new ones."""
    before = desk.application(READER)
    desk.stand_in.do(
        "grant", client="verifier", kind="application", values=["Organization.Read.All"]
    )
    assert "Organization.Read.All" not in claims_of(before)["roles"]
    assert "Organization.Read.All" in claims_of(desk.application(READER))["roles"]


def test_lockout(desk: Desk) -> None:
    """Ten different wrong passwords lock the account, the right one too, and again sooner and longer."""
    for _ in range(10):
        assert desk.codes(PLAIN, secrets.token_urlsafe(12)) == [50126]
    assert desk.codes(PLAIN) == [50053]
    desk.stand_in.advance(61)
    assert desk.codes(PLAIN, secrets.token_urlsafe(12)) == [50126]
    desk.stand_in.advance(61)
    assert desk.codes(PLAIN) == [50053]
    desk.stand_in.advance(61)
    assert desk.codes(PLAIN) == []
    assert desk.state_of(PLAIN)["failures"] == 0


def test_same_wrong_password_counts_once(desk: Desk) -> None:
    """The last three wrong passwords are remembered and do not count again."""
    wrong = [secrets.token_urlsafe(12) for _ in range(4)]
    for password in (wrong[0], wrong[0], wrong[1], wrong[0], wrong[2]):
        desk.codes(PLAIN, password)
    assert desk.state_of(PLAIN)["failures"] == 3
    desk.codes(PLAIN, wrong[3])
    desk.codes(PLAIN, wrong[0])
    assert tuple(desk.state_of(PLAIN)[it] for it in ("failures", "wrong")) == (5, 7)


def test_pass_through_counts_each(desk: Desk) -> None:
    """With pass-through authentication the same wrong password counts every time; three lock here."""
    desk.stand_in.do("set_lockout", threshold=3, pass_through=True)
    wrong = secrets.token_urlsafe(12)
    assert [desk.codes(PLAIN, wrong) for _ in range(3)] == [[50126]] * 3
    assert desk.codes(PLAIN) == [50053]


def test_password_replication(desk: Desk, new_password: Callable[[], str]) -> None:
    """A new password is refused and the old one accepted until the lag has passed."""
    desk.stand_in.do("set_lag", seconds=30)
    fresh = new_password()
    desk.stand_in.do("set_password", upn=PLAIN, password=fresh)
    assert (desk.codes(PLAIN, fresh), desk.codes(PLAIN)) == ([50126], [])
    desk.stand_in.advance(31)
    assert (desk.codes(PLAIN, fresh), desk.codes(PLAIN)) == ([], [50126])


def test_user_realm(desk: Desk) -> None:
    """User realm discovery tells managed, federated and unknown domains apart."""

    def realm(upn: str) -> str:
        return str(
            desk.http()
            .get(f"{desk.stand_in.url}/common/userrealm/{upn}?api-version=1.0")
            .json()["account_type"]
        )

    assert [realm(ACCOUNT), realm("x@elsewhere.test")] == ["Managed", "Unknown"]
    desk.stand_in.do("federate", domain=DOMAIN)
    assert realm(ACCOUNT) == "Federated"


def test_other_tenant(desk: Desk) -> None:
    """MSAL cannot even be built for a tenant that is not here."""
    with pytest.raises(ValueError, match="authority configuration"):
        msal.PublicClientApplication(
            PROBE,
            authority=f"{desk.stand_in.url}/another.example.test",
            instance_discovery=False,
            http_client=desk.http(),
        )


def test_faults_reach_msal(desk: Desk) -> None:
    """A 503 raises, an HTML page is not JSON, and a lost answer has counted as an attempt."""
    desk.stand_in.arm("token", "status", status=503)
    with pytest.raises(msal.exceptions.MsalServiceError):
        desk.sign_in(ACCOUNT)
    desk.stand_in.arm("token", "html", status=400)
    with pytest.raises(json.JSONDecodeError):
        desk.sign_in(ACCOUNT)
    assert desk.state_of(ACCOUNT)["attempts"] == 0
    desk.stand_in.arm("token", "answer_lost")
    with pytest.raises(httpx.HTTPError):
        desk.sign_in(ACCOUNT)
    assert desk.state_of(ACCOUNT)["attempts"] == 1


def test_journal_holds_no_secret(desk: Desk) -> None:
    """Journal and state name client and account, and hold no password, secret or token."""
    answers = [desk.sign_in(ACCOUNT), desk.application(SETTER), desk.application(READER)]
    wrong = secrets.token_urlsafe(12)
    desk.sign_in(PLAIN, wrong)
    assert desk.consent().status_code == 200
    seen = json.dumps([desk.stand_in.journal(), desk.stand_in.state()])
    values = [wrong, *desk.passwords.values(), *desk.secrets.values()]
    assert [it for it in values if it in seen] == []
    assert [it for it in answers if it["access_token"] in seen] == []
    last = desk.stand_in.calls("token")[0]
    assert (
        last["detail"]["client"],
        last["detail"]["upn"],
        last["outcome"],
    ) == (PROBE, ACCOUNT, "200")


def test_exchange_is_a_resource_of_its_own(desk: Desk) -> None:
    """A Graph token needs Graph grants; another resource has its own scopes and audience."""
    resource = "Exchange Online"
    desk.stand_in.do(
        "grant", client=SETUP, kind="delegated", values=["Exchange.Manage"], resource=resource
    )
    scopes = ("https://outlook.office365.com/Exchange.Manage",)
    claims = claims_of(desk.sign_in(ACCOUNT, client=SETUP, scopes=scopes))
    assert (claims["scp"], claims["aud"]) == ("Exchange.Manage", "https://outlook.office365.com")
