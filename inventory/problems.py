"""What is wrong with an inventory file: every mistake with its place and its fix."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from connectors.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. Its texts never repeat a value that could be a secret.

    ``line`` counts from 1; ``field`` reads like ``services[hq].console.url`` and is empty when the mistake
    belongs to no field.
    """

    file: str
    line: int
    field: str
    message: str
    fix: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: "
        return (
            place + (f"{self.field}: " if self.field else "") + f"{self.message}. Fix: {self.fix}"
        )


class InventoryProblems(InvalidInput):
    """The inventory cannot be used; ``problems`` holds every mistake, in the order of the lines.

    The message is one line per mistake: ``file:line: field: message. Fix: ...``.
    """

    def __init__(self, file: Path | str, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        count = f"{len(problems)} mistakes" if len(problems) > 1 else "mistake"
        super().__init__(
            "inventory",
            "read",
            file=file,
            mistakes=len(problems),
            advice=f"Correct the {count} listed in the message, check with "
            f"`account-rotation inventory check {file}`, then start again; nothing was changed.",
        )

    def _text(self) -> str:
        return "\n".join(map(str, self.problems))
