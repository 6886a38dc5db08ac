"""The transport below hvac: status codes kept, redirects refused, nothing taken from the environment."""

from __future__ import annotations

import json
import ssl
from typing import Any
from urllib.parse import urlsplit

import hvac
import requests
from hvac.adapters import RawAdapter
from hvac.exceptions import VaultError
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3.util import Retry

from connectors.loggers import quieten
from connectors.vault.settings import VaultSettings

quieten("hvac", "requests", "urllib3")

# A read whose connection broke is sent once more at once. Nothing else is: POST is never repeated, and
# neither 429 nor 503 is waited for here, because the step that asked decides about waiting.
_RETRY = Retry(
    total=1,
    connect=0,
    read=1,
    redirect=0,
    status=0,
    other=0,
    allowed_methods={"GET"},
    respect_retry_after_header=False,
)


class Answered(VaultError):  # type: ignore[misc]
    """An answer that is not 200 with a JSON object, and not 204; ``str`` shows the status only."""

    def __init__(self, response: requests.Response, body: dict[str, Any] | None) -> None:
        self.status: int = response.status_code
        self.body = body
        self.retry_after: str | None = response.headers.get("Retry-After")
        self.elsewhere = _host(response.headers.get("Location"))
        super().__init__(f"status {self.status}")

    def __str__(self) -> str:
        return f"status {self.status}"


class RotationAdapter(RawAdapter):  # type: ignore[misc]
    """Return the JSON object of a 200 answer, an empty one for 204, and raise Answered for the rest.

    hvac's own adapter returns a redirect as if it were an answer, drops the status of an error, and
    reads an error body only when its content type has no charset.
    """

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Send one request; raises Answered and whatever requests raises."""
        response = super().request(method, url, *args, raise_exception=False, **kwargs)
        body = _json_object(response)
        if response.status_code == 204:
            return {}
        if response.status_code == 200 and body is not None:
            return body
        raise Answered(response, body)

    def get_login_token(self, response: dict[str, Any]) -> str:
        """Return no token: the token keeper takes it from the answer itself."""
        del response
        return ""


class VerifyingTransport(HTTPAdapter):
    """Verify the server against one TLS context, whatever ``verify`` says on session or request."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__(max_retries=_RETRY)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Hand the context to every connection."""
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Add no further certificates: the context is all there is to trust."""


def build(settings: VaultSettings, transport: BaseAdapter, namespace: str | None) -> hvac.Client:
    """Return an hvac client of its own session, without a token; close its adapter after use."""
    session = requests.Session()
    session.trust_env = False  # no proxies, no .netrc, no CA bundle from the environment
    session.mount("https://", transport)
    session.mount("http://", transport)

    def our_adapter(**_: Any) -> RotationAdapter:
        # hvac fills some of the arguments from the environment, so none of them is used.
        return RotationAdapter(
            base_uri=settings.addr,
            token="",
            session=session,
            timeout=(settings.connect_timeout, settings.read_timeout),
            allow_redirects=False,
            namespace=namespace,
        )

    # NOTE: token="" and not None, which would fall back to VAULT_TOKEN and ~/.vault-token.
    return hvac.Client(url=settings.addr, token="", adapter=our_adapter)


def _json_object(response: requests.Response) -> dict[str, Any] | None:
    if not response.headers.get("Content-Type", "").lower().startswith("application/json"):
        return None
    try:
        body = json.loads(response.content)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _host(location: str | None) -> str | None:
    if not location:
        return None
    try:
        parts = urlsplit(location)
        return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    except ValueError:
        return None
