"""Hold a bridge against its contract, and show what each check came to."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import groupby

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from cli.bridge_clients import ClientFile, Target, place, settings_of
from cli.exits import Exit
from cli.output import progress, screen, write_json
from connectors.cayosoft.conformance.checks import Check, Group, Result, Verdict
from connectors.cayosoft.conformance.examining import examine as made
from connectors.cayosoft.conformance.trial import Saving, Trial
from connectors.cayosoft.settings import BridgeSettings
from connectors.errors import InvalidInput
from connectors.models import Extension
from connectors.vault.client import VaultClient
from connectors.vault.settings import VaultSettings
from report.text import printable

__all__ = ["Permission", "Target", "examine"]

_COLOURS = {Verdict.PASSED: "green", Verdict.FAILED: "bold red", Verdict.SKIPPED: "yellow"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What a person permits beyond reading, as it was typed. ``wait_for_expiry`` is in seconds."""

    write: bool = False
    row: str | None = None
    save: str | None = None
    credential: str | None = None
    wait_for_expiry: float = 0.0
    confirmed: bool = False


def examine(target: Target, permission: Permission, *, as_json: bool) -> int:
    """Make the checks that are permitted, and return the exit code; raises InvalidInput for a wrong choice."""
    settings = settings_of(target)
    with ExitStack() as closing:
        trial = closing.enter_context(_trial(settings, target, permission))
        groups = frozenset(
            {Group.READING}
            | ({Group.DRAFTS} if permission.write else set())
            | ({Group.SAVING} if trial.saving else set())
        )
        console = screen()
        console.print(
            _text(f"The bridge at {settings.url}, as the client of {settings.client}", "bold")
        )
        results = []
        with progress(f"checking {settings.url}") as line:
            for result in made(trial, groups):
                results.append(result)
                if result.asked:
                    with line.aside():
                        _show(console, result)
    _conclude(console, results)
    if as_json:
        write_json(_data(settings, results))
    return _code(results)


@contextmanager
def _trial(settings: BridgeSettings, target: Target, permission: Permission) -> Iterator[Trial]:
    row = _row(permission.row, "--row") if permission.row else None
    if permission.row and not permission.write:
        raise typer.BadParameter("it needs --write", param_hint="--row")
    with ExitStack() as closing:
        needed = target.client_file is None or permission.save is not None
        vault = closing.enter_context(VaultClient(VaultSettings())) if needed else None
        saving = _saving(settings, vault, permission)
        secrets = ClientFile(target.client_file, vault) if target.client_file else vault
        if secrets is None:
            raise LookupError(settings.client)
        wanted = (saving.extension, saving.row) if saving else row
        trial = Trial(settings, secrets, row_wanted=wanted, saving=saving)
        closing.callback(trial.close)
        yield trial


def _saving(
    settings: BridgeSettings, vault: VaultClient | None, permission: Permission
) -> Saving | None:
    """Return what may be saved, after the person has confirmed it."""
    if permission.save is None:
        return None
    if not (permission.write and permission.credential and vault):
        raise typer.BadParameter("it needs --write and --credential", param_hint="--save")
    extension, row = _row(permission.save, "--save")
    handle = place(permission.credential, "--credential")
    version = vault.metadata(handle).current
    if not permission.confirmed:
        _confirm(
            f"Save {version.handle} into the row {row!r} ({extension.value}) of {settings.url}?"
        )
    return Saving(extension, row, version.handle, version.label, permission.wait_for_expiry)


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise typer.BadParameter("nobody is here to confirm it: give --yes", param_hint="--save")
    if not typer.confirm(printable(question), err=True):
        raise typer.Abort


def _row(text: str, option: str) -> tuple[Extension, str]:
    name, _, row = text.partition("/")
    if name in {item.value for item in Extension} and row:
        return Extension(name), row
    raise InvalidInput(
        "cayosoft",
        "choose the row",
        field=option,
        advice=f"Give {option} as EXTENSION/ROW, for example active_directory/corp.example.com; extensions are "
        f"{' and '.join(item.value for item in Extension)}.",
    )


def _show(console: Console, result: Result) -> None:
    made_check = result.check
    console.print(
        Text.assemble(
            (f"{made_check.number} ", "bold"),
            (f"{result.verdict.value:<8}", _COLOURS[result.verdict]),
            made_check.title,
        )
    )
    style = "bold" if result.verdict is Verdict.FAILED else "dim"
    console.print(Padding(_text(result.said, style), (0, 0, 0, 12)))
    if result.verdict is Verdict.FAILED:
        said = f"broken: {made_check.sentence} ({where(made_check)})"
        console.print(Padding(_text(said, "red"), (0, 0, 0, 12)))


def where(item: Check) -> str:
    """Say where the sentence of a check stands."""
    part, _, name = item.source.partition(" ")
    return (
        f"docs/console-bridge.md, {item.source}"
        if part == "rule"
        else f"docs/console-bridge.openapi.yaml, {name}"
    )


def _conclude(console: Console, results: list[Result]) -> None:
    left_out = [result for result in results if not result.asked]
    for said, group in groupby(left_out, key=lambda result: result.said):
        numbers = [result.check.number for result in group]
        console.print(_text(f"{numbers[0]} to {numbers[-1]} {said}", "yellow"))
    count = Counter(result.verdict for result in results)
    told = ", ".join(f"{count[verdict]} {verdict.value}" for verdict in Verdict)
    style = "bold red" if count[Verdict.FAILED] else "bold"
    console.print(_text(f"{_outcome(results)}: {len(results)} checks, {told}.", style))


def _outcome(results: list[Result]) -> str:
    if any(result.verdict is Verdict.FAILED for result in results):
        return "Does not conform"
    return "Not known" if any(result.unanswered for result in results) else "Conforms"


def _code(results: list[Result]) -> Exit:
    codes = {
        "Does not conform": Exit.CHECK_FAILED,
        "Not known": Exit.UNREACHABLE,
        "Conforms": Exit.OK,
    }
    return codes[_outcome(results)]


def _data(settings: BridgeSettings, results: list[Result]) -> dict[str, object]:
    count = Counter(result.verdict for result in results)
    return {
        "url": settings.url,
        "outcome": _outcome(results),
        **{verdict.value: count[verdict] for verdict in Verdict},
        "checks": [
            {
                "number": result.check.number,
                "title": result.check.title,
                "group": result.check.group.value,
                "result": result.verdict.value,
                "said": printable(result.said),
                "sentence": result.check.sentence,
                "source": where(result.check),
            }
            for result in results
        ],
    }


def _text(text: str, style: str = "") -> Text:
    return Text(printable(text), style)
