"""The table at the end of a run: every law, how many cases tried it, what failed, where, what was counted.

A law is a module below tests/laws; its words are the first sentence of the module's docstring. A test can
say more of itself with ``record_property``: ``kill_point`` (a run was killed there, and the next one
repaired it), ``steps`` (how many steps a state machine took), ``measured`` (a line of its own below the
table), ``where`` (instead of what is derived here).
"""

from __future__ import annotations

import ast
import io
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

LAWS = "tests/laws/"
WIDTH = 100
# In the order of the column. A marker says that a real system took part.
PLACES = ("code", "fakes", "stand-in", "Samba", "OpenBao", "Prefect")
OF_MARKER = {"samba": "Samba", "openbao": "OpenBao", "prefect": "Prefect"}
# Who imports one of these works with it.
OF_IMPORT = {
    "tests.fakes": "fakes",
    "tests.running": "stand-in",
    "sandbox.world": "stand-in",
    "sandbox.standin": "stand-in",
}


@dataclass
class Law:
    """What this run made of one law."""

    sentence: str
    usual: frozenset[str]
    cases: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    where: set[str] = field(default_factory=set)
    kill_points: int = 0
    steps: int = 0
    measured: list[tuple[str, str]] = field(default_factory=list)

    def tried(self, report: pytest.TestReport) -> None:
        """Count a test that ran, and what it recorded."""
        self.cases.add(report.nodeid)
        said = [str(value) for name, value in report.user_properties if name == "where"]
        real = {place for marker, place in OF_MARKER.items() if marker in report.keywords}
        # A real directory or Vault takes the place of the stand-in; Prefect comes on top.
        usual = set() if real - {"Prefect"} else self.usual
        self.where |= set(said) or usual | real
        for name, value in report.user_properties:
            self.kill_points += name == "kill_point"
            self.steps += int(str(value)) if name == "steps" else 0
            if name == "measured":
                self.measured.append((report.nodeid.partition("::")[2], str(value)))

    def places(self) -> str:
        """Return where it was tried, in the order of the column."""
        known = [place for place in PLACES if place in self.where]
        return ", ".join(known + sorted(self.where - {*PLACES}))

    def counted(self) -> str:
        """Return what was counted in the tests of this law."""
        return _counted(self.kill_points, self.steps)


class Laws:
    """Listens to the reports of a run, also those of the workers, and prints the table."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._laws: dict[str, Law] = {}
        self._only_laws = True

    def _law(self, nodeid: str) -> Law | None:
        module = nodeid.partition("::")[0]
        if not module.startswith(LAWS):
            self._only_laws = False
            return None
        if module not in self._laws:
            path = self._root / module
            self._laws[module] = Law(sentence_of(path), frozenset(places_of(path, self._root)))
        return self._laws[module]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count a module that could not be read as a failure."""
        law = self._law(report.nodeid) if report.failed else None
        if law:
            law.failed.add(report.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test of a law: as a case when it ran, as a failure when any part of it failed."""
        law = self._law(report.nodeid)
        if law and report.when == "call" and not report.skipped:
            law.tried(report)
        if law and report.failed:
            law.failed.add(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table; one line for a law when other tests ran too."""
        laws = [self._laws[module] for module in sorted(self._laws)]
        if not any(law.cases or law.failed for law in laws):
            return
        terminalreporter.write_sep("=", "laws")
        width = min(terminalreporter._tw.fullwidth, WIDTH) if terminalreporter.isatty else WIDTH
        tables = [detailed(laws)] if self._only_laws else [short(laws)]
        if self._only_laws and any(law.measured for law in laws):
            tables.append(measured(laws))
        for table in tables:
            for line in drawn(table, width, colour=terminalreporter._tw.hasmarkup):
                terminalreporter.write_line(line)


def sentence_of(path: Path) -> str:
    """Return the words of a law: the first sentence of the module, or its name when it has none."""
    words = " ".join((ast.get_docstring(_parsed(path)) or "").split())
    first = re.split(r"(?<=[.!?])\s", words)[0].removeprefix("The law: ").rstrip(".")
    return first[:1].upper() + first[1:] or path.stem


def places_of(path: Path, root: Path) -> set[str]:
    """Return where a module works by what it imports, itself or by way of its helpers below tests/laws."""
    names = _reached([path, path.with_name("conftest.py")], root)
    found = {
        place
        for room, place in OF_IMPORT.items()
        if any(f"{name}.".startswith(f"{room}.") for name in names)
    }
    helped = any(name.startswith("tests.") for name in names)
    return found or {"fakes" if helped else "code"}


def _reached(files: list[Path], root: Path) -> set[str]:
    """Return every name that these files import, and the helpers below tests/laws that they reach."""
    names: set[str] = set()
    seen: set[Path] = set()
    while files:
        file = files.pop()
        if file in seen:
            continue
        seen.add(file)
        imported = _imports(file)
        names |= imported
        helpers = [root / f"{name.replace('.', '/')}.py" for name in imported]
        files += [helper for helper in helpers if f"{helper}".startswith(f"{root / LAWS}/")]
    return names


@cache
def _imports(path: Path) -> frozenset[str]:
    """Return the names that a file imports; many laws reach the same helpers."""
    names: set[str] = set()
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(names)


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text())
    except (OSError, SyntaxError):  # pytest says so, at length
        return ast.Module(body=[], type_ignores=[])


