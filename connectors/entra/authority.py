"""The sign-in service of a tenant, looked at by a stranger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import httpx

from connectors.entra.errors import BAD_ADDRESS, NOT_UNDERSTOOD
from connectors.entra.settings import SYSTEM, TenantSettings
from connectors.entra.wire import json_object
from connectors.errors import InvalidInput, Unreachable
from connectors.http import Effect, date_of, exchange

_OPERATION = "look at the sign-in service"


@dataclass(frozen=True, slots=True)
class AuthorityFacts:
    """What the service says of itself. ``clock`` is its time in UTC, to the second."""

    issuer: str
    clock: datetime | None


def look_at_authority(client: httpx.Client, settings: TenantSettings) -> AuthorityFacts:
    """Read the tenant's discovery document; raise Unreachable, and InvalidInput for an unknown tenant."""
    url = f"{settings.authority_url}/v2.0/.well-known/openid-configuration"
    request = client.build_request("GET", url)
    answer = exchange(
        client,
        request,
        system=SYSTEM,
        operation=_OPERATION,
        effect=Effect.READ,
        tenant=settings.name,
    )
    if answer.is_client_error:
        raise InvalidInput(
            SYSTEM,
            _OPERATION,
            tenant=settings.name,
            status=answer.status_code,
            advice=BAD_ADDRESS,
        )
    body = json_object(answer)
    if not answer.is_success or body is None or not isinstance(body.get("issuer"), str):
        raise Unreachable(SYSTEM, _OPERATION, tenant=settings.name, advice=NOT_UNDERSTOOD)
    return AuthorityFacts(str(body["issuer"]), date_of(answer))
