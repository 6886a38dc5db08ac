"""The report of one connection as markdown: it reads like the article, and holds no secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from connectors.active_directory.models import RightCheck
from connectors.entra.models import ConsentReview
from connectors.models import Finding, Presence
from report import rights
from report.procedure import Source, Step
from report.record import ConnectionRecord, Entry, Result, RunRecord
from report.text import printable
from report.verdict import outcome_of

MARKS = {
    Result.DONE: "✔ done",
    Result.ALREADY_SO: "↷ skipped (already so)",
    Result.RETRYING: "↻ retrying",
    Result.FAILED: "✘ failed",
}
NOT_RUN = "· not run"


def plain(text: str) -> str:
    """Keep foreign text what it is: no pipes, line breaks, HTML, links or emphasis come to life."""
    clean = re.sub(r"([\\|`*_~\[\]])", r"\\\1", printable(text))
    clean = clean.replace("&", "&amp;").replace("<", "&lt;").replace("://", "\\://")
    clean = re.sub(r"(?i)\b(www)\.", r"\1\\.", clean)
    # At the beginning of a line these would start a list, a heading or a quotation.
    return re.sub(
        r"^([#>+=-]|\d+(?=[.)]))",
        r"\\\1" if not clean[:1].isdigit() else r"\1\\",
        " ".join(clean.split()),
    )


def render(run: RunRecord, connection: ConnectionRecord) -> str:
    """Return the whole report of one connection of a run."""
    outcome = outcome_of(connection, run)
    parts = [
        f"# {outcome.name}: {plain(connection.name)}",
        outcome.meaning,
        _asked(run, connection),
        f"**Gap:** {plain(str(connection.gap))}." if connection.gap else "",
        _what_to_do(connection),
        "## The procedure",
        _procedure(run, connection),
        "### Evidence",
        _evidence(run, connection),
        _consent(connection.consent),
        _plan(connection),
        _rights(connection.rights),
        "## Findings",
        _findings(connection.findings),
        "## Not checked",
        _bullets(map(plain, connection.unchecked))
        or "Everything that this run was to check was checked.",
        _legend(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _asked(run: RunRecord, connection: ConnectionRecord) -> str:
    rows = (
        ("asked for", plain(connection.asked)),
        ("service", plain(run.service)),
        ("flow run", plain(f"{run.flow}, {run.run_id}")),
        ("started", f"{run.started:%Y-%m-%d %H:%M:%S} UTC"),
        ("dry run", "yes: nothing was changed" if run.dry_run else "no"),
    )
    return _table(("what", "value"), rows)


def _what_to_do(connection: ConnectionRecord) -> str:
    if connection.error is None:
        return ""
    return f"## What to do\n\n**{plain(str(connection.error))}**\n\n{plain(connection.error.what_to_do())}"


def _procedure(run: RunRecord, connection: ConnectionRecord) -> str:
    rows = [row for step in connection.steps for row in step_rows(run, connection, step)]
    return _table(("step", "what", "from", "result", "at (UTC)", "took"), rows)


def _tries(run: RunRecord, connection: ConnectionRecord, step: Step) -> list[Entry]:
    return [e for e in (*run.entries, *connection.entries) if e.number.rstrip("u") == step.number]


def step_rows(run: RunRecord, connection: ConnectionRecord, step: Step) -> list[tuple[str, ...]]:
    """Return the table rows of one step: each of its tries, its undo, or that it was not run."""
    seen = _tries(run, connection, step)
    shown = step.title if step.source is Source.OURS else f"**{step.title}**"
    if not seen:
        # F2 writes this very report, so its own entry cannot be in it yet.
        result = MARKS[Result.DONE] if step.number == "F2" else NOT_RUN
        return [(step.number, shown, step.source.value, result, "", "")]
    return [
        (
            entry.number,
            shown if entry.number == step.number else f"undo: {shown}",
            step.source.value,
            MARKS[entry.result],
            f"{entry.started:%H:%M:%S}",
            f"{entry.seconds:.2f} s",
        )
        for entry in seen
    ]


def _evidence(run: RunRecord, connection: ConnectionRecord) -> str:
    """Return what was seen at each step, or why it was not run; cells of a table would not wrap."""
    lines = []
    for step in connection.steps:
        seen = _tries(run, connection, step)
        lines += [f"**{entry.number}** {plain(entry.evidence)}" for entry in seen]
        if not seen and step.number != "F2":
            lines.append(f"**{step.number}** not run: {why_not_run(run, connection, step)}")
    return _bullets(lines)


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


def _consent(review: ConsentReview | None) -> str:
    if review is None:
        return ""
    rows = [
        (
            plain(line.permission.value),
            line.permission.kind.value,
            plain(line.permission.resource),
            ", ".join(how.value for how in line.granted) or "**not granted**",
            "yes" if line.required else "no",
        )
        for line in review.lines
    ]
    app = f"{review.app.display_name}, app id {review.app.app_id}" if review.app else "none found"
    heading = f"## Consent: {review.verdict.value}\n\nEntra app: {plain(app)}\n\n"
    return heading + _table(("permission", "type", "resource", "granted", "required"), rows)


def _plan(connection: ConnectionRecord) -> str:
    """Return what would repair a consent that is not complete, in its order."""
    plan = connection.plan
    if plan is None or plan.empty or connection.consent is None or connection.consent.ready:
        return ""
    lines = (f"{number}. {plain(line)}" for number, line in enumerate(plan.lines(), 1))
    return f"## What would repair it: plan {plan.digest}\n\n" + "\n".join(lines)


def _rights(checks: Sequence[RightCheck]) -> str:
    if not checks:
        return ""
    heads = ["right", *(plain(column.title) for column in rights.columns(checks))]
    rows = [(right.value, *map(_told, told)) for right, told in rights.rows(checks)]
    return f"## Rights\n\n{_table(heads, rows)}\n\n{rights.NOT_KNOWN}"


def _told(presence: Presence | None) -> str:
    if presence is None:
        return ""
    return presence.value if presence is Presence.PRESENT else f"**{presence.value}**"


def _advice(text: str) -> str:
    """Return advice whose first line says what for, and whose others are one command each."""
    first, *others = text.splitlines() or [""]
    return "\n\n".join(filter(None, (plain(first), _bullets(map(plain, others)))))


def _findings(findings: Iterable[Finding]) -> str:
    parts = [
        f"### {plain(f.subject)}\n\n{plain(f.detail)} (`{f.code}`)\n\n"
        f"**What to do:** {_advice(f.what_to_do())}"
        for f in findings
    ]
    return "\n\n".join(parts) or "None."


def _legend() -> str:
    return (
        "---\n\nSteps in bold are the vendor's documented steps; the others are this orchestrator's. "
        "No password, key or token is part of this report."
    )


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *map(list, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
