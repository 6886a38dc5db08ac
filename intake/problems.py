"""Refusals as RFC 9457 problem documents. None repeats what was sent."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

TITLES = {
    400: "The request is malformed",
    401: "The request is not authenticated",
    404: "There is nothing here",
    405: "This method is not for this address",
    408: "The body took too long to arrive",
    411: "The length is missing",
    413: "The body is too large",
    415: "The content type is not for this address",
    422: "The message is no hint",
    429: "Too many requests",
    500: "The intake failed",
    503: "The intake cannot keep the hint now",
}
MEDIA = "application/problem+json"


class Problem(Exception):
    """One refusal: its status, a sentence that quotes nothing, and when to come again."""

    def __init__(self, status: int, detail: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.detail = detail
        self.retry_after = retry_after

    def response(self) -> JSONResponse:
        """Return the answer."""
        return answer(self.status, self.detail, retry_after=self.retry_after)


def answer(
    status: int,
    detail: str = "",
    *,
    retry_after: float | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """Return a problem document with the headers that belong to its status."""
    told = dict(headers or {})
    if status == 401:
        told["WWW-Authenticate"] = 'Bearer realm="account-rotation intake"'
    if retry_after is not None:
        told["Retry-After"] = str(max(1, round(retry_after)))
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": TITLES.get(status, "The request is refused"),
        "status": status,
    }
    if detail:
        body["detail"] = detail
    return JSONResponse(body, status, headers=told, media_type=MEDIA)
