"""Signing our own applications in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import cache

import httpx
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from connectors.entra.client import EntraClient
from connectors.entra.settings import AppIdentity, CredentialKind
from connectors.errors import (
    InvalidInput,
    NotFound,
    SignInReason,
    SignInRefused,
    Unreachable,
)
from tests.unit.entra.support import (
    AUTHORITY,
    DISCOVERY,
    GRAPH,
    TENANT,
    TOKEN,
    UPN,
    VERIFIER,
    VERIFIER_SECRET,
    FakeVault,
    Wire,
    answer,
    broken,
    form,
    settings,
)

ACCOUNT = f"/v1.0/users/{UPN}"
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _pem(key: Key) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _certificate(key: Key, days: int = 30) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "verifier")])
    now = dt.datetime.now(dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=60))
        .not_valid_after(now + dt.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(Encoding.PEM).decode()


def certificate_pair(key: Key | None = None) -> dict[str, str]:
    """Return a key and a certificate as they are in Vault."""
    key = key or _key()
    return {"private_key": _pem(key), "certificate": _certificate(key)}


@pytest.fixture
def with_certificate(wire: Wire, vault: FakeVault) -> EntraClient:
    """Return a client whose verifier uses a certificate."""
    identity = AppIdentity(VERIFIER, VERIFIER_SECRET, CredentialKind.CERTIFICATE)
    vault.put(VERIFIER_SECRET, **certificate_pair())
    return EntraClient(settings(verifier=identity), vault, transport=wire.transport())


def test_secret(entra: EntraClient, wire: Wire, vault: FakeVault) -> None:
    """A client secret is read from Vault and sent for Graph's default scope."""
    entra.check()
    (sent,) = wire.asked("POST", TOKEN)
    fields = form(sent)
    stored = vault.documents[VERIFIER_SECRET.path]["client_secret"].reveal()
    assert fields.pop("client_secret") == stored
    assert fields == {
        "client_id": VERIFIER,
        "grant_type": "client_credentials",
        "client_info": "1",
        "scope": "https://graph.microsoft.com/.default",
    }


def test_certificate(with_certificate: EntraClient, wire: Wire) -> None:
    """A certificate signs a PS256 assertion that names the certificate by SHA-256."""
    with_certificate.check()
    (sent,) = wire.asked("POST", TOKEN)
    assertion = form(sent)["client_assertion"]
    header = jwt.get_unverified_header(assertion)
    assert header["alg"] == "PS256"
    assert "x5t#S256" in header
    assert "x5t" not in header
    audience = f"{AUTHORITY}/{TENANT}/oauth2/v2.0/token"
    claims = jwt.decode(assertion, _key().public_key(), algorithms=["PS256"], audience=audience)
    assert claims["iss"] == claims["sub"] == VERIFIER
    with_certificate.close()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        (lambda: {"private_key": _pem(_key())}, "certificate"),
        (lambda: {"private_key": "no", "certificate": "no"}, "private_key, certificate"),
        (
            lambda: {
                "private_key": _pem(_key()),
                "certificate": _certificate(rsa.generate_private_key(65537, 2048)),
            },
            "certificate",
        ),
        (
            lambda: {"private_key": _pem(_key()), "certificate": _certificate(_key(), days=-1)},
            "certificate",
        ),
        (lambda: certificate_pair(ec.generate_private_key(ec.SECP256R1())), "private_key"),
    ],
    ids=["missing", "no PEM", "of another key", "expired", "not RSA"],
)
def test_unusable_certificate(
    with_certificate: EntraClient,
    wire: Wire,
    vault: FakeVault,
    fields: Callable[[], dict[str, str]],
    field: str,
) -> None:
    """A certificate that cannot work is refused by field before anything is sent."""
    vault.put(VERIFIER_SECRET, **fields())
    with pytest.raises(InvalidInput) as refused:
        with_certificate.check()
    assert refused.value.identifiers["field"] == field
    assert wire.requests == []
    with_certificate.close()


def test_missing_credential(entra: EntraClient, vault: FakeVault) -> None:
    """Vault's own error comes through as it is."""
    del vault.documents[VERIFIER_SECRET.path]
    with pytest.raises(NotFound) as missing:
        entra.check()
    assert missing.value.system == "vault"


def test_token_is_kept(entra: EntraClient, wire: Wire, vault: FakeVault) -> None:
    """Two reads need one sign-in and one look into Vault."""
    wire.on("GET", ACCOUNT, answer(body="read_account"))
    entra.account(UPN)
    entra.account(UPN)
    assert len(wire.asked("POST", TOKEN)) == 1
    assert vault.reads == [VERIFIER_SECRET.path]


def test_renewal_signs_in_again(entra: EntraClient, wire: Wire) -> None:
    """New tokens are really new, so that roles granted meanwhile are in them."""
    entra.check()
    entra.renew_tokens()
    assert [form(request)["client_id"] for request in wire.asked("POST", TOKEN)][1] == VERIFIER
    assert len(wire.asked("POST", TOKEN)) == 4


