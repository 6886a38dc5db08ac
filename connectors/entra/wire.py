"""The HTTP clients that MSAL is given, so that it sends what we mean, where we mean, as often as we mean.

MSAL asks for an object with ``get``, ``post`` and ``close``. Its own default client may repeat a token
request on a reset connection, has no timeout, and reads CA and proxy settings from the environment.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
import msal  # noqa: F401  its loggers exist once it is imported

from connectors.entra.errors import GarbledAnswer
from connectors.entra.settings import SYSTEM
from connectors.http import Effect, exchange
from connectors.loggers import silence

_log = logging.getLogger(__name__)

silence("msal")  # auth.py and probe.py, which import it, send through this module


class MsalHttp:
    """Send MSAL's requests through ``exchange``: 429, 5xx and lost answers arrive as our errors.

    An answer that is no JSON object is never shown to MSAL, which would log its whole body.
    """

    def __init__(self, client: httpx.Client, operation: str) -> None:
        self._client = client
        self._operation = operation

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str | None] | None = None,
        **_: object,
    ) -> httpx.Response:
        """Send one GET, such as tenant discovery."""
        request = self._client.build_request("GET", url, params=params, headers=_present(headers))
        return self._send(request)

    def post(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str | None] | None = None,
        **_: object,
    ) -> httpx.Response:
        """Send one POST with a form body."""
        # NOTE: MSAL hands the client assertion over as bytes, which httpx would send as "b'...'".
        form = {k: v.decode() if isinstance(v, bytes) else v for k, v in (data or {}).items()}
        request = self._client.build_request(
            "POST", url, params=params, data=form, headers=_present(headers)
        )
        return self._send(request)

    def close(self) -> None:
        """Leave the connection open: it belongs to whoever made it."""

    def _send(self, request: httpx.Request) -> httpx.Response:
        response = self._exchange(request)
        if json_object(response) is None:
            raise GarbledAnswer
        return response

    def _exchange(self, request: httpx.Request) -> httpx.Response:
        _log.debug("%s: %s: %s", SYSTEM, self._operation, request.method)
        return exchange(
            self._client, request, system=SYSTEM, operation=self._operation, effect=Effect.READ
        )


class ProbeHttp(MsalHttp):
    """Let one password leave, once, to one host.

    ``realm`` is the user-realm answer that was already checked: MSAL gets the same one again, so that
    it cannot decide on another and send the password to a federation server. ``federated`` lifts the
    fence to the two POSTs that signing in through a federation server takes.
    """

    def __init__(
        self, client: httpx.Client, operation: str, *, host: str, realm: object, federated: bool
    ) -> None:
        super().__init__(client, operation)
        self._host = host
        self._realm = realm
        self._federated = federated
        self._posts_left = 2 if federated else 1
        self.sent = False
        self.token_issued = False
        self.correlation_id: str | None = None

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str | None] | None = None,
        **more: object,
    ) -> httpx.Response:
        """Answer the user-realm question from memory; send every other GET."""
        if "/common/userrealm/" in urlsplit(url).path.lower():
            return httpx.Response(200, json=self._realm)
        return super().get(url, params=params, headers=headers, **more)

    def post(
        self,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str | None] | None = None,
        **more: object,
    ) -> httpx.Response:
        """Send the attempt; raise RuntimeError instead of sending it twice or somewhere else."""
        if self._posts_left == 0 or not (self._federated or urlsplit(url).netloc == self._host):
            raise RuntimeError("a password probe is sent once, to the authority only")
        self._posts_left -= 1
        self.correlation_id = (headers or {}).get("client-request-id")
        self.sent = True
        return super().post(url, params=params, data=data, headers=headers, **more)

    def _send(self, request: httpx.Request) -> httpx.Response:
        if urlsplit(str(request.url)).netloc != self._host:
            return self._exchange(request)  # a federation server, which speaks XML
        response = super()._send(request)
        if request.method == "POST":
            self._note(response)
        return response

    def _note(self, response: httpx.Response) -> None:
        body = json_object(response) or {}
        self.token_issued = response.status_code == httpx.codes.OK and "access_token" in body


def json_object(response: httpx.Response) -> dict[str, object] | None:
    """Return the body when it is a JSON object, else None."""
    try:
        body = json.loads(response.content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _present(headers: Mapping[str, str | None] | None) -> dict[str, str]:
    return {name: value for name, value in (headers or {}).items() if value is not None}
