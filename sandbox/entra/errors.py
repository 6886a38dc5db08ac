"""How Entra ID and Graph say no. Sign-in errors go by AADSTS number, Graph errors by status and code."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, NamedTuple

from sandbox.standin.http import Request, Response


class SignInError(NamedTuple):
    """What one AADSTS number looks like on the wire."""

    status: int
    error: str
    suberror: str | None
    text: str


_GRANT, _CLIENT = "invalid_grant", "invalid_client"
SIGN_IN_ERRORS: dict[int, SignInError] = {
    50034: SignInError(400, _GRANT, None, "The user account is not in this tenant's directory."),
    50053: SignInError(400, _GRANT, None, "The account is locked after too many wrong sign-ins."),
    50055: SignInError(400, _GRANT, "user_password_expired", "The password is expired."),
    50056: SignInError(400, _GRANT, None, "There is no password for this user in the directory."),
    50057: SignInError(400, _GRANT, None, "The user account is disabled."),
    50076: SignInError(400, _GRANT, "basic_action", "Multi-factor authentication is required."),
    50079: SignInError(400, _GRANT, "basic_action", "The user must enrol a second factor."),
    50097: SignInError(400, _GRANT, "basic_action", "Device authentication is required."),
    50126: SignInError(400, _GRANT, None, "The username or the password is wrong."),
    50158: SignInError(400, _GRANT, "basic_action", "An external challenge was not satisfied."),
    50196: SignInError(400, _GRANT, "bad_token", "The client asks in a loop."),
    53003: SignInError(400, _GRANT, "message_only", "A Conditional Access policy blocks access."),
    65001: SignInError(400, _GRANT, "consent_required", "Nobody consented to this application."),
    70003: SignInError(400, "unsupported_grant_type", None, "This grant type is not supported."),
    70011: SignInError(400, "invalid_scope", None, "The scope is not valid."),
    90002: SignInError(400, "invalid_tenant", None, "The tenant was not found."),
    90014: SignInError(400, "invalid_request", None, "A required field is missing."),
    90033: SignInError(503, "temporarily_unavailable", None, "A transient error; ask again later."),
    90094: SignInError(403, "access_denied", None, "An administrator has to approve this."),
    500011: SignInError(400, "invalid_resource", None, "The resource is not in this tenant."),
    700016: SignInError(400, "unauthorized_client", None, "The application is not in this tenant."),
    700021: SignInError(401, _CLIENT, None, "The assertion names another application."),
    700023: SignInError(401, _CLIENT, None, "The assertion is for another audience."),
    700024: SignInError(401, _CLIENT, None, "The assertion is not within its time range."),
    700025: SignInError(401, _CLIENT, None, "A public client must not present a credential."),
    700027: SignInError(401, _CLIENT, None, "The assertion's certificate or signature is not known."),
    1002012: SignInError(400, "invalid_scope", None, "Client credentials need a /.default scope."),
    7000112: SignInError(400, "unauthorized_client", None, "The application is disabled."),
    7000215: SignInError(401, _CLIENT, None, "The client secret is wrong."),
    7000216: SignInError(401, _CLIENT, None, "Client credentials need a secret or an assertion."),
    7000218: SignInError(401, _CLIENT, None, "The application is no public client: present a credential."),
    7000222: SignInError(401, _CLIENT, None, "The client secret is expired."),
    7000229: SignInError(401, _CLIENT, None, "The application has no service principal here."),
    9001023: SignInError(400, "invalid_request", None, "This grant does not work on /common."),
}  # fmt: skip


class SignInRefused(Exception):
    """The token endpoint says no, with this AADSTS number."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class GraphRefused(Exception):
    """Graph says no."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(status, code)
        self.status, self.code, self.message = status, code, message


def stamp(moment: float, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    """Write a moment the way Graph does."""
    return dt.datetime.fromtimestamp(moment, dt.UTC).strftime(form)


def sign_in_error(request: Request, code: int, now: float, **note: Any) -> Response:
    """Build the token endpoint's answer for an AADSTS number; one without a row is an invalid_grant."""
    kind = SIGN_IN_ERRORS.get(code) or SignInError(400, _GRANT, None, "The sign-in was refused.")
    trace = str(uuid.uuid4())
    correlation = request.headers.get("client-request-id") or str(uuid.uuid4())
    when = stamp(now, "%Y-%m-%d %H:%M:%SZ")
    payload: dict[str, Any] = {
        "error": kind.error,
        "error_description": f"AADSTS{code}: {kind.text} Trace ID: {trace} "
        f"Correlation ID: {correlation} Timestamp: {when}",
        "error_codes": [code],
        "timestamp": when,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={code}",
    }
    if kind.suberror:
        payload["suberror"] = kind.suberror
    if code in (50076, 50079, 50158, 53003):
        payload["claims"] = '{"access_token":{"capolids":{"essential":true}}}'
    headers = {"x-ms-request-id": trace, "client-request-id": correlation}
    return Response(kind.status, payload, headers=headers, note={"code": code, **note})


def graph_error(request: Request, refusal: GraphRefused, now: float, **note: Any) -> Response:
    """Build Graph's error envelope."""
    ids = {"request-id": str(uuid.uuid4())}
    ids["client-request-id"] = request.headers.get("client-request-id") or ids["request-id"]
    payload = {
        "error": {
            "code": refusal.code,
            "message": refusal.message,
            "innerError": {"date": stamp(now, "%Y-%m-%dT%H:%M:%S"), **ids},
        }
    }
    return Response(refusal.status, payload, headers=ids, note={"code": refusal.code, **note})


def not_found(what: str) -> GraphRefused:
    """Say that Graph does not see an object."""
    return GraphRefused(
        404, "Request_ResourceNotFound", f"Resource '{what}' does not exist or one of its queried "
        "reference-property objects are not present.",
    )  # fmt: skip


def bad_request(message: str) -> GraphRefused:
    """Say that Graph does not accept a request."""
    return GraphRefused(400, "Request_BadRequest", message)


def denied() -> GraphRefused:
    """Say that the caller may not do this."""
    return GraphRefused(
        403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
    )
