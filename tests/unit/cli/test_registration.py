"""Every command explains itself: in the list, in its help, with examples that can be typed, and in docs/cli.md."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.documented import about, add
from cli.main import app

ROOT = Path(__file__).parents[3]


def commands(group: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command with its words."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *names, name)
        else:
            yield (*names, name), command


ROOT_COMMAND: Any = typer.main.get_command(app)
COMMANDS = dict(commands(ROOT_COMMAND))
OURS = {words: command for words, command in COMMANDS.items() if about(command.callback)}
EXAMPLES = [
    line
    for command in OURS.values()
    for line in re.sub(r" \\\n", " ", "\n".join(about(command.callback).examples)).splitlines()  # type: ignore[union-attr]
]


@pytest.mark.parametrize("words", OURS, ids=" ".join)
def test_one_line(words: tuple[str, ...]) -> None:
    """The line in the list of commands is a sentence that fits into 80 columns."""
    line = OURS[words].short_help
    assert line.endswith(".")
    assert len(line) <= 52


@pytest.mark.parametrize("line", EXAMPLES)
def test_examples(line: str) -> None:
    """Every example is a command that Typer takes, with its options and the values of them."""
    words = shlex.split(line.partition(" | ")[0])[1:]
    found: Any = ROOT_COMMAND
    while hasattr(found, "commands"):
        found = found.commands[words.pop(0)]
    with found.make_context("example", words, resilient_parsing=False) as context:
        assert not context.args


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help(words: tuple[str, ...]) -> None:
    """The help of each command can be shown, in 80 columns, and every option says what it does."""
    command = COMMANDS[words]
    with command.make_context(" ".join(words), [], resilient_parsing=True) as context:
        text = command.get_help(context)
    assert max(map(len, text.splitlines())) <= 80
    for parameter in command.params:
        assert parameter.name == "help" or parameter.help, parameter.name


@pytest.mark.parametrize("words", OURS, ids=" ".join)
def test_json_is_documented(words: tuple[str, ...]) -> None:
    """A command that prints JSON says which keys it has, and docs/cli.md lists them."""
    said = about(OURS[words].callback)
    assert said is not None
    names = {parameter.name for parameter in OURS[words].params}
    assert ("as_json" in names) == bool(said.json)
    page = (ROOT / "docs" / "cli.md").read_text()
    assert all(f"| `{key}` |" in page for key in said.json)


def test_a_command_without_words() -> None:
    """A command that says nothing of itself is not registered."""
    with pytest.raises(LookupError):
        add(typer.Typer(), lambda: None)


def test_help_imports_no_engine() -> None:
    """Help, completion and version never wait for Prefect, or for a client of any system."""
    code = (
        "import sys; sys.argv = ['account-rotation', '--help']\n"
        "from cli.ending import run; from cli.main import app\n"
        "assert run(app) == 0\n"
        "slow = {'prefect', 'pydantic', 'hvac', 'msal', 'ldap3', 'httpx', 'rich', 'fastapi'}\n"
        "sys.exit(', '.join(slow & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stderr.strip() == ""
    assert done.returncode == 0
    assert "Look, and change nothing:" in done.stdout
