"""The terminal: 80 columns, and foreign text that moves nothing."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from connectors.active_directory.models import Right, RightCheck
from connectors.entra.models import (
    ConsentLine,
    ConsentReview,
    ConsentVerdict,
    Permission,
    PermissionKind,
)
from connectors.errors import Unreachable
from connectors.models import Finding, Presence
from report.procedure import STEPS
from report.record import ConnectionRecord, Result, RunRecord
from report.terminal import show_entry, show_record
from tests.unit.report.conftest import entry


def _console(width: int = 80) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=False)


def _said(console: Console) -> str:
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


@pytest.mark.parametrize("result", list(Result))
def test_every_step_fits(result: Result) -> None:
    """Number, title and time of each step, and of its undo, stand in one line of 80 columns."""
    for step in STEPS:
        for number in (step.number, f"{step.number}u"):
            console = _console()
            show_entry(console, entry(number, result, "evidence " * 30))
            lines = _said(console).splitlines()
            assert max(map(len, lines)) <= 80
            assert number in lines[0]
            assert lines[0].rstrip().endswith("1.50 s")


def test_foreign_text_is_no_markup(run: RunRecord, connection: ConnectionRecord) -> None:
    """Brackets of other systems are shown, and escapes are not sent to the terminal."""
    evil = "[/red][bold]x\x1b]0;title\x07 [prod]"
    connection.error = Unreachable("cayosoft", evil, advice=evil)
    connection.findings.append(Finding("a.code", evil, evil, evil))
    connection.unchecked.append(evil)
    permission = Permission("id", evil, PermissionKind.DELEGATED, f"{evil}.{'Long' * 30}")
    lines = (ConsentLine(permission, True, ()),)
    connection.consent = ConsentReview(ConsentVerdict.PARTIAL, None, lines, ())
    check = RightCheck(Right.READ_EVERYTHING, Presence.UNTOLD, evil, evil, managed=True)
    connection.rights = (check,)
    run.error = Unreachable("prefect", evil, advice=evil)
    console = _console()
    show_record(console, run)
    said = _said(console)
    assert "\x1b" not in said
    assert "\x07" not in said
    assert said.count("[prod]") >= 8
    assert max(map(len, said.splitlines())) <= 80


def test_nothing_of_the_run_is_left_out(run: RunRecord, connection: ConnectionRecord) -> None:
    """Verdict, findings, what was not checked and what to do are all there."""
    connection.findings.append(Finding("a.code", "subject", "detail", "do this"))
    connection.unchecked.append("the weather")
    connection.rights = (
        RightCheck(Right.CREATE_USER, Presence.PRESENT, "OU=V,DC=corp", "read"),
        RightCheck(Right.CREATE_GROUP, Presence.MISSING, "DC=corp", "read", managed=True),
    )
    run.error = Unreachable("prefect", "write the report", advice="start it")
    console = _console()
    show_record(console, run)
    for text in (
        "hq-m365: Ready",
        "a.code",
        "do this",
        "the weather",
        "validation:",
        "create groups",
        "missing",
        "Not known here",
        "write the report",
        "start it",
    ):
        assert text in _said(console)
