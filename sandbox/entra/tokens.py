"""Tokens: signed by this stand-in, with the permissions that were granted when they were issued."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa

from sandbox.entra.errors import GraphRefused, SignInRefused
from sandbox.entra.records import Record
from sandbox.entra.tenant import Tenant, new_id

_SKEW = 300


class Issuer:
    """Makes and reads the tenant's tokens."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._kid = new_id()

    def jwks(self) -> dict[str, Any]:
        """Return the public key as a key set."""
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        key |= {"kid": self._kid, "use": "sig", "alg": "RS256"}
        return {"keys": [key]}

    def _signed(self, claims: dict[str, Any]) -> str:
        now = int(self._tenant.control.now())
        times = {"iat": now, "nbf": now, "exp": now + self._tenant.token_lifetime}
        return jwt.encode(
            {**times, "tid": self._tenant.id, **claims},
            self._key,
            algorithm="RS256",
            headers={"kid": self._kid},
        )

    def access_token(
        self, audience: str, client: Record, user: Record | None, permissions: list[str]
    ) -> str:
        """Return an access token: ``roles`` without a user, ``scp`` with one."""
        claims: dict[str, Any] = {
            "aud": audience,
            "iss": f"https://sts.windows.net/{self._tenant.id}/",
            "appid": client["appId"],
            "app_displayname": client["displayName"],
            "oid": user["id"] if user else client["id"],
            "sub": user["id"] if user else client["id"],
            "uti": new_id(),
            "ver": "1.0",
        }
        if user is None:
            claims |= {"idtyp": "app"} | ({"roles": permissions} if permissions else {})
        else:
            claims |= {
                "idtyp": "user",
                "upn": user["userPrincipalName"],
                "scp": " ".join(permissions),
            }
        return self._signed(claims)

    def id_token(self, client_id: str, user: Record) -> str:
        """Return the id token of a signed-in user."""
        return self._signed(
            {
                "aud": client_id,
                "iss": f"{self._tenant.url}/{self._tenant.id}/v2.0",
                "sub": user["id"],
                "oid": user["id"],
                "preferred_username": user["userPrincipalName"],
                "name": user["displayName"],
                "ver": "2.0",
            }
        )

    def read(self, token: str, audiences: tuple[str, ...]) -> dict[str, Any]:
        """Return the claims of a token that may be used now; raise Graph's 401 otherwise."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key.public_key(),
                algorithms=["RS256"],
                audience=audiences,
                options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
        except jwt.InvalidAudienceError:
            message = "Access token validation failure. Invalid audience."
        except jwt.PyJWTError:
            message = "Access token validation failure."
        else:
            if claims["exp"] > self._tenant.control.now():
                return claims
            message = "Lifetime validation failed, the token is expired."
        raise GraphRefused(401, "InvalidAuthenticationToken", message)


def client_info(tenant: Tenant, user: Record) -> str:
    """Return what MSAL names an account by."""
    text = json.dumps({"uid": user["id"], "utid": tenant.id})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def check_assertion(
    assertion: str, client_id: str, certificates: list[x509.Certificate], audiences: tuple[str, ...]
) -> None:
    """Raise SignInRefused unless the assertion is signed with a registered certificate, for us, now.

    The times are compared with the machine's clock, which the client shares, not with ours.
    """
    try:
        header = jwt.get_unverified_header(assertion)
    except jwt.PyJWTError:
        raise SignInRefused(700027) from None
    certificate = _registered(header, certificates)
    key = certificate.public_key() if certificate else None
    if not isinstance(key, rsa.RSAPublicKey):
        raise SignInRefused(700027)
    options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}
    try:
        claims = jwt.decode(assertion, key, algorithms=["PS256", "RS256"], options=options)  # type: ignore[arg-type]
    except jwt.PyJWTError:
        raise SignInRefused(700027) from None
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise SignInRefused(700021)
    if claims.get("aud") not in audiences:
        raise SignInRefused(700023)
    now, skew = time.time(), _SKEW
    if not claims.get("nbf", now) - skew <= now <= claims.get("exp", 0) + skew:
        raise SignInRefused(700024)


def _registered(
    header: dict[str, Any], certificates: list[x509.Certificate]
) -> x509.Certificate | None:
    for certificate in certificates:
        for name, algorithm in (("x5t#S256", hashes.SHA256()), ("x5t", hashes.SHA1())):
            print_of_it = base64.urlsafe_b64encode(certificate.fingerprint(algorithm))
            if header.get(name, "").rstrip("=") == print_of_it.decode().rstrip("="):
                return certificate
    return None
