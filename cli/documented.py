"""What a command says about itself beside its docstring: its section, its examples, and the keys of its JSON.

docs/cli.md is generated from it, and a test holds each command's JSON to its keys.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import typer

Command = TypeVar("Command", bound=Callable[..., Any])
Keys = Mapping[str, str]
"""Each key with what it means. ``[]`` stands for every entry of a list, ``.`` goes one level down."""

CHANGE = "Update and rotate"
LOOK = "Look, and change nothing"
INSTALL = "Install and run"
TRY = "Try it out"


@dataclass(frozen=True, slots=True)
class About:
    """What a command says about itself. ``short`` is its line in the list of commands."""

    short: str
    section: str | None = None
    examples: Sequence[str] = ()
    json: Keys = field(default_factory=dict)


_ABOUT = "about"


def documented(
    short: str,
    *,
    section: str | None = None,
    examples: Sequence[str] = (),
    json: Keys | None = None,
) -> Callable[[Command], Command]:
    """Attach to a command what it says about itself."""
    about = About(short, section, examples, json or {})

    def attach(command: Command) -> Command:
        setattr(command, _ABOUT, about)
        return command

    return attach


def about(command: object) -> About | None:
    """Return what a command says about itself; None where it says nothing."""
    return getattr(command, _ABOUT, None)


def add(app: typer.Typer, command: Callable[..., Any], name: str | None = None) -> None:
    """Register a documented command; raises LookupError for one that is not."""
    said = about(command)
    if said is None:
        raise LookupError(command)
    app.command(
        name,
        short_help=said.short,
        rich_help_panel=said.section,
        epilog=epilog(said.examples) if said.examples else None,
    )(command)


def epilog(examples: Sequence[str]) -> str:
    """Return the end of a help: lines that a person could type."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in examples)))


def below(prefix: str, keys: Keys) -> dict[str, str]:
    """Return keys one level down, below a key or below the entries of a list."""
    return {f"{prefix}.{name}": said for name, said in keys.items()}


def keys_in(data: object, prefix: str = "") -> set[str]:
    """Return the keys that a JSON value has, written as they are documented."""
    if isinstance(data, dict):
        named = {f"{prefix}.{name}".lstrip("."): value for name, value in data.items()}
        return set(named).union(*(keys_in(value, name) for name, value in named.items()))
    if isinstance(data, list):
        return set().union(*(keys_in(value, f"{prefix}[]") for value in data))
    return set()
