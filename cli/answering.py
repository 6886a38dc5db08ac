"""Answer a run's forms at the terminal: the guide is shown, then each field is asked for."""

from __future__ import annotations

import sys
from typing import Any, get_args

from prefect.input import RunInput
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from rich.console import Console
from rich.markdown import Markdown
from rich.prompt import IntPrompt, Prompt
from rich.text import Text

from cli.output import Progress
from flows.asking import Form


def somebody_is_here() -> bool:
    """Say whether a person can be asked: all three streams are terminals."""
    return all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


class Terminal:
    """A person at this terminal, asked while the line of progress steps aside."""

    def __init__(self, console: Console, line: Progress) -> None:
        self._console, self._line = console, line

    def answer(self, form: Form[Any]) -> RunInput:
        """Show a form's text and ask for its fields; an answer of the wrong form is asked for again."""
        with self._line.aside():
            self._console.print()
            self._console.print(Markdown(form.text, hyperlinks=False))
            self._console.print()
            values = {name: self._field(field) for name, field in form.kind.model_fields.items()}
            filled: RunInput = form.kind.model_validate(values)
        return filled

    def _field(self, field: FieldInfo) -> str:
        title = field.title or ""
        choices = [str(choice) for choice in get_args(field.annotation)]
        if choices:
            return self._choice(title, choices)
        needed = field.default is PydanticUndefined
        most = max(
            (item.max_length for item in field.metadata if hasattr(item, "max_length")), default=500
        )
        while True:
            said = Prompt.ask(
                Text(title, "bold"), console=self._console, default="", show_default=False
            )
            if len(said) > most:
                self._console.print(f"At most {most} characters.", style="yellow")
            elif said.strip() or not needed:
                return said.strip()
            else:
                self._console.print("This is needed.", style="yellow")

    def _choice(self, title: str, choices: list[str]) -> str:
        self._console.print(Text(title, "bold"))
        for number, choice in enumerate(choices, 1):
            self._console.print(Text(f"  {number}  {choice}"))
        numbers = [str(number) for number in range(1, len(choices) + 1)]
        picked = IntPrompt.ask("Number", console=self._console, choices=numbers, show_choices=False)
        return choices[picked - 1]
