"""Signed-in HTTP to one console bridge: the token, one renewed sign-in, and every refusal as a typed error."""

from __future__ import annotations

import base64
import logging
import threading
import time
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote_plus

import httpx
from pydantic import BaseModel

from connectors.cayosoft import wire
from connectors.cayosoft.calls import Call
from connectors.cayosoft.problems import SYSTEM, not_the_contract, refusal
from connectors.cayosoft.settings import BridgeSettings
from connectors.errors import InvalidInput, SignInReason, SignInRefused
from connectors.http import Effect, build_client, exchange
from connectors.protocols import SecretSource
from connectors.secret import Secret
from connectors.tls import tls_context

log = logging.getLogger(__name__)
T = TypeVar("T", bound=BaseModel)

_RENEW_BEFORE = 30.0  # seconds before its end at which a token counts as used up
_TOKEN_ERRORS = frozenset(  # RFC 6749, section 5.2
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    }
)


@dataclass(frozen=True, slots=True)
class _Token:
    value: Secret
    ends: float  # on the monotonic clock


class BridgeSession:
    """Sends requests as the bridge's client. Thread-safe; one per service."""

    def __init__(
        self,
        settings: BridgeSettings,
        secrets: SecretSource,
        *,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._settings = settings
        self._secrets = secrets
        self._token: _Token | None = None
        self._lock = threading.Lock()
        self._client = build_client(
            settings.url,
            tls_context(settings.ca_file, SYSTEM),
            timeout=httpx.Timeout(
                settings.answer_timeout,
                connect=settings.connect_timeout,
                pool=settings.connect_timeout,
            ),
            transport=transport,
        )

    def close(self) -> None:
        """Close the connections and forget the token."""
        self._token = None
        self._client.close()

    def read(self, kind: type[T], call: Call) -> T:
        """Send one request and return its answer as ``kind``.

        Raises Unreachable or Unknown as ``connectors.http.exchange`` does, and the errors of
        ``connectors.cayosoft.problems``; an answer of another form is Unknown after a change, else InvalidInput.
        """
        answer = wire.read(kind, self._send(call))
        if answer is None:
            raise not_the_contract(call.operation, call.effect, call.about)
        return answer

    def done(self, call: Call) -> None:
        """Send one request whose answer is an empty 204; raises as ``read`` does."""
        if self._send(call).status_code != httpx.codes.NO_CONTENT:
            raise not_the_contract(call.operation, call.effect, call.about)

    def _send(self, call: Call) -> httpx.Response:
        """Return the 2xx answer, signing in where that is due.

        A 401 means that nothing was done, so the one second attempt is safe for changes too.
        """
        response = self._attempt(call, self._signed_in())
        if response.status_code == httpx.codes.UNAUTHORIZED:
            response = self._attempt(call, self._signed_in(renew=True))
        if response.is_success:
            return response
        raise refusal(response, call.operation, call.effect, call.about)

    def _attempt(self, call: Call, token: Secret) -> httpx.Response:
        request = self._client.build_request(
            call.method, f"/bridge/v1/{call.path}", json=call.body, headers=call.headers
        )
        request.headers["Authorization"] = f"Bearer {token.reveal()}"
        log.debug("cayosoft: %s: %s %s", call.operation, call.method, request.url.path)
        return exchange(
            self._client,
            request,
            system=SYSTEM,
            operation=call.operation,
            effect=call.effect,
            **call.about,
        )

    def _signed_in(self, *, renew: bool = False) -> Secret:
        """Return a token: the cached one, or a new one when it is used up or was not accepted."""
        with self._lock:
            if self._token is None or renew or self._token.ends <= time.monotonic():
                self._token = None
                self._token = self._fetch_token()
            return self._token.value

    def _fetch_token(self) -> _Token:
        request = self._client.build_request(
            "POST",
            self._settings.token_address,
            data={"grant_type": "client_credentials"},
            headers={"Authorization": self._basic()},
        )
        log.debug("cayosoft: sign in: POST %s", request.url.path)
        asked = time.monotonic()
        response = exchange(
            self._client,
            request,
            system=SYSTEM,
            operation="sign in",
            effect=Effect.REPEATABLE,
            secret=self._settings.client,
        )
        if response.status_code in (httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED):
            raise self._not_signed_in(response)
        if not response.is_success:
            raise refusal(response, "sign in", Effect.REPEATABLE, {})
        answer = wire.read(wire.TokenWire, response)
        if answer is None:
            raise not_the_contract("sign in", Effect.REPEATABLE, {})
        return _Token(Secret(answer.access_token), asked + answer.expires_in - _RENEW_BEFORE)

    def _basic(self) -> str:
        """Return the Basic header; id and secret are form-encoded first (RFC 6749, section 2.3.1)."""
        document = self._secrets.document(self._settings.client)
        for name in ("client_id", "client_secret"):
            if not document.get(name):
                raise InvalidInput(
                    SYSTEM,
                    "sign in",
                    secret=self._settings.client,
                    field=name,
                    advice=f"Write {name} of the bridge's client to {self._settings.client} in Vault.",
                )
        pair = ":".join(quote_plus(document[n].reveal()) for n in ("client_id", "client_secret"))
        return f"Basic {base64.b64encode(pair.encode()).decode()}"

    def _not_signed_in(self, response: httpx.Response) -> SignInRefused:
        answer = wire.read(wire.TokenRefusalWire, response)
        code = answer.error if answer and answer.error in _TOKEN_ERRORS else None
        return SignInRefused(
            SYSTEM,
            "sign in",
            reason=SignInReason.OTHER,
            secret=self._settings.client,
            error=code,
            advice=(
                f"The bridge does not know this client: compare client_id and client_secret in "
                f"{self._settings.client} with the bridge's own configuration."
            ),
        )
