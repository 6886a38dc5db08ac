"""The report of one connection as markdown: it reads like the article, and holds no secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from connectors.active_directory.models import RightCheck
from connectors.entra.models import ConsentReview
from connectors.models import Finding, Presence
from report import matrix, rights
from report.document import ConnectionOfRun, Pause
from report.documenting import connection_of, waits_of
from report.pages import grants, timeline
from report.pages.markup import Markup, as_image
from report.procedure import Source, Step
from report.record import ConnectionRecord, Result, RunRecord
from report.steps import tries_of, why_not_run
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
    kept = connection_of(run, connection, datetime.now(UTC))
    parts = [
        f"# {outcome.name}: {plain(connection.name)}",
        outcome.meaning,
        _asked(run, connection),
        f"**Gap:** {plain(str(connection.gap))}." if connection.gap else "",
        _what_to_do(connection),
        _timeline(kept, waits_of(run)),
        "## The procedure",
        _procedure(run, connection),
        "### Evidence",
        _evidence(run, connection),
        _consent(connection.consent, kept),
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


def step_rows(run: RunRecord, connection: ConnectionRecord, step: Step) -> list[tuple[str, ...]]:
    """Return the table rows of one step: each of its tries, its undo, or that it was not run."""
    seen = tries_of(run, connection, step)
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
        seen = tries_of(run, connection, step)
        lines += [f"**{entry.number}** {plain(entry.evidence)}" for entry in seen]
        if not seen and step.number != "F2":
            lines.append(f"**{step.number}** not run: {why_not_run(run, connection, step)}")
    return _bullets(lines)


def _consent(review: ConsentReview | None, kept: ConnectionOfRun) -> str:
    if review is None:
        return ""
    rows = [
        (
            plain(row.permission),
            row.kind,
            plain(row.resource),
            *("● yes" if yes else "·" for yes in row.cells),
            f"{matrix.SIGNS[row.upshot]} {row.upshot.value}",
        )
        for row in matrix.rows(review)
    ]
    app = f"{review.app.display_name}, app id {review.app.app_id}" if review.app else "none found"
    drawn = grants.draw(kept, alone=True)
    picture = _picture(f"Consent matrix. {matrix.summary(matrix.rows(review))}", drawn)
    heading = f"## Consent: {review.verdict.value}\n\nEntra app: {plain(app)}\n\n{picture}"
    head = ("permission", "type", "resource", *matrix.COLUMNS, "comes to")
    return heading + _table(head, rows)


def _timeline(kept: ConnectionOfRun, waits: Sequence[Pause]) -> str:
    said = f"Timeline. {timeline.told(kept, waits)} The table below says the same."
    picture = _picture(said, timeline.draw(kept, waits, alone=True))
    return f"## Timeline\n\n{picture}".rstrip() if picture else ""


def _picture(said: str, drawn: Markup | None) -> str:
    """Return a drawing as an image, which Prefect shows; markup in the text itself it does not (decision 0010)."""
    return f"![{plain(said)}]({as_image(drawn)})\n\n" if drawn else ""


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
