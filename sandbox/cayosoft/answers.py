"""How the console's nouns and troubles look as JSON, and how requests are read."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

from sandbox.cayosoft.console import Consent, Screen
from sandbox.cayosoft.operations import Outcome
from sandbox.cayosoft.problems import (
    ConsoleProblem,
    DirectoryRefused,
    DirectorySilent,
    DraftExpired,
    NotThere,
    Stale,
    Wrong,
)
from sandbox.cayosoft.records import Draft, Row
from sandbox.standin.http import Request, Response

_ETAG = re.compile(r'"([A-Za-z0-9._-]{1,64})"')
_TITLES = {
    "not-signed-in": (401, "Sign in first"),
    "not-permitted": (403, "The product role does not show the Configuration node"),
    "not-found": (404, "No such extension, row, draft or permission request"),
    "idempotency-key-reused": (409, "The idempotency key belongs to another request"),
    "draft-expired": (410, "The edit draft expired"),
    "revision-changed": (412, "Somebody saved the row in between"),
    "invalid-input": (422, "A member is missing or wrong"),
    "directory-refused": (424, "The directory refused"),
    "unavailable": (503, "The directory gave no answer"),
}


def problem(kind: str, **members: str) -> Response:
    """Return an RFC 9457 problem."""
    status, title = _TITLES[kind]
    body = {"type": f"urn:console-bridge:{kind}", "title": title, "status": status, **members}
    headers = {"Retry-After": "1"} if status == 503 else {}
    return Response(status, body, "application/problem+json", headers, {"problem": kind, **members})


_SAID: dict[type[ConsoleProblem], Callable[[Any], Response]] = {
    NotThere: lambda _: problem("not-found"),
    Stale: lambda _: problem("revision-changed"),
    DraftExpired: lambda _: problem("draft-expired"),
    Wrong: lambda wrong: problem("invalid-input", field=wrong.field),
    DirectoryRefused: lambda refused: problem("directory-refused", errorCode=refused.code),
    DirectorySilent: lambda _: problem("unavailable"),
}


def said(trouble: ConsoleProblem) -> Response:
    """Return the problem that tells of a trouble."""
    return _SAID[type(trouble)](trouble)


def row_answer(row: Row, enabled: bool) -> Response:
    """Return a row with its revision as ETag."""
    answer = {
        "extension": row.extension,
        "row": row.row,
        "enabled": enabled,
        "account": row.account,
        "revision": row.revision,
        "secretLabel": row.secret_label,
        "savedAt": None if row.saved_at is None else timestamp(row.saved_at),
        "savedKey": row.saved_key,
    }
    return Response(payload=answer, headers={"ETag": f'"{row.revision}"'})


def draft_answer(draft: Draft) -> Response:
    """Return a new draft."""
    answer = {
        "id": draft.id,
        "extension": draft.extension,
        "row": draft.row,
        "account": draft.account,
        "baseRevision": draft.base_revision,
        "expiresAt": timestamp(draft.expires_at),
    }
    note = {"account": draft.account, "label": draft.secret_label, "draft": draft.id}
    headers = {"Location": f"/bridge/v1/drafts/{draft.id}"}
    return Response(201, answer, headers=headers, note=note)


def screen_answer(screen: Screen) -> Response:
    """Return what Check Settings or Validate shows."""
    shown = {"ok": screen.ok, "messages": screen.messages}
    return Response(payload=shown, note=shown)


def consent_answer(section: Consent) -> Response:
    """Return the consent section."""
    rows = [
        {
            "api": line.api,
            "permission": line.permission,
            "status": "Granted" if line.granted else "Not granted",
        }
        for line in section.rows
    ]
    answer = {
        "status": section.status,
        "rows": rows,
        "redBanner": section.red_banner,
        "collecting": section.collecting,
    }
    return Response(payload=answer, note={"status": section.status})


def outcome_answer(outcome: Outcome) -> Response:
    """Return the result of an operation."""
    answer = {
        "operation": outcome.operation,
        "ok": outcome.ok,
        "objectId": outcome.object_id,
        "errorCode": outcome.error_code,
        "message": outcome.message,
    }
    return Response(payload=answer, note=answer)


def tenant_row(request: Request) -> str:
    """Return the row of a request that only Microsoft 365 knows."""
    if request.params["extension"] != "microsoft_365":
        raise NotThere(request.params["extension"])
    return request.params["row"]


def if_match(request: Request) -> str:
    """Return the revision that the request was made from."""
    found = _ETAG.fullmatch(request.headers.get("if-match", ""))
    if not found:
        raise Wrong("If-Match")
    return found[1]


def json_object(request: Request) -> dict[str, Any]:
    """Return the body, which must be a JSON object."""
    try:
        body = request.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Wrong("body")
    return body


def text(body: dict[str, Any], name: str, longest: int) -> str:
    """Return a member that must be a text."""
    value = body.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise Wrong(name)
    return value


def timestamp(seconds: float) -> str:
    """Return a time as the contract writes it."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()
