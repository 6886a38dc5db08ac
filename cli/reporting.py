"""What ``account-rotation report`` does: it reads the record that a run left in Prefect, and makes a page of it."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from uuid import UUID

# Before Prefect is imported: its own lines would mix with ours.
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
    ArtifactFilterType,
)
from prefect.client.schemas.objects import Artifact, FlowRun
from prefect.client.schemas.sorting import ArtifactSort
from prefect.exceptions import ObjectNotFound
from rich.console import Console
from rich.text import Text

from cli.files import write_page
from cli.output import write_json
from cli.prefect_server import speaking
from connectors.errors import NotFound
from report import document
from report.document import Document
from report.pages import run_page
from report.pages.run_page import Origin
from report.pages.words import moment
from report.text import printable

_OPERATION = "read the record of a run"


def show(run: str, html: Path | None, *, as_json: bool, console: Console) -> None:
    """Write the page, or print the record. Raises NotFound where Prefect keeps none, Unreachable, OutOfStep."""
    with get_client(sync_client=True) as client, speaking(str(client.api_url), _OPERATION):
        flow_run = _run(client, run)
        kept = _kept(client, flow_run)
        origin = _origin(client, flow_run, kept)
    documents = [document.read(item) for item in kept]
    if html is not None:
        write_page(html, run_page.render(documents, origin))
    if as_json:
        write_json(kept)
    else:
        _print(documents, html, console)


def _run(client: SyncPrefectClient, wanted: str) -> FlowRun:
    """Return a flow run by its id, or the last one that left a report of a connection."""
    try:
        return client.read_flow_run(_id(client, wanted))
    except ObjectNotFound:
        pass
    raise _missing(wanted)


def _id(client: SyncPrefectClient, wanted: str) -> UUID:
    try:
        return UUID(wanted)
    except ValueError:
        pass
    of_connection = ArtifactFilter(key=ArtifactFilterKey(any_=[wanted]))
    newest = _artifacts(client, of_connection, limit=1)
    if not newest or newest[0].flow_run_id is None:
        raise _missing(wanted)
    return newest[0].flow_run_id


def _artifacts(client: SyncPrefectClient, wanted: ArtifactFilter, limit: int) -> list[Artifact]:
    return client.read_artifacts(
        artifact_filter=wanted, sort=ArtifactSort.CREATED_DESC, limit=limit
    )


def _kept(client: SyncPrefectClient, flow_run: FlowRun) -> list[dict[str, object]]:
    """Return the records of a run, one per service; of several for one, the last that was written."""
    wanted = ArtifactFilter(
        flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run.id]),
        type=ArtifactFilterType(any_=[document.TYPE]),
    )
    found: dict[object, dict[str, object]] = {}
    for artifact in _artifacts(client, wanted, limit=200):
        # Prefect's client keeps a document as its text.
        data = json.loads(artifact.data) if isinstance(artifact.data, str) else artifact.data
        if isinstance(data, dict):
            found.setdefault(data.get("service"), data)
    if not found:
        raise _missing(str(flow_run.id))
    return [*reversed(found.values())]


def _missing(wanted: str) -> NotFound:
    return NotFound(
        "prefect",
        _OPERATION,
        run=printable(wanted),
        advice="Give the id of a flow run as the Prefect UI shows it, or the name of a connection that a run has "
        "reported on, and PREFECT_API_URL of that server. A run that an older version made, or that changed and "
        "looked at nothing, left no record.",
    )


def _origin(client: SyncPrefectClient, run: FlowRun, kept: list[dict[str, object]]) -> Origin:
    """Return what Prefect knows of the run and the record does not, and what a copy can be compared by."""
    digest = hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()
    by = run.created_by
    told = (
        ("started by", " ".join(filter(None, (by.type, by.display_value))).lower() if by else ""),
        ("deployment", _deployment(client, run)),
        ("work pool", run.work_pool_name or ""),
        ("state in Prefect", run.state.name or "" if run.state else ""),
    )
    made = (
        f"Made on {moment(datetime.now(UTC))} by account-rotation {version('cayosoft-account-rotation')} from the "
        f"record that Prefect keeps; SHA-256 of the record: {digest}"
    )
    return Origin(told, made)


def _deployment(client: SyncPrefectClient, run: FlowRun) -> str:
    if run.deployment_id is None:
        return "none: started from a command line"
    try:
        return client.read_deployment(run.deployment_id).name
    except ObjectNotFound:
        return "removed since"


def _print(documents: list[Document], html: Path | None, console: Console) -> None:
    for it in documents:
        console.print(
            Text(printable(f"{it.flow}, run {it.run}, {it.service}, {moment(it.started)}"))
        )
        for item in it.connections:
            console.print(Text(f"  {item.name}: {item.outcome.name}", "bold"))
            for found in item.findings:
                console.print(Text(printable(f"    {found.code}  {found.subject}")), soft_wrap=True)
    if html is not None:
        console.print(Text(f"Written to {html}"), soft_wrap=True)
    else:
        console.print(Text("Keep it as a page: --html FILE; the whole record: --json"), style="dim")
