"""F: record the evidence."""

from __future__ import annotations

from prefect.artifacts import create_markdown_artifact
from prefect.events import emit_event

from report import markdown
from report.record import ConnectionRecord, RunRecord, current_record
from report.verdict import outcome_of
from tasks._step import Answer, Done, step


@step("F2")
def record_evidence() -> Answer[None]:
    """Write one report per connection as a Prefect artifact, and one event per connection.

    The artifact's key is the connection's name: its history is the connection's history.
    """
    record = current_record()
    for connection in record.connections:
        create_markdown_artifact(
            key=connection.name,
            markdown=markdown.render(record, connection),
            description=f"{outcome_of(connection, record).name}: {connection.name}, "
            f"{record.started:%Y-%m-%d %H:%M} UTC",
        )
    for connection in record.connections:
        _announce(record, connection)
    return Done(None, f"{len(record.connections)} report(s) written")


def _announce(record: RunRecord, connection: ConnectionRecord) -> None:
    outcome = outcome_of(connection, record)
    emit_event(
        event=f"cayosoft.connection.{outcome.name.lower().replace(' ', '-')}",
        resource={
            "prefect.resource.id": f"cayosoft.connection.{record.service}.{connection.name}",
            "prefect.resource.name": connection.name,
        },
        payload={
            "service": record.service,
            "dry_run": record.dry_run,
            "findings": [finding.code for finding in connection.findings],
        },
    )
