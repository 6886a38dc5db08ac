"""Who may use the bridge: one client, by OAuth2 client credentials."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from sandbox.standin.http import Request, Response

NEEDED_ROLE = "Global Administrators"


@dataclass
class Client:
    """The one client that may sign in, and the product role that it has."""

    client_id: str
    client_secret: str = field(repr=False)
    product_role: str = NEEDED_ROLE


class SignIn:
    """Tokens, kept in memory only: a console that restarts has forgotten them. Times are seconds."""

    def __init__(self, client: Client, lifetime: float, now: Callable[[], float]) -> None:
        self.client = client
        self._lifetime, self._now = lifetime, now
        self._tokens: dict[str, float] = {}

    def expire_tokens(self) -> None:
        """Forget every token that was given out."""
        self._tokens.clear()

    def token(self, request: Request) -> Response:
        """Sign the client in (RFC 6749, section 4.4)."""
        if request.form().get("grant_type") != "client_credentials":
            return Response(400, {"error": "unsupported_grant_type"})
        client_id, client_secret = _basic(request.headers.get("authorization", ""))
        known = hmac.compare_digest(client_id.encode(), self.client.client_id.encode())
        if not known or not hmac.compare_digest(
            client_secret.encode(), self.client.client_secret.encode()
        ):
            return Response(401, {"error": "invalid_client"}, headers={"WWW-Authenticate": "Basic"})
        token = secrets.token_urlsafe(32)
        self._tokens[token] = self._now() + self._lifetime
        lifetime = int(self._lifetime)
        return Response(
            payload={"access_token": token, "token_type": "Bearer", "expires_in": lifetime},
            headers={"Cache-Control": "no-store"},
        )

    def accepts(self, request: Request) -> bool:
        """Say whether the request carries a token that is still good."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and self._tokens.get(token, 0.0) > self._now()


def _basic(header: str) -> tuple[str, str]:
    """Return client id and secret of a Basic header, or two empty texts (RFC 6749, section 2.3.1)."""
    kind, _, encoded = header.partition(" ")
    try:
        pair = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    name, colon, value = pair.partition(":")
    return (
        (unquote_plus(name), unquote_plus(value)) if kind.lower() == "basic" and colon else ("", "")
    )
