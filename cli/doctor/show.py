"""The diagnosis as a person reads it, and as a program does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from cli.doctor.model import Area, Check, Outcome, Result
from cli.doctor.words import many
from cli.exits import Exit
from report.text import printable

_MARKS = {
    Result.PASSED: ("✓", "green"),
    Result.WARNING: ("!", "bold yellow"),
    Result.FAULT: ("✗", "bold red"),
    Result.NOT_LOOKED: ("·", "dim"),
}
_COLUMN = 34
_ROOM = 38
"""Columns that are enough for what was seen to stand beside its check."""
_MOST_AREAS = 4


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Every check with its outcome, and how long it all took in seconds."""

    checks: Sequence[Check]
    seconds: float

    def of(self, result: Result) -> list[tuple[Check, Outcome]]:
        """Return the checks with one result, in their order."""
        return [
            (it, it.outcome) for it in self.checks if it.outcome and it.outcome.result is result
        ]

    @property
    def wrong(self) -> list[tuple[Check, Outcome]]:
        """The faults, then the warnings."""
        return [*self.of(Result.FAULT), *self.of(Result.WARNING)]

    @property
    def exit(self) -> Exit:
        """What the command ends with."""
        if self.of(Result.FAULT):
            return Exit.CHECK_FAILED
        return Exit.WARNING_FOUND if self.of(Result.WARNING) else Exit.OK

    @property
    def summary(self) -> str:
        """One sentence: whether it is healthy, and how much was looked at."""
        count = Counter(it.outcome.result for it in self.checks if it.outcome)
        passed = f"{many(count[Result.PASSED], 'check')} passed"
        left = count[Result.NOT_LOOKED]
        rest = f", {left} not looked at" if left else ""
        tail = f"{passed}{rest}, in {self.seconds:.1f} s"
        found = [
            many(count[result], result.value)
            for result in (Result.FAULT, Result.WARNING)
            if count[result]
        ]
        return f"{' and '.join(found)}; {tail}." if found else f"Healthy: {tail}."

    def hidden_by(self, cause: Check) -> list[Check]:
        """Return what was not looked at because of a fault."""
        return [it for it in self.checks if it.outcome and it.outcome.because is cause]

    def as_data(self) -> dict[str, object]:
        """Return it as plain data for ``--json``."""
        counts = {result.value: len(self.of(result)) for result in Result}
        return {
            "schema": 1,
            "healthy": self.exit is Exit.OK,
            "summary": self.summary,
            "seconds": round(self.seconds, 3),
            "counts": counts,
            "checks": [_data(item, item.outcome) for item in self.checks if item.outcome],
        }


def _data(item: Check, outcome: Outcome) -> dict[str, object]:
    return {
        "id": item.kind.id,
        "area": item.kind.area.value,
        "subject": item.subject,
        "title": item.kind.wanted,
        "result": outcome.result.value,
        "looked_at": outcome.seen,
        "fault": outcome.fault,
        "fix": outcome.fix,
        "because": str(outcome.because) if outcome.because else "",
        "seconds": round(outcome.seconds, 3),
    }


def show(console: Console, diagnosis: Diagnosis, *, verbose: bool) -> None:
    """Print what is wrong, each with its fix, and the summary; with ``verbose`` every check before that."""
    if verbose:
        for area in Area:
            _show_area(console, diagnosis, area)
    for item, outcome in diagnosis.wrong:
        _show_wrong(console, diagnosis, item, outcome)
    _say(console, Text(diagnosis.summary, _colour(diagnosis)))
    if diagnosis.wrong:
        areas = list(dict.fromkeys(item.kind.area.value for item, _ in diagnosis.wrong))
        only = "".join(f" --only {area}" for area in areas) if len(areas) < _MOST_AREAS else ""
        _say(console, Text(f"Look again when it is done: account-rotation doctor{only}", "dim"))


def _colour(diagnosis: Diagnosis) -> str:
    return {Exit.OK: "bold green", Exit.WARNING_FOUND: "bold yellow"}.get(
        diagnosis.exit, "bold red"
    )


def _show_wrong(console: Console, diagnosis: Diagnosis, item: Check, outcome: Outcome) -> None:
    mark, style = _MARKS[outcome.result]
    hidden = diagnosis.hidden_by(item)
    also = f"; because of it {many(len(hidden), 'check')} not looked at" if hidden else ""
    _say(console, _text(outcome.fault, "bold"), Text(f"  {mark} ", style))
    _say(console, _text(outcome.fix), Text("fix ", "green"))
    _say(console, _text(f"{item}{also}", "dim"), Text(" " * 4))
    console.print()


def _show_area(console: Console, diagnosis: Diagnosis, area: Area) -> None:
    kinds: dict[str, list[tuple[Check, Outcome]]] = {}
    for item in diagnosis.checks:
        if item.kind.area is area and item.outcome is not None:
            kinds.setdefault(item.kind.id, []).append((item, item.outcome))
    if not kinds:
        return
    _say(console, Text(area.value, "bold"))
    for name, group in kinds.items():
        if len(group) == 1:
            item, outcome = group[0]
            subject = f"  {item.subject}" if item.subject else ""
            _show_line(console, Text.assemble(name, (subject, "cyan")), outcome, 2, _COLUMN)
            continue
        _say(console, Text(f"{name}: {group[0][0].kind.wanted}"), Text("    "))
        longest = max(len(item.subject) for item, _ in group)
        for item, outcome in group:
            _show_line(console, Text(item.subject, "cyan"), outcome, 6, longest)
    console.print()


def _show_line(console: Console, head: Text, outcome: Outcome, indent: int, column: int) -> None:
    """Print what was looked at, and what was seen beside it where there is room, else below."""
    mark, style = _MARKS[outcome.result]
    lead = Text.assemble(" " * indent, (mark, style), " ")
    seen = outcome.seen or outcome.fault
    if outcome.result is Result.NOT_LOOKED:
        because = f"{outcome.because} did not pass" if outcome.because else outcome.seen
        seen = f"not looked at: {because}"
    said = _text(seen, "dim")
    beside = Text.assemble(lead, head, " " * max(0, column - len(head)), "  ")
    if console.width - len(beside) >= min(len(said), _ROOM) and len(head) <= column:
        _say(console, said, beside)
    else:
        _say(console, head, lead)
        _say(console, said, Text(" " * (indent + 2)))


def _say(console: Console, text: Text, lead: Text | None = None) -> None:
    """Print a text, wrapped behind its lead, and without spaces at the ends of lines."""
    lead = lead or Text()
    for number, line in enumerate(text.wrap(console, max(20, console.width - len(lead)))):
        line.rstrip()
        front = lead if number == 0 else Text(" " * len(lead))
        console.print(front + line, highlight=False, soft_wrap=True)


def _text(text: str, style: str = "") -> Text:
    """Show foreign text as it is: no markup, and nothing that moves the cursor."""
    return Text(printable(text), style)
