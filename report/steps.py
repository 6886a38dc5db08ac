"""What became of a step of the procedure: its tries, or why there was none."""

from __future__ import annotations

from collections.abc import Iterable

from report.procedure import Step
from report.record import ConnectionRecord, Entry, Result, RunRecord


def tries_of(run: RunRecord, connection: ConnectionRecord, step: Step) -> list[Entry]:
    """Return the tries of a step and of its undo, in the order they were made."""
    return [e for e in (*run.entries, *connection.entries) if e.number.rstrip("u") == step.number]


def why_not_run(run: RunRecord, connection: ConnectionRecord, step: Step) -> str:
    """Say why a step of the procedure was not run."""
    failed = _last_failed((*run.entries, *connection.entries))
    if step.number == "V8":
        return "no operation failed" if connection.error is None else "no operation was refused"
    if step.number.startswith("R") and (connection.consent is None or connection.consent.ready):
        return "nothing to remediate" if connection.consent else "consent was not reviewed"
    if connection.error is not None:
        return f"not reached: {failed.number} failed" if failed else "not reached"
    if run.dry_run:
        return "dry run: it would change something"
    if connection.consent is not None and not connection.consent.ready:
        return "waits for a person: see the findings"
    return "not needed"


def _last_failed(entries: Iterable[Entry]) -> Entry | None:
    """Return what ended the run: not the undo of it, and not the search for its cause."""
    failed = [e for e in entries if e.result is Result.FAILED]
    ending = [e for e in failed if not e.number.endswith("u") and e.number != "V8"]
    return ending[-1] if ending else None
