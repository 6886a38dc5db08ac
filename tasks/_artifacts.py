"""Keep a text in Prefect, with errors that say what became of it."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from prefect.artifacts import Artifact, create_markdown_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
)
from prefect.runtime import flow_run

from tasks._prefect import told

_KEEP = "write the report"
_NOT_KEPT = (
    "The connections are what this run says of them; only Prefect has no report of it. Bring its API "
    "back, then start the run again: it finds what is already so."
)


def keep_markdown(key: str, markdown: str, description: str) -> UUID:
    """Write an artifact and return its id.

    Raises Unreachable when Prefect's API does not answer, Unknown when it refuses.
    """
    with told(_KEEP, _NOT_KEPT):
        made = create_markdown_artifact(key=key, markdown=markdown, description=description)
    return cast("UUID", made)


def keep_document(kind: str, document: dict[str, Any], description: str) -> None:
    """Write an artifact that the run has and that is no page of its own. Raises as ``keep_markdown`` does."""
    with told(_KEEP, _NOT_KEPT):
        Artifact(type=kind, data=document, description=description).create()


def is_kept(key: str) -> bool:
    """Say whether this run has written an artifact of this key already. Raises as ``keep_markdown`` does."""
    mine = ArtifactFilterFlowRunId(any_=[UUID(str(flow_run.get_id()))])
    wanted = ArtifactFilter(flow_run_id=mine, key=ArtifactFilterKey(any_=[key]))
    with told(_KEEP, _NOT_KEPT), get_client(sync_client=True) as client:
        return bool(client.read_artifacts(artifact_filter=wanted, limit=1))
