"""Show what an update would do."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from report.plan import Effect, PlannedStep, changes_of, planned
from report.record import ConnectionRecord, RunRecord
from report.text import printable
from report.verdict import outcome_of, outcome_of_run

_COLOURS = {
    Effect.CHANGES: "bold yellow",
    Effect.MAY_CHANGE: "yellow",
    Effect.IF_NEEDED: "dim",
    Effect.ALREADY_SO: "cyan",
    Effect.FAILS: "bold red",
    Effect.NOT_REACHED: "red",
}


def show_plan(record: RunRecord, console: Console) -> None:
    """Print the plan of every connection, and in one line each what it would change or why it would fail."""
    for connection in record.connections:
        steps = planned(record, connection)
        console.print()
        console.print(_text(f"{connection.name}: {connection.asked}", "bold"))
        console.print(_table(steps))
        for line, style in _conclusion(connection, steps):
            console.print(Padding(_text(line, style), (0, 0, 0, 2)))
    if record.error is not None:
        console.print(_text(f"\n{record.error}", "bold red"))
        console.print(_text(f"What to do: {record.error.what_to_do()}"))


def _table(steps: tuple[PlannedStep, ...]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 0))
    table.add_column(width=4, justify="right")
    table.add_column(width=max(len(item.effect.value) for item in steps), no_wrap=True)
    table.add_column(overflow="fold")
    for item in steps:
        said = Text(item.step.title)
        if item.changes:
            said.append(f" (changes: {item.changes})", "yellow")
        if item.says:
            said.append(f"\n{printable(item.says)}", "dim")
        table.add_row(
            Text(item.step.number, "bold"),
            Text(item.effect.value, _COLOURS.get(item.effect, "green")),
            said,
        )
    return table


def _conclusion(
    connection: ConnectionRecord, steps: tuple[PlannedStep, ...]
) -> list[tuple[str, str]]:
    if connection.error is not None:
        return [
            (f"An update would fail: {connection.error}", "bold red"),
            (f"What to do: {connection.error.what_to_do()}", ""),
        ]
    changes, perhaps = changes_of(steps), changes_of(steps, Effect.MAY_CHANGE)
    more = f"; perhaps: {', '.join(perhaps)}" if perhaps else ""
    lines = [(f"An update would change: {', '.join(changes)}{more}.", "bold")]
    if connection.consent is not None and not connection.consent.ready:
        word = connection.consent.verdict.value
        lines.append((f"The consent as it is now: {word}. E6 and R come to that.", "yellow"))
    lines += [
        (f"Finding: {item.code} {item.subject}: {item.what_to_do()}", "yellow")
        for item in connection.findings
        if not item.code.startswith("consent.")
    ]
    lines += [(f"Not checked: {what}", "yellow") for what in connection.unchecked]
    return lines


def _text(text: str, style: str = "") -> Text:
    return Text(printable(text), style)


def plan_as_data(record: RunRecord) -> dict[str, object]:
    """Return the plan as plain data for ``--json``."""
    return {
        "service": record.service,
        "outcome": outcome_of_run(record).name,
        "error": str(record.error) if record.error else None,
        "what_to_do": record.error.what_to_do() if record.error else None,
        "flow_run": record.run_id,
        "connections": [_connection(record, item) for item in record.connections],
    }


def _connection(record: RunRecord, item: ConnectionRecord) -> dict[str, object]:
    steps = planned(record, item)
    return {
        "name": item.name,
        "asked": item.asked,
        "outcome": outcome_of(item, record).name,
        "error": str(item.error) if item.error else None,
        "what_to_do": item.error.what_to_do() if item.error else None,
        "consent": item.consent.verdict.value if item.consent else None,
        "changes": [] if item.error else list(changes_of(steps)),
        "may_change": [] if item.error else list(changes_of(steps, Effect.MAY_CHANGE)),
        "findings": [
            {"code": f.code, "subject": f.subject, "what_to_do": f.what_to_do()}
            for f in item.findings
        ],
        "not_checked": item.unchecked,
        "steps": [
            {
                "step": planned_step.step.number,
                "title": planned_step.step.title,
                "effect": planned_step.effect.value,
                "changes": planned_step.changes or None,
                "says": planned_step.says,
            }
            for planned_step in steps
        ],
    }
