"""docs/cli.md, written from the commands themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import typer

from cli.documented import Keys, about
from cli.exits import CODES, WITHOUT_A_STATE, Exit
from cli.main import app
from report.verdict import OUTCOMES

TOP = """# The command line

Written by `make docs` from `cli/`; `make lint` fails when it is stale. Every command says the same with `--help`.

## What holds for every command

- Results go to standard output; progress, questions and trouble go to standard error. Progress is shown only where a person
  watches: both are a terminal, and no JSON is wanted.
- `--json` prints one JSON value and nothing else on standard output. Its keys are listed below; they may become more, and do not
  change their meaning. Where the command ends by an error before it has a result, the value has three keys: `outcome`, `error` and
  `what_to_do`, and the exit code says the same. After a usage error (2) there is no value.
- Times are UTC, in the form of ISO 8601. Durations are seconds.
- Passwords, tokens and client secrets are never arguments and never output.
- Every command may be repeated after whatever has ended it: it looks first at what is already so. Ctrl-C ends it with 130.
- A reader that goes away (`| head`) ends nothing: a rotation that has begun goes on to its end.
- `NO_COLOR` takes the colours away, `COLUMNS` sets the width.
- `account-rotation --install-completion` makes the shell complete commands, options, and the names of services, connections and
  tenants, which are read from the file that `ROTATION_INVENTORY` names.
"""


def cli_page() -> str:
    """Return docs/cli.md."""
    root: Any = typer.main.get_command(app)
    commands = list(_commands(root, root.name))
    listed = "\n".join(
        f"- [`{name}`](#{_anchor(name)}): {_short(command)}" for name, command in commands
    )
    told: dict[str, str] = {}
    sections = "\n\n".join(_section(name, command, told) for name, command in commands)
    return f"{TOP}\n## Exit codes\n\n{_exit_codes()}\n\n## Commands\n\n{listed}\n\n{sections}\n"


def _commands(group: Any, name: str) -> Iterator[tuple[str, Any]]:
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{name} {word}")
        elif not command.hidden:
            yield f"{name} {word}", command


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


def _short(command: Any) -> str:
    return str(command.short_help or (command.help or "").split(".")[0] + ".")


def _exit_codes() -> str:
    meanings = {code: [] for code in Exit}
    for outcome in OUTCOMES:
        meanings[CODES[outcome]].append(f"{outcome.name}: {outcome.meaning}")
    for code, said in WITHOUT_A_STATE.items():
        meanings[code].append(f"{said[0].upper()}{said[1:]}.")
    rows = [f"| {code.value} | {' '.join(meanings[code])} |" for code in Exit]
    head = "Several connections end with the code of the worst one. End states: [errors.md](errors.md).\n"
    return "\n".join((head, "| code | meaning |", "| --- | --- |", *rows))


def _section(name: str, command: Any, told: dict[str, str]) -> str:
    said = about(command.callback)
    parts = [f"### {name}", _plain(command.help), _usage(name, command)]
    parts += [_parameters(command)] if _shown(command) else []
    if said and said.examples:
        parts.append("\n".join(("```", *said.examples, "```")))
    if said and said.json:
        first = told.setdefault(str(said.json), name)
        as_there = f"With `--json`: the keys of [`{first}`](#{_anchor(first)})."
        parts.append(_keys(said.json) if first == name else as_there)
    return "\n\n".join(parts)


def _plain(help_text: str | None) -> str:
    paragraphs = inspect.cleandoc(help_text or "").split("\n\n")
    return "\n\n".join(re.sub(r"\s+", " ", paragraph) for paragraph in paragraphs)


def _shown(command: Any) -> list[Any]:
    return [
        item
        for item in command.params
        if item.name != "help" and not getattr(item, "hidden", False)
    ]


def _usage(name: str, command: Any) -> str:
    arguments = [_metavar(p) for p in _shown(command) if p.param_type_name == "argument"]
    words = [name, *arguments]
    options = any(item.param_type_name == "option" for item in _shown(command))
    return f"```\n{' '.join(words)}{' [OPTIONS]' if options else ''}\n```"


def _parameters(command: Any) -> str:
    rows = ["| | |", "| --- | --- |"]
    for item in _shown(command):
        said = (item.help or "").replace("|", "\\|")
        if item.param_type_name == "option":
            flags = ", ".join(f"`{flag}`" for flag in item.opts)
            value = "" if item.is_flag else f" `{_metavar(item)}`"
            need = " Required." if item.required else _default(item)
            from_variable = f" Or by the variable `{item.envvar}`." if item.envvar else ""
            rows.append(f"| {flags}{value} | {said}{need}{from_variable} |")
        else:
            rows.append(f"| `{_metavar(item)}` | {said} |")
    return "\n".join(rows)


def _metavar(item: Any) -> str:
    if item.metavar:
        return str(item.metavar)
    choices = getattr(item.type_descriptor, "choices", None)
    if choices:
        return "|".join(str(getattr(choice, "value", choice)) for choice in choices)
    return str(item.name).replace("_", "-").upper()


def _default(item: Any) -> str:
    value = getattr(item.default, "value", item.default)
    if item.is_flag or value in (None, False) or callable(value):
        return ""
    return f" Without it: `{value}`."


def _keys(keys: Keys) -> str:
    rows = [f"| `{key}` | {said} |" for key, said in keys.items()]
    return "\n".join(("With `--json`:", "", "| key | |", "| --- | --- |", *rows))
