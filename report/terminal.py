"""The same report in a terminal: progress while the run goes on, the verdict at its end."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from connectors.active_directory.models import RightCheck
from connectors.entra.models import ConsentReview
from connectors.models import Presence
from report import rights
from report.markdown import MARKS
from report.record import ConnectionRecord, Entry, Result, RunRecord
from report.text import printable
from report.verdict import Outcome, outcome_of

_COLOURS = {
    Result.DONE: "green",
    Result.ALREADY_SO: "cyan",
    Result.RETRYING: "yellow",
    Result.FAILED: "bold red",
}


_FRAME = 6  # columns of a panel's border and padding
_OTHERS = 45  # columns that the rest of the consent table needs at least


def show_entry(console: Console, entry: Entry) -> None:
    """Print one finished try of a step: number, title and time, and its evidence below."""
    colour = _COLOURS[entry.result]
    line = Text.assemble(
        (f"{entry.number:>4} ", "bold"),
        (f"{MARKS[entry.result][0]} ", colour),
        (f"{entry.title:<53}", ""),
        (f"{entry.seconds:7.2f} s", "dim"),
    )
    console.print(line, highlight=False)
    said = entry.evidence
    if entry.result is not Result.DONE:
        said = f"{entry.result.value}: {said}"
    evidence = _text(said, "dim" if entry.result is Result.DONE else colour)
    console.print(Padding(evidence, (0, 0, 0, 7)), highlight=False)


def show_record(console: Console, run: RunRecord) -> None:
    """Print the end of a run: one panel per connection with verdict, consent, findings and what to do."""
    for connection in run.connections:
        outcome = outcome_of(connection, run)
        console.print(
            Panel(
                Group(*_parts(outcome, connection, console.width - _FRAME)),
                title=Text(f" {connection.name}: {outcome.name} "),
                title_align="left",
                border_style="green" if outcome.succeeded else "red",
                padding=(1, 2),
            ),
            highlight=False,
        )
    if run.error is not None:
        console.print(
            _text(f"\n{run.error}\n", "bold red"),
            _text(f"What to do: {run.error.what_to_do()}"),
            sep="",
            highlight=False,
        )


def _text(text: str, style: str = "") -> Text:
    """Show foreign text as it is: no markup, and nothing that moves the cursor."""
    return Text(printable(text), style)


def _parts(outcome: Outcome, connection: ConnectionRecord, width: int) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(outcome.meaning)]
    if connection.gap is not None:
        parts.append(_text(f"Gap: {connection.gap}."))
    if connection.error is not None:
        parts += [
            _text(f"\n{connection.error}", "bold red"),
            _text(f"What to do: {connection.error.what_to_do()}"),
        ]
    if connection.consent is not None:
        parts += [Text(), _consent(connection.consent, width)]
        parts += _plan(connection)
    if connection.rights:
        parts += [Text(), _rights(connection.rights), Text(rights.NOT_KNOWN, "dim")]
    for finding in connection.findings:
        head = Text.assemble("\n", (finding.code, "bold yellow"), printable(f"  {finding.subject}"))
        parts += [head, _text(finding.detail), _text(f"What to do: {finding.what_to_do()}")]
    for what in connection.unchecked:
        parts.append(_text(f"\nNot checked: {what}", "yellow"))
    return parts


def _plan(connection: ConnectionRecord) -> list[RenderableType]:
    plan = connection.plan
    if plan is None or plan.empty or connection.consent is None or connection.consent.ready:
        return []
    head = Text.assemble("\nWhat would repair it: ", (f"plan {plan.digest}", "bold"))
    lines = [_text(f"{number:>2}. {line}") for number, line in enumerate(plan.lines(), 1)]
    return [head, *lines]


def _consent(review: ConsentReview, width: int) -> RenderableType:
    table = Table(
        title=Text.assemble("Consent: ", (review.verdict.value, "bold")),
        title_justify="left",
        title_style="",
    )
    # Names are what a person copies: the other columns give way as long as they can.
    longest = max((len(line.permission.value) for line in review.lines), default=0)
    table.add_column("permission", overflow="fold", no_wrap=longest + _OTHERS <= width)
    for column in ("type", "resource", "granted"):
        table.add_column(column)
    for line in review.lines:
        granted = ", ".join(how.value for how in line.granted)
        table.add_row(
            _text(line.permission.value),
            line.permission.kind.value,
            _text(line.permission.resource),
            Text(granted or "not granted", "" if granted else "bold red"),
        )
    return table


def _rights(checks: Sequence[RightCheck]) -> RenderableType:
    table = Table(title=Text("Rights", "bold"), title_justify="left", title_style="")
    table.add_column("right", no_wrap=True)
    for column in rights.columns(checks):
        table.add_column(_text(column.title), overflow="fold")
    for right, told in rights.rows(checks):
        table.add_row(right.value, *(_told(presence) for presence in told))
    return table


def _told(presence: Presence | None) -> Text:
    colours = {Presence.MISSING: "bold red", Presence.UNTOLD: "yellow"}
    return Text(presence.value, colours.get(presence, "")) if presence else Text()
