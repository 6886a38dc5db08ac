"""The one place that says what a failed call to Vault means for the world."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from enum import Enum, auto
from typing import Any

from hvac import exceptions as vendor
from requests import exceptions as transport
from urllib3.exceptions import HTTPError as Urllib3Error
from urllib3.exceptions import NewConnectionError

from connectors.errors import (
    InvalidInput,
    NotFound,
    NotPermitted,
    RotationError,
    Unknown,
    Unreachable,
)
from connectors.http import Effect, seconds_asked
from connectors.vault.adapter import Answered
from connectors.vault.call import Call
from connectors.vault.settings import variable


class Known(Enum):
    """What the kind of a transport failure tells about the request."""

    NOT_SENT = auto()
    MISTAKE = auto()  # it cannot be sent as it is
    LOST = auto()  # it may have arrived


# What hvac's classes stand for where an answer's own status is not at hand. None: nothing is known.
STATUS_OF: dict[type[BaseException], int | None] = {
    vendor.VaultError: None,
    vendor.UnexpectedError: None,
    vendor.InvalidRequest: 400,
    vendor.ParamValidationError: 400,
    vendor.Unauthorized: 401,
    vendor.Forbidden: 403,
    vendor.InvalidPath: 404,
    vendor.UnsupportedOperation: 405,
    vendor.PreconditionFailed: 412,
    vendor.RateLimitExceeded: 429,
    vendor.InternalServerError: 500,
    vendor.VaultNotInitialized: 501,
    vendor.BadGateway: 502,
    vendor.VaultDown: 503,
}

KNOWN_BY: dict[type[BaseException], Known] = {
    transport.RequestException: Known.LOST,
    transport.HTTPError: Known.LOST,
    transport.ConnectionError: Known.LOST,  # or NOT_SENT: see _known
    transport.ProxyError: Known.LOST,
    transport.SSLError: Known.LOST,  # or NOT_SENT: see _known
    transport.Timeout: Known.LOST,
    transport.ConnectTimeout: Known.NOT_SENT,
    transport.ReadTimeout: Known.LOST,
    transport.TooManyRedirects: Known.LOST,
    transport.ChunkedEncodingError: Known.LOST,
    transport.ContentDecodingError: Known.LOST,
    transport.StreamConsumedError: Known.LOST,
    transport.RetryError: Known.LOST,
    transport.UnrewindableBodyError: Known.LOST,
    transport.JSONDecodeError: Known.LOST,
    transport.InvalidJSONError: Known.MISTAKE,
    transport.URLRequired: Known.MISTAKE,
    transport.MissingSchema: Known.MISTAKE,
    transport.InvalidSchema: Known.MISTAKE,
    transport.InvalidURL: Known.MISTAKE,
    transport.InvalidHeader: Known.MISTAKE,
    transport.InvalidProxyURL: Known.MISTAKE,
}

# Everything that hvac, requests and what lies below them raise. OSError: a certificate file that went
# away; ValueError: a host name that cannot be encoded.
FAILURES = (vendor.VaultError, transport.RequestException, Urllib3Error, OSError, ValueError)

_NOT_CARRIED_OUT = {
    412: "This node of Vault has not caught up yet; start the update again in a minute.",
    429: "Vault asks for fewer requests; raise its rate limit quota if this stays.",
    472: "This is a disaster-recovery secondary; set {addr} to the primary cluster.",
    473: "This is a performance standby that does not answer; set {addr} to the active node.",
    474: "This standby is cut off from the active node; look at the cluster with: vault status",
    501: "This Vault is not initialised; run: vault operator init",
    530: "This node was removed from its cluster; set {addr} to a node that is a member.",
}
_SEALED = "Vault is sealed; unseal it with: vault operator unseal. Nothing was changed."


def explain(error: BaseException, call: Call) -> RotationError:
    """Return the error to raise for a failed call, with advice for a person; never its text."""
    if isinstance(error, Answered):
        return explain_status(error, call)
    if isinstance(error, vendor.VaultError):
        status = next((STATUS_OF[c] for c in type(error).__mro__ if c in STATUS_OF), None)
        return by_status(status, call) if status else _lost(call, cause=type(error).__name__)
    known = _known(error)
    cause = type(error).__name__
    if known is Known.MISTAKE:
        advice = f"Correct {variable('addr')} or the path; this request cannot be sent."
        return InvalidInput("vault", call.operation, advice=advice, cause=cause, **call.about)
    if _certificate_refused(error):
        advice = (
            f"Vault's certificate is not trusted: name the CA that issued it in "
            f"{variable('ca_file')}, or use the host name in the certificate in {variable('addr')}."
        )
        return Unreachable("vault", call.operation, advice=advice, cause=cause, **call.about)
    if known is Known.NOT_SENT:
        return Unreachable("vault", call.operation, cause=cause, **call.about)
    return _lost(call, cause=cause)


def explain_status(answered: Answered, call: Call) -> RotationError:
    """Return the error for an answer that the caller did not expect."""
    if 300 <= answered.status < 400:
        advice = (
            f"Vault pointed to {answered.elsewhere or 'another address'}, where the token was not sent; "
            f"set {variable('addr')} to the active node or to a load balancer that follows it."
        )
        return Unreachable(
            "vault", call.operation, status=answered.status, advice=advice, **call.about
        )
    if answered.status == 503 and _says_sealed(answered):
        problem: RotationError = Unreachable(
            "vault", call.operation, status=503, advice=_SEALED, **call.about
        )
    else:
        problem = by_status(answered.status, call)
    if isinstance(problem, Unreachable):
        problem.retry_after = seconds_asked(answered.retry_after)
    return problem


def by_status(status: int, call: Call) -> RotationError:
    """Return the error for a status alone."""
    about: dict[str, Any] = {"status": status, **call.about}
    if status in _NOT_CARRIED_OUT:
        advice = _NOT_CARRIED_OUT[status].format(addr=variable("addr"))
        return Unreachable("vault", call.operation, advice=advice, **about)
    if status in (401, 403):
        return NotPermitted("vault", call.operation, advice=policy_advice(call), **about)
    if status == 404:
        return NotFound("vault", call.operation, advice=_missing_advice(call), **about)
    if 400 <= status < 500 and status != 408:  # 408: a proxy gave up waiting, Vault may not have
        advice = (
            f"Vault does not take this request at {call.path}; check that the mount is of the kind "
            "that the inventory says, with: vault secrets list -detailed"
        )
        return InvalidInput("vault", call.operation, advice=advice, **about)
    return _lost(call, status=status)


def policy_advice(call: Call) -> str:
    """Say which policy stanza is missing, ready to be pasted."""
    needs = ", ".join(f'"{capability}"' for capability in call.needs)
    return (
        f"Add to the policy of the identity that signs in here: "
        f'path "{call.path}" {{ capabilities = [{needs}] }}. '
        "If it is there already, the token has ended: check with: vault token lookup"
    )


def _missing_advice(call: Call) -> str:
    return (
        f"Nothing is at {call.path} for this identity; check mount, path and "
        f"{variable('namespace')}, with: vault secrets list"
    )


def _lost(call: Call, **known: Any) -> Unreachable | Unknown:
    about = {**known, **call.about}
    if call.effect is Effect.CHANGE:
        return Unknown("vault", call.operation, advice=None, **about)
    return Unreachable("vault", call.operation, advice=None, retry_after=None, **about)


def _known(error: BaseException) -> Known:
    known = next((KNOWN_BY[c] for c in type(error).__mro__ if c in KNOWN_BY), Known.LOST)
    never_connected = any(isinstance(inner, NewConnectionError) for inner in _chain(error))
    if known is Known.LOST and (never_connected or _certificate_refused(error)):
        return Known.NOT_SENT
    return known


def _certificate_refused(error: BaseException) -> bool:
    """Tell a certificate that was not trusted (nothing was sent) from TLS that broke half-way."""
    return any(isinstance(inner, ssl.SSLCertVerificationError) for inner in _chain(error))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Walk what requests and urllib3 wrapped into each other.

    NOTE: not ``__context__``, which may lead to an older error that our caller is just handling.
    """
    waiting, seen = [error], set[int]()
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        below = (current.__cause__, getattr(current, "reason", None), *current.args)
        waiting += [inner for inner in below if isinstance(inner, BaseException)]


def _says_sealed(answered: Answered) -> bool:
    errors = (answered.body or {}).get("errors")
    return isinstance(errors, list) and any("sealed" in str(line) for line in errors)