def _counted(kill_points: int, steps: int) -> str:
    said = (_number(kill_points, "kill point"), _number(steps, "step"))
    return "\n".join(part for part in said if part)


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' if count > 1 else ''}" if count else ""


def _failures(count: int) -> Text:
    return Text(f"{count:,}", style="bold red" if count else "green")


def _totals(laws: list[Law]) -> tuple[str, str, Text, str]:
    failed = sum(len(law.failed) for law in laws)
    counted = _counted(sum(law.kill_points for law in laws), sum(law.steps for law in laws))
    cases = f"{sum(len(law.cases) for law in laws):,}"
    return _number(len(laws), "law"), cases, _failures(failed), counted


def detailed(laws: list[Law]) -> Table:
    """Return the whole table."""
    shape = box.SIMPLE_HEAD
    table = Table(box=shape, padding=(0, 1, 0, 0), expand=True, pad_edge=False, show_footer=True)
    title, cases, failed, counted = _totals(laws)
    table.add_column("law", title, ratio=1)
    table.add_column("cases", cases, justify="right")
    table.add_column("failed", failed, justify="right")
    table.add_column("where", max_width=18)
    table.add_column("what was counted", counted, no_wrap=True)
    for number, law in enumerate(laws):
        cells = f"{len(law.cases):,}", _failures(len(law.failed)), law.places(), law.counted()
        table.add_row(Text(law.sentence), *cells, end_section=number == len(laws) - 1)
    return table


def short(laws: list[Law]) -> Table:
    """Return one line per law."""
    table = Table(box=None, expand=True, pad_edge=False, show_footer=True)
    title, cases, failed, _ = _totals(laws)
    table.add_column("law", title, ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column("cases", cases, justify="right")
    table.add_column("failed", failed, justify="right")
    for law in laws:
        table.add_row(Text(law.sentence), f"{len(law.cases):,}", _failures(len(law.failed)))
    return table


def measured(laws: list[Law]) -> Table:
    """Return what the tests measured, in their own words."""
    table = Table(box=None, padding=(0, 2, 0, 1))
    table.add_column("test", overflow="fold", max_width=48)
    table.add_column("what it measured")
    for test, said in sorted(line for law in laws for line in law.measured):
        table.add_row(Text(test), Text(said))
    return table


def drawn(table: Table, width: int, *, colour: bool) -> list[str]:
    """Return the lines of a table."""
    page = io.StringIO()
    system = "standard" if colour else None
    console = Console(
        file=page, width=width, force_terminal=colour, color_system=system, no_color=not colour
    )
    console.print(table)
    return [line.rstrip() for line in page.getvalue().splitlines()]


def pytest_configure(config: pytest.Config) -> None:
    """Listen where the reports come together: not in a worker."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Laws(config.rootpath), "laws-table")
