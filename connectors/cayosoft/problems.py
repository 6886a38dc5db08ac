"""What a bridge's refusal means for us. The status decides; docs/console-bridge.md, rule 6, says what it promises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from connectors.cayosoft import wire
from connectors.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    NotPermitted,
    Refused,
    RotationError,
    SignInReason,
    SignInRefused,
    Unknown,
    Unreachable,
)
from connectors.http import Effect

SYSTEM = "cayosoft"
NEEDED_ROLE = "Global Administrators"

_KINDS: dict[int, tuple[type[Refused], str]] = {
    403: (
        NotPermitted,
        (
            f"Give the bridge's client the product role {NEEDED_ROLE}: no other role sees the "
            "Configuration node. Then start the update again."
        ),
    ),
    404: (
        NotFound,
        (
            "Compare the extension and row of this connection in the inventory with the console, "
            "then start the update again."
        ),
    ),
    409: (
        InvalidInput,
        (
            "The idempotency key was used for another request. Start the update again: it makes new keys."
        ),
    ),
    410: (
        Conflict,
        (
            "The edit draft expired before it was saved, so the console still holds the old credential. "
            "Start the update again: it enters the credential into a new draft."
        ),
    ),
    412: (
        Conflict,
        (
            "Somebody saved this row in the console in between. Find out who and why, "
            "then start the update again: it begins from the row as it is now."
        ),
    ),
    422: (
        InvalidInput,
        (
            "The bridge does not accept the field named above. Correct it in the inventory or in the bridge, "
            "then start the update again."
        ),
    ),
    424: (
        Refused,
        (
            "The tenant said no to the connection account. Look up the error code named above, "
            "correct the account, then start the update again."
        ),
    ),
}


def refusal(
    response: httpx.Response, operation: str, effect: Effect, identifiers: Mapping[str, Any]
) -> RotationError:
    """Return the typed error for an answer that is neither 2xx nor 429 nor 5xx."""
    status = response.status_code
    if status == httpx.codes.UNAUTHORIZED:
        return SignInRefused(
            SYSTEM,
            operation,
            reason=SignInReason.OTHER,
            advice="The bridge refuses a token that was issued a moment ago. Check that token_url "
            "belongs to this bridge and that the clocks agree, then start the update again.",
            **identifiers,
        )
    if status == httpx.codes.REQUEST_TIMEOUT:
        lost = Unknown if effect is Effect.CHANGE else Unreachable
        return lost(SYSTEM, operation, status=status, **identifiers)
    if status not in _KINDS:
        return not_the_contract(operation, effect, {"status": status, **identifiers})
    kind, advice = _KINDS[status]
    return kind(SYSTEM, operation, advice=advice, **_facts(response), **identifiers)


def not_the_contract(
    operation: str, effect: Effect, identifiers: Mapping[str, Any]
) -> RotationError:
    """Return the error for an answer that the contract does not know, such as a proxy's HTML page.

    It proves nothing: after a change it is Unknown, before one InvalidInput.
    """
    if effect is Effect.CHANGE:
        return Unknown(SYSTEM, operation, cause="unreadable answer", **identifiers)
    return InvalidInput(
        SYSTEM,
        operation,
        cause="unreadable answer",
        advice="Check that url leads to a console bridge that keeps docs/console-bridge.openapi.yaml, "
        "and not to a proxy's page; then start the update again.",
        **identifiers,
    )


def _facts(response: httpx.Response) -> dict[str, Any]:
    """Return status and the members with a narrow form; free text could quote anything."""
    problem = wire.read(wire.ProblemWire, response)
    facts: dict[str, Any] = {"status": response.status_code}
    if problem is not None:
        facts |= {
            "problem": problem.type and problem.type.rpartition(":")[2],
            "field": problem.field,
            "error_code": problem.error_code,
        }
    if response.status_code == httpx.codes.FORBIDDEN:
        facts["needed_role"] = NEEDED_ROLE
    return facts
