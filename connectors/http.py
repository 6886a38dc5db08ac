"""The one place that turns HTTP transport trouble into what we know about the world.

Connectors over HTTP build their client here (verified TLS, explicit timeouts, no redirects, nothing from
the environment) and send through ``exchange``, which maps every exception of httpx and the status codes
that mean the same everywhere. Everything else about an answer is the connector's to judge.
"""

from __future__ import annotations

import email.utils
import math
import ssl
import time
from datetime import UTC, datetime
from enum import Enum, auto
from typing import Any

import httpcore  # noqa: F401  httpx imports it late, and its loggers exist only then
import httpx

from connectors.errors import Unknown, Unreachable
from connectors.loggers import quieten

quieten("httpx", "httpcore")

TIMEOUT = httpx.Timeout(connect=5, read=20, write=10, pool=5)


class Effect(Enum):
    """What a request does to the other system, hence what a lost answer means."""

    READ = auto()  # nothing: repeat
    REPEATABLE = auto()  # the same again has the same result: repeat
    CHANGE = auto()  # it may have happened: observe first


def build_client(
    base_url: str,
    context: ssl.SSLContext,
    *,
    timeout: httpx.Timeout = TIMEOUT,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """Return a client that never follows redirects and reads nothing from the environment.

    ``transport`` is the test seam.
    """
    return httpx.Client(
        base_url=base_url,
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
        transport=transport or httpx.HTTPTransport(verify=context, retries=0),
    )


def exchange(
    client: httpx.Client,
    request: httpx.Request,
    *,
    system: str,
    operation: str,
    effect: Effect,
    **identifiers: Any,
) -> httpx.Response:
    """Send once and return the answer, whatever its status, except 429 and 5xx.

    Raises Unreachable when nothing was changed or the same request may be sent again, Unknown when a
    change may have happened.
    """
    try:
        response = client.send(request)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout):
        problem: Unreachable | Unknown = Unreachable(system, operation, **identifiers)
    except httpx.HTTPError as error:
        problem = _lost(system, operation, effect, type(error).__name__, identifiers)
    else:
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            problem = Unreachable(
                system, operation, status=429, retry_after=retry_after(response), **identifiers
            )
        elif response.is_server_error:
            problem = _lost(
                system, operation, effect, None, {"status": response.status_code, **identifiers}
            )
            if isinstance(problem, Unreachable):
                problem.retry_after = retry_after(response)
        else:
            return response
    # Raised out here so that no exception of httpx, which holds the request, hangs on as context.
    raise problem


def _lost(
    system: str, operation: str, effect: Effect, cause: str | None, identifiers: dict[str, Any]
) -> Unreachable | Unknown:
    kind = Unknown if effect is Effect.CHANGE else Unreachable
    return kind(system, operation, cause=cause, **identifiers)


def retry_after(response: httpx.Response) -> float | None:
    """Return the wait that the answer asks for in seconds, or None; both header forms are known."""
    return seconds_asked(response.headers.get("Retry-After"))


def seconds_asked(value: str | None) -> float | None:
    """Return what a ``Retry-After`` header means in seconds, or None when it means nothing."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        pass
    else:
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def date_of(response: httpx.Response) -> datetime | None:
    """Return when an answer was made by the server's own clock, in UTC to the second; None when it does not say."""
    try:
        said = email.utils.parsedate_to_datetime(response.headers["Date"])
    except (KeyError, ValueError):
        return None
    return said.astimezone(UTC)
