"""What doctor reads from Prefect's API: one request each, nothing repeated, no answer's text in an error."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from connectors.errors import NotFound, NotPermitted, Refused, Unreachable
from connectors.http import Effect, build_client, exchange
from connectors.secret import Secret
from connectors.tls import tls_context

_TIMES = httpx.Timeout(connect=5, read=10, write=10, pool=5)
_PAGE = 200


@dataclass(frozen=True, slots=True)
class Address:
    """Where Prefect's API is, and how it is signed in to. ``verified`` False: its certificate is not looked at."""

    url: str
    login: Secret | None
    key: Secret | None
    ca_file: Path | None
    verified: bool

    @classmethod
    def told(cls) -> Self | None:
        """Read Prefect's own settings (environment, then profile); None when no server is named."""
        from prefect.settings import get_current_settings  # noqa: PLC0415  takes a second

        api = get_current_settings().api
        if not api.url:
            return None
        login, key = api.auth_string, api.key
        return cls(
            api.url.rstrip("/"),
            Secret(login.get_secret_value()) if login else None,
            Secret(key.get_secret_value()) if key else None,
            Path(api.ssl_cert_file) if api.ssl_cert_file else None,
            not api.tls_insecure_skip_verify,
        )


class PrefectApi:
    """Read from one server. Raises Unreachable, NotPermitted for a login that is wrong, NotFound, Refused."""

    def __init__(self, address: Address, *, transport: httpx.BaseTransport | None = None) -> None:
        context = tls_context(address.ca_file, "prefect")
        self._client = build_client(f"{address.url}/", context, timeout=_TIMES, transport=transport)
        if address.login:
            told = base64.b64encode(address.login.reveal_bytes()).decode()
            self._client.headers["Authorization"] = f"Basic {told}"
        elif address.key:
            self._client.headers["Authorization"] = f"Bearer {address.key.reveal()}"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, operation: str, path: str) -> tuple[Any, httpx.Response]:
        """Read one thing, with the answer it came in."""
        answer = self._ask(operation, "GET", path, None)
        return self._json(operation, answer), answer

    def listed(
        self, operation: str, path: str, query: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Read a whole list, every page."""
        found: list[dict[str, Any]] = []
        while True:
            body = {**(query or {}), "limit": _PAGE, "offset": len(found)}
            page = self._json(operation, self._ask(operation, "POST", path, body))
            if not isinstance(page, list):
                raise self._strange(operation)
            found += [item for item in page if isinstance(item, dict)]
            if len(page) < _PAGE:
                return found

    def asked(self, operation: str, path: str, query: Mapping[str, Any]) -> dict[str, Any]:
        """Ask a question whose answer is one object."""
        found = self._json(operation, self._ask(operation, "POST", path, query))
        if not isinstance(found, dict):
            raise self._strange(operation)
        return found

    def _ask(self, operation: str, method: str, path: str, body: object) -> httpx.Response:
        request = self._client.build_request(method, path, json=body)
        answer = exchange(
            self._client, request, system="prefect", operation=operation, effect=Effect.READ
        )
        status = answer.status_code
        if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise NotPermitted("prefect", operation, status=status)
        if status == httpx.codes.NOT_FOUND:
            raise NotFound("prefect", operation, path=path)
        if not answer.is_success:
            raise Refused("prefect", operation, status=status)
        return answer

    def _json(self, operation: str, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError:
            pass
        raise self._strange(operation)

    @staticmethod
    def _strange(operation: str) -> Unreachable:
        return Unreachable("prefect", operation, cause="an answer that is not Prefect's")
