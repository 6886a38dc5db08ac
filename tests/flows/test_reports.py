"""What is left to look at after runs: the report as a page, the fleet's status, and the findings."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from cli.exits import Exit
from cli.findings import show_findings
from cli.reporting import show as show_report
from cli.standing import show_status
from connectors.errors import NotFound
from report.documenting import document_of
from report.pages.spans import Axis, Kind, lines
from sandbox import canary
from sandbox.world import World
from tests.running import Rotate, Server, Update
from tests.unit.report.reading import Page

pytestmark = pytest.mark.prefect


def _status(*services: str, html: Path | None = None) -> tuple[Exit, list[dict[str, object]]]:
    code, tell = show_status(services, html, 26, as_json=True)
    return code, json.loads(_written(tell))


def _written(tell: Callable[[Console], None]) -> str:
    """Return what is written to stdout."""
    said = StringIO()
    with redirect_stdout(said):
        tell(Console(quiet=True))
    return said.getvalue()


@pytest.mark.services("branch")
def test_after_an_update_that_is_not_complete(world: World, update: Update, tmp_path: Path) -> None:
    """The status names the connection and leaves its code, findings say what to do, and the report has it all."""
    outcome = update("branch")
    pages = tmp_path / "pages"
    pages.mkdir()
    page, report = pages / "status.html", pages / "report.html"
    code, (first, second) = _status(html=page)
    text = StringIO()
    show_findings("branch-m365", as_json=False, console=Console(file=text, width=500))
    data = _written(lambda console: show_findings(None, as_json=True, console=console))
    show_report(outcome.record.run_id, report, as_json=False, console=Console(file=StringIO()))

    assert code is Exit.NEEDS_PERSON
    assert (first["connection"], first["standing"]) == ("branch-m365", "needs a person")
    assert (first["consent"], first["findings"]) == ("Granted for the whole organization", 2)
    assert (second["connection"], second["standing"]) == ("branch-ad", "in order")
    for item in outcome.connection("branch-m365").findings:
        assert item.code in text.getvalue()
        assert item.what_to_do() in text.getvalue()
    kept = {it["connection"]: it["last_run"] for it in json.loads(data)}
    assert len(kept["branch-m365"]["findings"]) == 2
    assert kept["branch-ad"]["findings"] == []
    assert "branch-m365: needs a person" in Page(page.read_text()).text
    seen = Page(report.read_text()).text
    assert "Remediation required: branch-ad, branch-m365" in seen
    assert all(entry.evidence in seen for entry in outcome.connection("branch-m365").entries)
    assert canary.scan([pages], world.canaries) == []


@pytest.mark.services("plant")
def test_after_a_rotation_in_place(
    world: World, rotate: Rotate, prefect_api: Server, tmp_path: Path
) -> None:
    """The gap stands in the timeline where it was; a connection's name finds its last report."""
    outcome = rotate("plant-ad")
    report = tmp_path / "report.html"
    show_report("plant-ad", report, as_json=False, console=Console(file=StringIO()))

    (item,) = document_of(outcome.record).connections
    shown = lines(item, ())
    bars = {line.number or "gap": line.bars[0] for line in shown}
    assert bars["gap"].kind is Kind.GAP
    assert bars["N3"].start <= bars["gap"].start <= bars["N3"].end
    assert bars["A5"].start <= bars["gap"].end
    assert 0 < Axis(shown).at(bars["gap"].start) < 1
    text = Page(report.read_text()).text
    assert "Ready: plant-ad" in text
    assert str(item.gap and item.gap.sentence) in text
    markdown = prefect_api.report(outcome.record.run_id, "plant-ad")
    assert "](data:image/svg+xml;base64," in markdown
    code, (first, _) = _status("plant")
    assert code is Exit.UNFINISHED, "plant-m365 has not been brought to the console"
    assert first["connection"] == "plant-m365"
    with pytest.raises(NotFound, match="run=nothing"):
        show_report("nothing", None, as_json=False, console=Console(file=StringIO()))
