"""A thin Microsoft Graph client: listed calls only, one identity, every answer judged in one place."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlencode, urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from connectors.entra.auth import Tokens
from connectors.entra.endpoints import Endpoint
from connectors.entra.errors import NOT_UNDERSTOOD
from connectors.entra.settings import SYSTEM, AppIdentity, TenantSettings
from connectors.entra.shapes import Page, error_code
from connectors.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    NotPermitted,
    RotationError,
    Unknown,
    Unreachable,
)
from connectors.http import Effect, exchange
from connectors.secret import Secret

_log = logging.getLogger(__name__)
_MOST_PAGES = 500
Shaped = TypeVar("Shaped", bound=BaseModel)


class Graph:
    """Call Graph as one application."""

    def __init__(
        self,
        settings: TenantSettings,
        client: httpx.Client,
        tokens: Tokens,
        identity: AppIdentity,
    ) -> None:
        self._base = settings.graph
        self._client = client
        self._tokens = tokens
        self._identity = identity

    def read(self, endpoint: Endpoint, shape: type[Shaped], **ids: str) -> Shaped:
        """Read one object. Raises NotFound, NotPermitted, Unreachable."""
        url = self._url(endpoint, ids, None)
        return _shaped(endpoint, shape, self._send(endpoint, url, ids).content)

    def pages(
        self, endpoint: Endpoint, shape: type[Shaped], *, where: str | None = None, **ids: str
    ) -> tuple[Shaped, ...]:
        """Read a whole list, every page; ``where`` is a plain ``eq`` filter."""
        url = self._url(endpoint, ids, where)
        found: list[Shaped] = []
        for page in self._walk(endpoint, url, ids):
            found += [_shaped(endpoint, shape, item) for item in page.value]
        return tuple(found)

    def create(
        self, endpoint: Endpoint, shape: type[Shaped], body: Mapping[str, object], **ids: str
    ) -> Shaped:
        """Create an object and return it. Raises Unknown when the answer was lost."""
        answer = self._send(endpoint, self._url(endpoint, ids, None), ids, body)
        return _shaped(endpoint, shape, answer.content)

    def write(self, endpoint: Endpoint, body: Mapping[str, object] | None, **ids: str) -> None:
        """Send a change that has no answer but its status. Raises Unknown when that was lost."""
        self._send(endpoint, self._url(endpoint, ids, None), ids, body)

    def _walk(self, endpoint: Endpoint, url: str, ids: Mapping[str, str]) -> Iterator[Page]:
        seen: set[str] = set()
        ahead: str | None = url
        while ahead is not None:
            # A link elsewhere would be shown our token, and one in a circle never ends.
            if ahead in seen or len(seen) >= _MOST_PAGES or not self._is_ours(ahead):
                raise _garbled(endpoint, "next page")
            seen.add(ahead)
            page = _shaped(endpoint, Page, self._send(endpoint, ahead, ids).content)
            yield page
            ahead = page.next_link

    def _is_ours(self, url: str) -> bool:
        ours, theirs = urlsplit(self._base), urlsplit(url)
        same_host = (ours.scheme, ours.netloc) == (theirs.scheme, theirs.netloc)
        return same_host and theirs.path.startswith(f"{ours.path}/")

    def _url(self, endpoint: Endpoint, ids: Mapping[str, str], where: str | None) -> str:
        path = endpoint.path.format(**{name: quote(value, safe="@") for name, value in ids.items()})
        options = {
            "$select": ",".join(endpoint.select),
            "$expand": endpoint.expand,
            "$filter": where,
        }
        # NOTE: no ConsistencyLevel: it reads another index, which may be staler.
        query = urlencode(
            {name: value for name, value in options.items() if value},
            quote_via=quote,
            safe="$,()'@",
        )
        return f"{self._base}{path}?{query}" if query else f"{self._base}{path}"

    def _send(
        self,
        endpoint: Endpoint,
        url: str,
        ids: Mapping[str, str],
        body: Mapping[str, object] | None = None,
    ) -> httpx.Response:
        facts = {**ids, "client_request_id": str(uuid.uuid4())}

        def attempt(token: Secret) -> httpx.Response:
            return self._once(endpoint, self._request(endpoint, url, facts, body, token), facts)

        response = attempt(self._tokens.token(self._identity))
        if response.status_code == httpx.codes.UNAUTHORIZED:
            # Refused before anything was done, so the same request may be sent again.
            response = attempt(self._tokens.renew(self._identity))
        if response.status_code != endpoint.success:
            raise self._refusal(endpoint, response, facts)
        return response

    def _request(
        self,
        endpoint: Endpoint,
        url: str,
        facts: Mapping[str, str],
        body: Mapping[str, object] | None,
        token: Secret,
    ) -> httpx.Request:
        headers = {
            "Accept": "application/json",
            "Authorization": f"Bearer {token.reveal()}",
            "client-request-id": facts["client_request_id"],
            "return-client-request-id": "true",
        }
        return self._client.build_request(endpoint.method, url, headers=headers, json=body)

    def _once(
        self, endpoint: Endpoint, request: httpx.Request, facts: Mapping[str, str]
    ) -> httpx.Response:
        request_id = facts["client_request_id"]
        _log.debug("entra: %s: client-request-id %s", endpoint.operation, request_id)
        problem: Unreachable | Unknown
        try:
            response = exchange(
                self._client,
                request,
                system=SYSTEM,
                operation=endpoint.operation,
                # What trouble means is then told below, where Retry-After is still known.
                effect=Effect.REPEATABLE if endpoint.busy_is_unchanged else endpoint.effect,
                **facts,
            )
        except Unreachable as trouble:
            problem = _weighed(trouble) if endpoint.busy_is_unchanged else trouble
        else:
            _log.debug(
                "entra: %s: status %s, request-id %s",
                endpoint.operation,
                response.status_code,
                response.headers.get("request-id"),
            )
            return response
        raise problem

    def _refusal(
        self, endpoint: Endpoint, response: httpx.Response, given: Mapping[str, str]
    ) -> RotationError:
        code, request_id = error_code(response)
        status = response.status_code
        facts: dict[str, Any] = {**given, "status": status, "code": code, "request_id": request_id}
        operation = endpoint.operation
        if status == httpx.codes.NOT_FOUND:
            return NotFound(SYSTEM, operation, **facts)
        if status == httpx.codes.FORBIDDEN:
            return NotPermitted(
                SYSTEM,
                operation,
                permission=endpoint.permission,
                client_id=self._identity.client_id,
                advice=_permission_advice(endpoint, self._identity),
                **facts,
            )
        if status == httpx.codes.UNAUTHORIZED:
            challenged = "claims=" in response.headers.get("WWW-Authenticate", "")
            return NotPermitted(
                SYSTEM,
                operation,
                claims_challenge="present" if challenged else None,
                advice="Graph refuses a token that Entra has just issued: look at the sign-in logs "
                f"of the application {self._identity.client_id} for a Conditional Access policy.",
                **facts,
            )
        if status in (httpx.codes.CONFLICT, httpx.codes.PRECONDITION_FAILED):
            return Conflict(SYSTEM, operation, **facts)
        if response.is_client_error:
            return InvalidInput(SYSTEM, operation, **facts)
        return _garbled(endpoint, "status", **facts)


def quoted(value: str) -> str:
    """Return a text as Graph's filters want it."""
    doubled = value.replace("'", "''")
    return f"'{doubled}'"


