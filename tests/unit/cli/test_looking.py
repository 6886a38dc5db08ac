"""The commands that only look: status, findings, report. Their texts are harmless, and their mistakes have a fix."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from cli.exits import Exit, exit_code_of
from cli.files import write_page
from cli.findings import Found, print_found
from cli.main import app
from cli.standing import as_data, print_fleet
from connectors.errors import InvalidInput, NotPermitted
from connectors.last_run import MOST_FINDINGS, LastRun
from connectors.ledger import Ledger
from connectors.models import Finding
from report.fleet import Standing
from tests.unit.report.test_pages import fleet
from tests.unit.report.whole import START

EVIL = "[/red][bold]x\x1b]0;title\x07 [prod]"


@pytest.mark.parametrize("command", ["status", "findings", "report"])
def test_help(command: str) -> None:
    """Each command explains itself, without a connection to anything."""
    said = CliRunner().invoke(app, [command, "--help"])
    assert said.exit_code == 0
    assert "--json" in said.output


def _said(width: int = 80) -> tuple[StringIO, Console]:
    text = StringIO()
    return text, Console(file=text, width=width)


def test_the_table_is_harmless_and_whole() -> None:
    """Foreign texts move nothing, and each row has its connection, standing and what to do."""
    text, console = _said()
    print_fleet(fleet(EVIL), START, console)
    shown = text.getvalue()
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert shown.count("What to do:") == len(Standing) - 2
    for at in range(len(Standing)):
        assert f"[prod] {at}" in shown


def test_accounts_are_shown_where_there_is_room() -> None:
    """A wide terminal has a column more."""
    (narrow, small), (wide, large) = _said(80), _said(160)
    print_fleet(fleet(), START, small)
    print_fleet(fleet(), START, large)
    assert "account" not in narrow.getvalue().splitlines()[0]
    assert "account" in wide.getvalue().splitlines()[0]


def test_json_names_what_monitoring_asks_for() -> None:
    """A row as data has times as ISO 8601, and says whether a person is needed."""
    data = as_data(fleet()[0])
    assert data["needs_person"] is True
    assert data["verified_at"] == "2026-05-04T03:02:01+00:00"
    assert data["late"] is True
    assert data["findings"] == 1


def test_findings_are_shown_with_what_to_do() -> None:
    """The error that ended the run and each finding have their advice; foreign texts move nothing."""
    error = NotPermitted("ad", "reset", advice=f"Give the right. {EVIL}")
    last = LastRun.of(
        "update", "run-1", START, error, [Finding("a.code", EVIL, "detail", "do this")]
    )
    text, console = _said(200)
    print_found(
        Found("hq", "hq-ad", Ledger(connection="hq-ad", outcome="Refused", last_run=last)), console
    )
    for wanted in (
        "hq-ad, hq: Refused",
        "ad: reset",
        "What to do: Give the right.",
        "a.code",
        "do this",
    ):
        assert wanted in text.getvalue()
    assert "\x1b" not in text.getvalue()


def test_what_an_older_version_kept() -> None:
    """A ledger without its last run has codes alone, and one that cannot be read says so."""
    text, console = _said()
    print_found(Found("hq", "hq-ad", Ledger(connection="hq-ad", findings=("a.code",))), console)
    print_found(Found("hq", "hq-ad", None, NotPermitted("vault", "read ledger")), console)
    assert "a.code: see the run's report" in text.getvalue()
    assert "vault: read ledger" in text.getvalue()


def test_a_ledger_stays_small() -> None:
    """However much a run finds, the ledger keeps fifty findings and cuts long texts."""
    findings = [Finding("a.code", f"{at}", "x" * 5000, "y") for at in range(80)]
    last = LastRun.of("update", "run-1", START, None, findings)
    assert len(last.findings) == MOST_FINDINGS
    assert len(last.findings[0].detail) < 2100
    assert LastRun.model_validate_json(last.model_dump_json()) == last


def test_a_page_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """A page that is written again replaces the old one and leaves nothing beside it."""
    page = tmp_path / "page.html"
    write_page(page, "old")
    write_page(page, "new")
    assert page.read_text() == "new"
    assert list(tmp_path.iterdir()) == [page]


def test_a_page_that_cannot_be_written(tmp_path: Path) -> None:
    """A folder that is not there is named, with what to do."""
    with pytest.raises(InvalidInput, match="no-such-folder") as refused:
        write_page(tmp_path / "no-such-folder" / "page.html", "x")
    assert "No such file or directory" in refused.value.what_to_do()
    assert exit_code_of(refused.value) is Exit.REFUSED
