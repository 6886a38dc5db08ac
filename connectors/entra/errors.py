"""What every exception of MSAL and httpx says about the world. The test fails on one that is missing here.

Nothing of the vendor's text is taken over: it may quote an answer's body.
"""

from __future__ import annotations

from typing import Any

import httpx
import msal
import msal.exceptions
from cryptography.exceptions import UnsupportedAlgorithm

from connectors.entra.settings import SYSTEM, TenantSettings
from connectors.errors import InvalidInput, Refused, RotationError, Unreachable


class GarbledAnswer(Exception):
    """The sign-in service answered something that is not a JSON object. Never leaves this package."""


NOT_UNDERSTOOD = (
    "The answer was not what Microsoft documents; a proxy or firewall may have answered in its place. "
    "Open the address in a browser on the worker, then start the update again; nothing was changed."
)
BAD_ADDRESS = (
    "Check the tenant's `authority`, `tenant_id`, `graph` and client ids in the inventory; "
    "the sign-in service does not know them as they stand."
)

# Most specific first. Here, acquiring a token and reading discovery documents only: nothing changes.
OUTCOMES: tuple[tuple[type[Exception], type[Unreachable | InvalidInput], str | None], ...] = (
    (GarbledAnswer, Unreachable, NOT_UNDERSTOOD),
    (httpx.UnsupportedProtocol, InvalidInput, BAD_ADDRESS),
    (httpx.InvalidURL, InvalidInput, BAD_ADDRESS),
    (httpx.HTTPError, Unreachable, None),
    (httpx.StreamError, Unreachable, None),
    (httpx.CookieConflict, Unreachable, NOT_UNDERSTOOD),
    (msal.exceptions.MsalServiceError, Unreachable, None),
    (msal.exceptions.MsalError, Unreachable, NOT_UNDERSTOOD),
    # The id token of an answer does not hold: most often one of the two clocks is wrong.
    (msal.IdTokenError, Unreachable, NOT_UNDERSTOOD),
    # MSAL says "this tenant or authority does not exist" and "this key is no key" with a ValueError.
    (UnsupportedAlgorithm, InvalidInput, None),
    (ValueError, InvalidInput, BAD_ADDRESS),
    # What MSAL raises when a discovery document or token answer lacks what it takes for granted.
    (RuntimeError, Unreachable, NOT_UNDERSTOOD),
    (LookupError, Unreachable, NOT_UNDERSTOOD),
    (TypeError, Unreachable, NOT_UNDERSTOOD),
    (AttributeError, Unreachable, NOT_UNDERSTOOD),
    (OSError, Unreachable, None),
)

HANDLED: tuple[type[Exception], ...] = (RotationError, *(kind for kind, _, _ in OUTCOMES))


def translate(problem: Exception, operation: str, **identifiers: str | int) -> RotationError:
    """Return what ``problem`` means, sealed: no text, cause or traceback of it stays attached."""
    if isinstance(problem, RotationError):
        return problem.sealed()
    for kind, outcome, advice in OUTCOMES:
        if isinstance(problem, kind):
            cause = type(problem).__name__
            facts: dict[str, Any] = {"cause": cause, **identifiers}
            return outcome(SYSTEM, operation, advice=advice, **facts)
    raise AssertionError("translate is called inside `except HANDLED` only")


def lacks(
    settings: TenantSettings, kind: type[Refused], operation: str, identity: str, so: str
) -> Refused:
    """Return the error for an identity that the inventory does not give to this tenant."""
    return kind(
        SYSTEM,
        operation,
        tenant=settings.name,
        identity=identity,
        advice=f"This tenant has no `{identity}` identity in the inventory, so {so}. Add one, or "
        "do this step by hand.",
    )
