"""Write the documents that follow from the code, or check that they are current.

``python docs/generate.py`` writes docs/errors.md, docs/cli.md, docs/bridge-checks.md and the tables in docs/procedure.md
and docs/doctor.md; with ``--check`` it ends with 1, and the command to run, when one of them is stale.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

from bridge_checks_page import bridge_checks_page
from cli_page import cli_page

from cli.doctor.model import Area
from cli.doctor.plan import catalogue
from cli.exits import CODES, STANDINGS, Exit
from connectors import errors
from connectors.errors import RotationError, SignInReason, Unreachable
from report.procedure import STEPS
from report.verdict import OUTCOMES

DOCS = Path(__file__).parent
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def tree(kind: type[RotationError], depth: int = 0) -> Iterator[tuple[int, type[RotationError]]]:
    """Yield the error tree, parents first, in the order in which it is written."""
    yield depth, kind
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from tree(child, depth + 1)


def errors_page() -> str:
    """Return docs/errors.md."""
    rows, drawn = [], []
    for depth, kind in tree(RotationError):
        first = (inspect.getdoc(kind) or "").split("\n\n")[0].replace("\n", " ")
        drawn.append(f"{'    ' * depth}{kind.__name__}")
        retried = "yes" if issubclass(kind, Unreachable) else "no"
        rows.append([f"`{kind.__name__}`", first, retried, kind.default_advice])
    states = [
        [f"**{o.name}**", "Completed" if o.succeeded else "Failed", str(int(CODES[o])), o.meaning]
        for o in OUTCOMES
    ]
    standings = [[f"**{it.value}**", str(int(code))] for it, code in STANDINGS.items()]
    reasons = "\n".join(f"- {reason.value}" for reason in SignInReason)
    return f"""# Errors and end states

Written by `make docs` from `connectors/errors.py` and `report/verdict.py`; `make lint` fails when it is stale.

## What we know about the world

The first axis of the tree is not which system failed, but what is known now. Only `Unreachable` is retried.
Every error says `system: operation: identifiers` and answers `what_to_do()`; an error that knows more than
its class replaces the advice below. No error holds a response body or a secret.

```
{chr(10).join(drawn)}
```

{table(["error", "what it means", "retried", "what to do, unless it knows better"], rows)}

`SignInRefused` says why, where the directory does:

{reasons}

## End states

The state of the flow run in the Prefect UI, and the exit code of the command line.

{table(["state", "Prefect type", "exit code", "meaning"], states)}

A mistake in the inventory is {int(Exit.REFUSED)}. Codes that no state has are in [cli.md](cli.md).
## Standings

How `account-rotation status` says that a connection stands, the most urgent first, and its exit code: that of the most urgent one
([reports.md](reports.md)).

{table(["standing", "exit code"], standings)}
"""


def procedure_page(current: str) -> str:
    """Return docs/procedure.md with its table written anew between the marks."""
    rows = [[s.number, s.title, s.source.value, s.changes or "-", s.lost_answer] for s in STEPS]
    head = ["no.", "step", "from", "changes what", "a lost answer means"]
    return between_the_marks(current, table(head, rows))


def doctor_page(current: str) -> str:
    """Return docs/doctor.md with its list of checks written anew between the marks."""
    parts = []
    for area in Area:
        rows = [
            [f"`{k.id}`", k.wanted, "warning" if k.warns else "fault", k.fix.replace("|", "\\|")]
            for k in catalogue()
            if k.area is area
        ]
        head = ["check", "looks whether", "else", "the usual fix"]
        parts.append(f"### {area.value}\n\n{table(head, rows)}")
    return between_the_marks(current, "\n\n".join(parts))


def between_the_marks(current: str, text: str) -> str:
    """Return a page with what stands between its marks replaced."""
    before, rest = current.split(BEGIN)
    return f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}"


def main() -> int:
    """Write or check; return the exit code."""
    procedure, doctor = DOCS / "procedure.md", DOCS / "doctor.md"
    pages = {
        DOCS / "errors.md": errors_page(),
        DOCS / "cli.md": cli_page(),
        DOCS / "bridge-checks.md": bridge_checks_page(),
        procedure: procedure_page(procedure.read_text()),
        doctor: doctor_page(doctor.read_text()),
    }
    stale = [page for page, text in pages.items() if not page.exists() or page.read_text() != text]
    if "--check" in sys.argv:
        for page in stale:
            print(f"docs/{page.name} is stale: run make docs")
        return 1 if stale else 0
    for page in stale:
        page.write_text(pages[page])
        print(f"wrote docs/{page.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
