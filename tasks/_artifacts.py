"""Keep a text in Prefect, with errors that say what became of it."""

from __future__ import annotations

import httpx
from prefect.artifacts import create_markdown_artifact

from connectors.errors import RotationError, Unknown, Unreachable

_NOT_KEPT = (
    "The connections are what this run says of them; only Prefect has no report of it. Bring its API "
    "back, then start the run again: it finds what is already so."
)


def keep_markdown(key: str, markdown: str, description: str) -> None:
    """Write an artifact. Raises Unreachable when Prefect's API does not answer, Unknown when it refuses."""
    try:
        create_markdown_artifact(key=key, markdown=markdown, description=description)
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        kind = Unreachable if status == httpx.codes.TOO_MANY_REQUESTS or status >= 500 else Unknown
        problem: RotationError = kind(
            "prefect", "write the report", status=status, advice=_NOT_KEPT
        )
    except httpx.HTTPError as error:
        cause = type(error).__name__
        problem = Unreachable("prefect", "write the report", cause=cause, advice=_NOT_KEPT)
    else:
        return
    raise problem
