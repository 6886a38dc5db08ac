"""Run a flow in this process against the configured Prefect API, and show it while it goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from rich.console import Console
from rich.text import Text

# Before Prefect is imported: its own lines would mix with ours. They still reach the API.
os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")

from prefect.client.schemas.objects import State
from prefect.settings import get_current_settings

from connectors.errors import RotationError, Unknown, Unreachable
from flows.remediate_consent import remediate_consent
from flows.rotate_account_credentials import rotate_account_credentials
from flows.update_account_credentials import update_account_credentials
from report.record import Gap, RunRecord, listening
from report.terminal import show_entry, show_record
from report.verdict import outcome_of, outcome_of_run

Flow = Callable[..., Any]
"""A flow with its parameters, which takes ``return_state``."""


def run_update(
    service: str,
    connections: Sequence[str] | None,
    secret_version: int | None,
    *,
    dry_run: bool,
    as_json: bool,
    console: Console,
    **choices: bool,
) -> RunRecord:
    """Run the update here and now, with the flow's other choices by their names; return its record."""
    wanted = list(connections) if connections else None
    flow = partial(
        update_account_credentials, service, wanted, secret_version, dry_run=dry_run, **choices
    )
    unstarted = RunRecord("update", "no flow run", service, dry_run)
    return _run_here(flow, f"update {service}", unstarted, as_json=as_json, console=console)


def run_rotation(
    connection: str, *, dry_run: bool, as_json: bool, console: Console, **choices: bool
) -> RunRecord:
    """Run the rotation of one connection here and now, with the flow's other choices; return its record."""
    flow = partial(rotate_account_credentials, connection, dry_run=dry_run, **choices)
    unstarted = RunRecord("rotate", "no flow run", "", dry_run)
    return _run_here(flow, f"rotate {connection}", unstarted, as_json=as_json, console=console)


def run_remediation(
    connection: str,
    *,
    dry_run: bool,
    approve: str | None,
    approved_by: str | None,
    as_json: bool,
    console: Console,
) -> RunRecord:
    """Run the remediation of one connection's consent here and now; return its record."""
    flow = partial(
        remediate_consent, connection, dry_run=dry_run, approve=approve, approved_by=approved_by
    )
    unstarted = RunRecord("remediate", "no flow run", "", dry_run)
    return _run_here(flow, f"remediate {connection}", unstarted, as_json=as_json, console=console)


def _run_here(
    flow: Flow, title: str, unstarted: RunRecord, *, as_json: bool, console: Console
) -> RunRecord:
    records: list[RunRecord] = []
    quiet = Console(quiet=True) if as_json else console
    quiet.rule(Text(title), style="dim")
    with listening(lambda entry: show_entry(quiet, entry), records.append):
        problem: RotationError | None
        try:
            state = flow(return_state=True)
        except Exception as error:  # noqa: BLE001  of Prefect's engine; what was done must be told
            problem = _prefect_is_away(error, started=bool(records))
        else:
            problem = _not_as_it_ended(state, records)
    record = records[0] if records else unstarted
    record.error = record.error or problem
    show_record(quiet, record)
    _say_where(quiet, record)
    if as_json:
        console.print_json(json.dumps(as_data(record)))
    return record


def _prefect_is_away(error: Exception, *, started: bool) -> Unreachable:
    """Say that Prefect did not keep track, by the kind of what it raised and not its text."""
    done = "What was done is shown above." if started else "Nothing was started."
    return Unreachable(
        "prefect",
        "keep track of the run",
        cause=type(error).__name__,
        advice=f"{done} Make sure that Prefect's API answers (prefect version, PREFECT_API_URL), then "
        "start the update again: it finds what is already so.",
    )


def _not_as_it_ended(state: State[Any], records: Sequence[RunRecord]) -> RotationError | None:
    """Return an error when Prefect ended the run in another state than the one that was computed."""
    if records and state.name == outcome_of_run(records[0]).name:
        return None
    return Unknown("prefect", "end the run", state=state.name)


def as_data(record: RunRecord) -> dict[str, object]:
    """Return the run as plain data for ``--json``."""
    return {
        "flow_run": record.run_id,
        "service": record.service,
        "dry_run": record.dry_run,
        "outcome": outcome_of_run(record).name,
        "error": str(record.error) if record.error else None,
        "what_to_do": record.error.what_to_do() if record.error else None,
        "connections": [
            {
                "name": item.name,
                "outcome": outcome_of(item, record).name,
                "error": str(item.error) if item.error else None,
                "what_to_do": item.error.what_to_do() if item.error else None,
                "gap": _gap(item.gap),
                "consent": item.consent.verdict.value if item.consent else None,
                "plan": {"name": item.plan.digest, "steps": item.plan.lines()}
                if item.plan
                else None,
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


def _gap(gap: Gap | None) -> dict[str, object] | None:
    if gap is None:
        return None
    return {"account": gap.account, "seconds": gap.seconds, "at_most": gap.at_most}


def _say_where(console: Console, record: RunRecord) -> None:
    ui = get_current_settings().ui_url
    if ui:
        console.print(f"The run in the Prefect UI: {ui}/runs/flow-run/{record.run_id}", style="dim")
