"""The report of one connection as markdown: it reads like the article, and holds no secret."""

from __future__ import annotations

from collections.abc import Iterable

from connectors.entra.models import ConsentReview
from connectors.models import Finding
from report.procedure import Source, Step
from report.record import ConnectionRecord, Entry, Result, RunRecord
from report.verdict import outcome_of

MARKS = {
    Result.DONE: "✔ done",
    Result.ALREADY_SO: "↷ skipped (already so)",
    Result.RETRYING: "↻ retrying",
    Result.FAILED: "✘ failed",
}
NOT_RUN = "· not run"


def render(run: RunRecord, connection: ConnectionRecord) -> str:
    """Return the whole report of one connection of a run."""
    outcome = outcome_of(connection, run)
    parts = [
        f"# {outcome.name}: {connection.name}",
        outcome.meaning,
        _asked(run, connection),
        _what_to_do(connection),
        "## The procedure",
        _procedure(run, connection),
        _consent(connection.consent),
        "## Findings",
        _findings(connection.findings),
        "## Not checked",
        _bullets(connection.unchecked) or "Everything that this run was to check was checked.",
        _legend(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _asked(run: RunRecord, connection: ConnectionRecord) -> str:
    rows = (
        ("asked for", connection.asked),
        ("service", run.service),
        ("flow run", f"{run.flow}, {run.run_id}"),
        ("started", f"{run.started:%Y-%m-%d %H:%M:%S} UTC"),
        ("dry run", "yes: nothing was changed" if run.dry_run else "no"),
    )
    return _table(("what", "value"), rows)


def _what_to_do(connection: ConnectionRecord) -> str:
    if connection.error is None:
        return ""
    return f"## What to do\n\n**{_cell(str(connection.error))}**\n\n{connection.error.what_to_do()}"


def _procedure(run: RunRecord, connection: ConnectionRecord) -> str:
    rows = [row for step in connection.steps for row in step_rows(run, connection, step)]
    return _table(("step", "what", "from", "result", "at (UTC)", "took", "evidence"), rows)


def step_rows(
    run: RunRecord, connection: ConnectionRecord, step: Step
) -> list[tuple[str, str, str, str, str, str, str]]:
    """Return the table rows of one step: its tries, its undo, or why it was not run."""
    seen = [e for e in (*run.entries, *connection.entries) if e.number.rstrip("u") == step.number]
    shown = step.title if step.source is Source.OURS else f"**{step.title}**"
    if not seen and step.number == "F2":
        return [(step.number, shown, step.source.value, MARKS[Result.DONE], "", "", "this report")]
    if not seen:
        why = why_not_run(run, connection, step)
        return [(step.number, shown, step.source.value, NOT_RUN, "", "", why)]
    return [
        (
            entry.number,
            shown if entry.number == step.number else f"undo: {shown}",
            step.source.value,
            MARKS[entry.result],
            f"{entry.started:%H:%M:%S}",
            f"{entry.seconds:.2f} s",
            entry.evidence,
        )
        for entry in seen
    ]


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
    return next((e for e in reversed(list(entries)) if e.result is Result.FAILED), None)


def _consent(review: ConsentReview | None) -> str:
    if review is None:
        return ""
    rows = [
        (
            f"`{line.permission.value}`",
            line.permission.kind.value,
            line.permission.resource,
            ", ".join(how.value for how in line.granted) or "**not granted**",
            "yes" if line.required else "no",
        )
        for line in review.lines
    ]
    app = f"{review.app.display_name}, app id {review.app.app_id}" if review.app else "no app found"
    heading = f"## Consent: {review.verdict.value}\n\nEntra app: {app}\n\n"
    return heading + _table(("permission", "type", "resource", "granted", "required"), rows)


def _findings(findings: Iterable[Finding]) -> str:
    rows = [(f"`{f.code}`", f.subject, f.detail, f.what_to_do()) for f in findings]
    return _table(("finding", "about", "detail", "what to do"), rows) if rows else "None."


def _legend() -> str:
    return (
        "---\n\nSteps in bold are the vendor's documented steps; the others are this orchestrator's. "
        "No password, key or token is part of this report."
    )


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *([_cell(c) for c in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    """Keep foreign text inside its cell: no pipes, no line breaks, no HTML."""
    clean = text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return " ".join(clean.split())