def _shaped(endpoint: Endpoint, shape: type[Shaped], content: bytes | object) -> Shaped:
    try:
        if isinstance(content, bytes):
            return shape.model_validate_json(content)
        return shape.model_validate(content)
    except ValidationError:
        problem = _garbled(endpoint, "shape")
    raise problem


def _garbled(endpoint: Endpoint, what: str, **facts: Any) -> RotationError:
    if endpoint.effect is Effect.CHANGE:
        return Unknown(SYSTEM, endpoint.operation, unexpected=what, **facts)
    return Unreachable(SYSTEM, endpoint.operation, advice=NOT_UNDERSTOOD, unexpected=what, **facts)


def _weighed(trouble: Unreachable) -> Unreachable | Unknown:
    """Return what trouble with a change means: unchanged only if it was put off or never sent."""
    told = trouble.identifiers
    # ``exchange`` names a status or a cause unless the connection was never made.
    never_sent = told.keys().isdisjoint({"status", "cause"})
    if never_sent or told.get("status") in {"429", "503"}:
        return trouble
    return Unknown(trouble.system, trouble.operation, **told)


def _permission_advice(endpoint: Endpoint, identity: AppIdentity) -> str:
    return (
        f"Give the application {identity.client_id} the Microsoft Graph application permission "
        f"{endpoint.permission}: POST /servicePrincipals(appId='00000003-0000-0000-c000-000000000000')"
        "/appRoleAssignedTo as a Privileged Role Administrator. Then start the update again; "
        "it fetches a new token."
    )
