"""Run a flow in this process against the configured Prefect API, and show it while it goes on."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from rich.console import Console
from rich.text import Text

# Before Prefect is imported: its own lines would mix with ours. They still reach the API.
os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")

from prefect.client.schemas.objects import State
from prefect.settings import get_current_settings

from cli.answering import Terminal, somebody_is_here
from cli.output import Progress, progress, write_json
from cli.run_data import as_data, several_as_data
from connectors.errors import RotationError, Unknown, Unreachable
from flows.asking import answering
from flows.remediate_consent import remediate_consent
from flows.rotate_account_credentials import rotate_account_credentials
from flows.update_account_credentials import update_account_credentials
from flows.verify_connections import verify_connections
from report.record import Entry, RunRecord, listening
from report.terminal import show_entry, show_record
from report.verdict import worst_of

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
    return _show_one(flow, f"update {service}", unstarted, as_json=as_json, console=console)


def run_rotation(
    connection: str, *, dry_run: bool, as_json: bool, console: Console, **choices: bool
) -> RunRecord:
    """Run the rotation of one connection here and now, with the flow's other choices; return its record."""
    flow = partial(rotate_account_credentials, connection, dry_run=dry_run, **choices)
    unstarted = RunRecord("rotate", "no flow run", "", dry_run)
    return _show_one(flow, f"rotate {connection}", unstarted, as_json=as_json, console=console)


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
    return _show_one(flow, f"remediate {connection}", unstarted, as_json=as_json, console=console)


def run_verification(
    services: Sequence[str], *, as_json: bool, console: Console
) -> list[RunRecord]:
    """Verify what the consoles of these services hold, or of all for none; return one record per service."""
    flow = partial(verify_connections, list(services) or None)
    unstarted = RunRecord("verify", "no flow run", "", dry_run=True)
    quiet = Console(quiet=True) if as_json else console
    title = f"verify {' '.join(services) or 'every service'}"
    quiet.rule(Text(title), style="dim")
    records = run_here(flow, title, unstarted, quiet)
    for record in records:
        show_record(quiet, record)
    _say_where(quiet, records[0])
    if as_json:
        write_json(several_as_data(records))
    return records


def plan_update(
    service: str, connections: Sequence[str] | None, secret_version: int | None
) -> RunRecord:
    """Run the update as a dry run, and print nothing; return its record."""
    wanted = list(connections) if connections else None
    flow = partial(update_account_credentials, service, wanted, secret_version, dry_run=True)
    unstarted = RunRecord("plan", "no flow run", service, dry_run=True)
    return run_here(flow, f"plan {service}", unstarted, Console(quiet=True))[0]


def _show_one(
    flow: Flow, title: str, unstarted: RunRecord, *, as_json: bool, console: Console
) -> RunRecord:
    quiet = Console(quiet=True) if as_json else console
    quiet.rule(Text(title), style="dim")
    (record,) = run_here(flow, title, unstarted, quiet)
    show_record(quiet, record)
    _say_where(quiet, record)
    if as_json:
        write_json(as_data(record))
    return record


def run_here(flow: Flow, title: str, unstarted: RunRecord, console: Console) -> list[RunRecord]:
    """Run a flow, print its steps as they end, and return its records, or ``unstarted`` if it made none.

    What went wrong with Prefect itself is the error of the first record.
    """
    records: list[RunRecord] = []
    with (
        progress(f"{title}: starting") as line,
        _answered_here(console, line),
        listening(partial(_hear, console, line, title), records.append),
    ):
        problem: RotationError | None
        try:
            state = flow(return_state=True)
        except Exception as error:  # noqa: BLE001  of Prefect's engine; what was done must be told
            problem = _prefect_is_away(error, started=bool(records))
        else:
            problem = _not_as_it_ended(state, records)
    records = records or [unstarted]
    records[0].error = records[0].error or problem
    return records


def _hear(console: Console, line: Progress, title: str, entry: Entry) -> None:
    with line.aside():
        show_entry(console, entry)
    line.now(f"{title}: after {entry.number} {entry.title}")


def _answered_here(console: Console, line: Progress) -> AbstractContextManager[None]:
    """Have a person at this terminal answer what a run asks; where there is none, the run says how it is started."""
    if console.quiet or not somebody_is_here():
        return nullcontext()
    return answering(Terminal(console, line).answer)


def _prefect_is_away(error: Exception, *, started: bool) -> Unreachable:
    """Say that Prefect did not keep track, by the kind of what it raised and not its text."""
    done = "What was done is shown above." if started else "Nothing was started."
    return Unreachable(
        "prefect",
        "keep track of the run",
        cause=type(error).__name__,
        advice=f"{done} Make sure that Prefect's API answers (prefect version, PREFECT_API_URL), then "
        "start it again: it finds what is already so.",
    )


def _not_as_it_ended(state: State[Any], records: Sequence[RunRecord]) -> RotationError | None:
    """Return an error when Prefect ended the run in another state than the one that was computed."""
    if records and state.name == worst_of(records).name:
        return None
    return Unknown("prefect", "end the run", state=state.name)


def _say_where(console: Console, record: RunRecord) -> None:
    ui = get_current_settings().ui_url
    if ui:
        console.print(f"The run in the Prefect UI: {ui}/runs/flow-run/{record.run_id}", style="dim")
