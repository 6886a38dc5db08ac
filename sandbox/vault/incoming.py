"""A request on its way in: what it asks for, and the faults that meet it at the door."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, urlencode

from sandbox.standin.control import Fault
from sandbox.standin.http import Request, Response
from sandbox.vault.values import seconds
from sandbox.vault.wire import HEADERS, Call, Refusal, refused

OPERATIONS = {
    "GET": "read", "POST": "write", "PUT": "write", "PATCH": "patch", "DELETE": "delete",
    "LIST": "list", "HEAD": "head",
}  # fmt: skip
_PATCH_TYPE = "application/merge-patch+json"


def listed(path: str) -> str:
    """Return the path as a listing sees it: with a slash at its end."""
    return path if path.endswith("/") else path + "/"


def injected_fault(request: Request) -> Response | None:
    """Answer as an armed fault of Vault's own kinds says; None lets the request pass."""
    fault = request.fault
    if fault is None:
        return None
    if fault.kind == "sealed":
        raise Refusal(503, "Vault is sealed")
    if fault.kind == "no_active_node":
        raise Refusal(503, "no active Vault instance found")
    if fault.kind == "behind":
        raise Refusal(412, "required index state not present")
    if fault.kind == "lagging" and "x-vault-index" in request.headers:
        raise Refusal(412, "required index state not present")
    if fault.kind == "throttled":
        return _throttled(request, fault)
    if fault.kind == "redirect":
        return Response(307, None, headers={**HEADERS, "Location": _elsewhere(request, fault)})
    return None


def _throttled(request: Request, fault: Fault) -> Response:
    path = request.path.removeprefix("/v1/")
    wait = 1.0 if fault.retry_after is None else fault.retry_after
    answer = refused(Refusal(429, f'request path "{path}": rate limit quota exceeded'))
    answer.headers |= {
        "Retry-After": f"{wait:g}",
        "X-Ratelimit-Limit": "1",
        "X-Ratelimit-Remaining": "0",
        "X-Ratelimit-Reset": f"{wait:g}",
    }
    return answer


def _elsewhere(request: Request, fault: Fault) -> str:
    query = f"?{urlencode(request.query)}" if request.query else ""
    return f"{fault.args['location'].rstrip('/')}{quote(request.path)}{query}"


def parse_request(request: Request) -> Call:
    """Read operation, data, token and wrapping from a request; refuse what cannot be read."""
    operation = OPERATIONS.get(request.method)
    if operation is None:
        raise Refusal(405)
    path = request.path.removeprefix("/v1/")
    data: dict[str, Any] = dict(request.query)
    if operation == "read" and request.query.get("list", "").lower() in {"true", "1", "t"}:
        operation = "list"
        data.pop("list")
    if operation == "list":
        path = listed(path)
    if operation == "patch":
        given = request.headers.get("content-type", "").split(";")[0].strip()
        if given != _PATCH_TYPE:
            why = f"PATCH requires Content-Type of {_PATCH_TYPE}, provided {given}"
            raise Refusal(415, why)
    if operation in {"write", "patch"}:
        data = _decoded(request)
    return Call(
        operation, path, data, request,
        client_token=_client_token(request.headers), wrap_ttl=_wrap_ttl(request.headers),
    )  # fmt: skip


def _client_token(headers: dict[str, str]) -> str:
    bearer = headers.get("authorization", "")
    given = bearer.removeprefix("Bearer ") if bearer.startswith("Bearer ") else ""
    return headers.get("x-vault-token") or given


def _decoded(request: Request) -> dict[str, Any]:
    if not request.body.strip():
        return {}
    try:
        data = json.loads(request.body)
    except ValueError as problem:
        at = getattr(problem, "pos", 0)
        why = f"invalid character '{request.body.decode(errors='replace')[at : at + 1]}'"
        raise Refusal(400, f"failed to decode JSON input: {why}") from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        kinds = {list: "array", str: "string", bool: "bool"}
        kind = kinds.get(type(data), "number")
        why = f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
        raise Refusal(400, f"failed to decode JSON input: {why}")
    return data


def _wrap_ttl(headers: dict[str, str]) -> int:
    given = headers.get("x-vault-wrap-ttl", "")
    try:
        length = seconds(given)
        why = "requested wrap ttl cannot be negative" if length < 0 else None
    except ValueError:
        length, why = 0, f'time: invalid duration "{given}"'
    if why:
        raise Refusal(400, f"error parsing X-Vault-Wrap-TTL header: {why}")
    return length
