"""Run a flow in this process against the configured Prefect API, and show it while it goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

from rich.console import Console

# Before Prefect is imported: its own lines would mix with ours. They still reach the API.
os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")

from prefect.settings import get_current_settings

from flows.update_account_credentials import update_account_credentials
from report.record import RunRecord, listening
from report.terminal import show_entry, show_record
from report.verdict import outcome_of, outcome_of_run


def run_update(
    service: str,
    connections: Sequence[str] | None,
    secret_version: int | None,
    *,
    dry_run: bool,
    as_json: bool,
    console: Console,
) -> RunRecord:
    """Run the update here and now; return its record."""
    records: list[RunRecord] = []
    quiet = Console(quiet=True) if as_json else console
    quiet.rule(f"update {service}", style="dim")
    with listening(lambda entry: show_entry(quiet, entry), records.append):
        update_account_credentials(
            service,
            list(connections) if connections else None,
            secret_version,
            dry_run=dry_run,
            return_state=True,
        )
    (record,) = records
    show_record(quiet, record)
    _say_where(quiet, record)
    if as_json:
        console.print_json(json.dumps(as_data(record)))
    return record


def as_data(record: RunRecord) -> dict[str, object]:
    """Return the run as plain data for ``--json``."""
    return {
        "flow_run": record.run_id,
        "service": record.service,
        "dry_run": record.dry_run,
        "outcome": outcome_of_run(record).name,
        "connections": [
            {
                "name": item.name,
                "outcome": outcome_of(item, record).name,
                "error": str(item.error) if item.error else None,
                "what_to_do": item.error.what_to_do() if item.error else None,
                "consent": item.consent.verdict.value if item.consent else None,
                "findings": [
                    {"code": f.code, "subject": f.subject, "what_to_do": f.what_to_do()}
                    for f in item.findings
                ],
                "not_checked": item.unchecked,
                "steps": [
                    {
                        "step": entry.number,
                        "result": entry.result.value,
                        "seconds": round(entry.seconds, 3),
                        "evidence": entry.evidence,
                    }
                    for entry in (*record.entries, *item.entries)
                ],
            }
            for item in record.connections
        ],
    }


def _say_where(console: Console, record: RunRecord) -> None:
    ui = get_current_settings().ui_url
    if ui:
        console.print(f"The run in the Prefect UI: {ui}/runs/flow-run/{record.run_id}", style="dim")