def test_renewed_secret_is_picked_up(
    entra: EntraClient, wire: Wire, vault: FakeVault, new_password: Callable[[], str]
) -> None:
    """After a refusal the secret is read from Vault again."""
    good = {"access_token": "t", "token_type": "Bearer", "expires_in": 3600}
    wire.on("POST", TOKEN, answer(401, "token-secret-expired"), answer(body=good))
    with pytest.raises(InvalidInput) as refused:
        entra.account(UPN)
    assert str(VERIFIER_SECRET) in refused.value.what_to_do()
    assert refused.value.identifiers["codes"] == "7000222"
    fresh = new_password()
    vault.put(VERIFIER_SECRET, client_secret=fresh)
    wire.on("GET", ACCOUNT, answer(body="read_account"))
    entra.account(UPN)
    assert form(wire.asked("POST", TOKEN)[-1])["client_secret"] == fresh


def test_secret_that_expires_during_a_run(
    entra: EntraClient, wire: Wire, vault: FakeVault, new_password: Callable[[], str]
) -> None:
    """A secret that worked before is read again too, once it is refused."""
    short = {"access_token": "t", "token_type": "Bearer", "expires_in": 60}
    wire.on(
        "POST", TOKEN, answer(body=short), answer(401, "token-secret-expired"), answer(body=short)
    )
    wire.on("GET", ACCOUNT, answer(body="read_account"))
    entra.account(UPN)
    with pytest.raises(InvalidInput):
        entra.account(UPN)
    fresh = new_password()
    vault.put(VERIFIER_SECRET, client_secret=fresh)
    entra.account(UPN)
    assert form(wire.asked("POST", TOKEN)[-1])["client_secret"] == fresh


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, {"error": "invalid_client"}, InvalidInput),
        (400, {"error": "invalid_grant", "error_codes": [90033]}, Unreachable),
        (400, {"error": "invalid_grant", "error_codes": [424242]}, SignInRefused),
        (400, b"<html>canary</html>", Unreachable),
        (503, b"canary", Unreachable),
        (200, {"access_token": 7}, SignInRefused),
    ],
)
def test_refused(
    entra: EntraClient, wire: Wire, status: int, body: object, kind: type[Exception]
) -> None:
    """Each refusal has its kind, and none of the answer's text."""
    wire.on("POST", TOKEN, answer(status, body))
    with pytest.raises(kind) as refused:
        entra.check()
    assert type(refused.value) is kind
    assert "canary" not in repr(vars(refused.value))
    assert refused.value.__context__ is None


def test_policy_blocks_the_application(entra: EntraClient, wire: Wire) -> None:
    """Conditional Access for applications is named as such."""
    wire.on("POST", TOKEN, answer(400, {"error": "invalid_grant", "error_codes": [53003]}))
    with pytest.raises(SignInRefused) as refused:
        entra.check()
    assert refused.value.reason is SignInReason.BLOCKED_BY_POLICY


def test_throttled(entra: EntraClient, wire: Wire) -> None:
    """The wait that the sign-in service asks for reaches the retry."""
    wire.on("POST", TOKEN, answer(429, {}, Retry_After="9"))
    with pytest.raises(Unreachable) as busy:
        entra.check()
    assert busy.value.retry_after == 9
    token = {"access_token": "t", "token_type": "Bearer", "expires_in": 3600}
    wire.on("POST", TOKEN, answer(body=token))
    entra.check()


@pytest.mark.parametrize(
    "reply",
    [
        broken(httpx.ConnectError),
        broken(httpx.ReadTimeout),
        answer(503, b""),
        answer(200, b"<html/>"),
        answer(200, {"issuer": "x"}),
    ],
)
def test_discovery_trouble(entra: EntraClient, wire: Wire, reply: httpx.Response) -> None:
    """Trouble with discovery may pass, so it is Unreachable."""
    wire.on("GET", DISCOVERY, reply)  # type: ignore[arg-type]
    with pytest.raises(Unreachable):
        entra.check()


def test_one_refresh_after_401(entra: EntraClient, wire: Wire) -> None:
    """A token that Graph refuses is renewed once, and the call repeated with the new one."""
    tokens = [{"access_token": name, "token_type": "Bearer", "expires_in": 3600} for name in "ab"]
    wire.on("POST", TOKEN, *(answer(body=token) for token in tokens))
    wire.on("GET", ACCOUNT, answer(401, "error-token"), answer(body="read_account"))
    entra.account(UPN)
    sent = [request.headers["Authorization"] for request in wire.asked("GET", ACCOUNT)]
    assert sent == ["Bearer a", "Bearer b"]
    assert str(wire.requests[-1].url).startswith(GRAPH)
