"""Keep a text in Prefect, with errors that say what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from uuid import UUID

import httpx
from prefect.artifacts import Artifact, create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
)
from prefect.runtime import flow_run

from connectors.errors import RotationError, Unknown, Unreachable

_NOT_KEPT = (
    "The connections are what this run says of them; only Prefect has no report of it. Bring its API "
    "back, then start the run again: it finds what is already so."
)


def keep_markdown(key: str, markdown: str, description: str) -> UUID:
    """Write an artifact and return its id.

    Raises Unreachable when Prefect's API does not answer, Unknown when it refuses.
    """
    with told():
        made = create_markdown_artifact(key=key, markdown=markdown, description=description)
    return cast("UUID", made)


def keep_document(kind: str, document: dict[str, Any], description: str) -> None:
    """Write an artifact that the run has and that is no page of its own. Raises as ``keep_markdown`` does."""
    with told():
        Artifact(type=kind, data=document, description=description).create()


def is_kept(key: str) -> bool:
    """Say whether this run has written an artifact of this key already. Raises as ``keep_markdown`` does."""
    mine = ArtifactFilterFlowRunId(any_=[UUID(str(flow_run.get_id()))])
    wanted = ArtifactFilter(flow_run_id=mine, key=ArtifactFilterKey(any_=[key]))
    with told(), get_client(sync_client=True) as client:
        return bool(client.read_artifacts(artifact_filter=wanted, limit=1))


@contextmanager
def told() -> Iterator[None]:
    """Turn what Prefect's client raises while the evidence is recorded into our errors."""
    problem: RotationError
    try:
        yield
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        kind = Unreachable if status == httpx.codes.TOO_MANY_REQUESTS or status >= 500 else Unknown
        problem = kind("prefect", "write the report", status=status, advice=_NOT_KEPT)
    except httpx.HTTPError as error:
        cause = type(error).__name__
        problem = Unreachable("prefect", "write the report", cause=cause, advice=_NOT_KEPT)
    else:
        return
    raise problem
