"""The report: foreign text stays text, and every step is accounted for."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt

from connectors.active_directory.models import Right, RightCheck
from connectors.entra.models import (
    ConsentLine,
    ConsentReview,
    ConsentVerdict,
    EntraApp,
    Permission,
    PermissionKind,
)
from connectors.errors import NotPermitted, Unreachable
from connectors.models import Finding, Presence
from report.markdown import plain, render
from report.record import ConnectionRecord, Result, RunRecord
from report.steps import why_not_run
from report.text import printable
from tests.unit.report.conftest import Ran, entry

NASTY = [
    "a|b", "<script>alert(1)</script>", "<!-- x", "&lt;b&gt; &amp;", "[text](javascript:x)",
    "![x](http://x.example/p.png)", "https://x.example/y", "see www.x.example", "**bold** _i_ ~~s~~",
    "`code`", "one\n\n# two\n- three", "# heading", "> quote", "1. one", "2) two", "- item", "+ item",
    "=== x", "\\", "\\|", "a\tb", "http://x|y", "[a]: http://x", "--- x",
]  # fmt: skip


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("frame", ["{}", "- {}", "- **A1** {}", "### {}"])
def test_foreign_text_stays_text(text: str, frame: str) -> None:
    """Rendered as markdown, the text is shown letter by letter."""
    html = (
        MarkdownIt("commonmark")
        .enable(["table", "strikethrough"])
        .render(frame.format(plain(text)))
    )
    shown = re.sub(r"</?(p|ul|li|h3|strong)>", "", html).replace("A1 ", "", 1).strip()
    for entity, letter in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&amp;", "&")):
        shown = shown.replace(entity, letter)
    assert " ".join(text.split()) == shown


def test_every_right_has_its_row(run: RunRecord, connection: ConnectionRecord) -> None:
    """Present, missing and untold are told apart, place by place; a right that was not asked is left empty."""
    unit, base = "OU=V,DC=corp", "DC=corp"
    connection.rights = (
        RightCheck(Right.CREATE_USER, Presence.PRESENT, unit, "read"),
        RightCheck(Right.WRITE_ATTRIBUTES, Presence.UNTOLD, unit, "read"),
        RightCheck(Right.CREATE_USER, Presence.MISSING, base, "read", managed=True),
    )
    report = render(run, connection)
    assert (
        "| right | validation: OU=V,DC=corp | managed: DC=corp |\n| --- | --- | --- |\n"
        "| create users | present | **missing** |\n"
        "| write user attributes | **could not be told** |  |\n"
    ) in report
    assert "Not known here: what the second delegation ticks" in report


def test_commands_are_a_list(run: RunRecord, connection: ConnectionRecord) -> None:
    """Advice of several lines keeps one command a line."""
    connection.findings.append(Finding("a.code", "a", "b", "do this:\nfirst: one\nsecond: two"))
    assert "**What to do:** do this:\n\n- first: one\n- second: two" in render(run, connection)


def test_bare_addresses_are_broken() -> None:
    """An address is written so that no renderer makes a link of it."""
    assert plain("https://x.example") == r"https\://x.example"
    assert plain("WWW.x.example www.y.example") == r"WWW\.x.example www\.y.example"


def test_unseen_letters_are_dropped() -> None:
    """Terminal escapes, NUL and marks that turn the direction of writing do not get through."""
    assert printable("a\x1b[31mb\x00c\u202ed\u200be\r\nf") == "a[31mbcde\nf"


def test_nothing_foreign_comes_to_life(run: RunRecord, connection: ConnectionRecord) -> None:
    """Pipes and tags in every place that another system can fill break no table and make no element."""
    evil = "x | <img src=x onerror=y> | [l](http://h)\n| row |"
    connection.entries.append(entry("E1", Result.FAILED, evil))
    connection.error = NotPermitted("cayosoft", "validate", shown=evil, advice=evil)
    connection.findings.append(Finding("a.code", evil, evil, evil))
    connection.unchecked.append(evil)
    permission = Permission("id", evil, PermissionKind.DELEGATED, evil)
    connection.consent = ConsentReview(
        ConsentVerdict.PARTIAL, EntraApp("app", "sp", evil, True),
        (ConsentLine(permission, True, ()),), (),
    )  # fmt: skip
    told = ((Right.CREATE_USER, False), (Right.READ_EVERYTHING, True))
    connection.rights = tuple(
        RightCheck(right, Presence.MISSING, evil, evil, managed=managed) for right, managed in told
    )
    connection.asked = run.service = evil
    report = render(run, connection)
    assert "<img" not in report
    assert "\n| row" not in report
    drawn = r"!\[[^\]]*\]\(data:image/svg\+xml;base64,[A-Za-z0-9+/=]+\)"
    assert len(re.findall(drawn, report)) == 2
    assert not re.search(r"(?<!\\)\]\(", re.sub(drawn, "", report))
    for table in re.findall(r"(?:^\|.*\n)+", report, re.MULTILINE):
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(cells) == 1


def test_every_step_is_accounted_for(
    run: RunRecord, connection: ConnectionRecord, ran: Ran
) -> None:
    """Each step has a row, each step not run has a reason, and a step tried twice has two rows."""
    ran("E1 E2", Result.RETRYING)
    ran("E2", Result.FAILED)
    connection.error = Unreachable("cayosoft", "open extension")
    report = render(run, connection)
    for step in connection.steps:
        rows = report.count(f"| {step.number} |")
        assert rows == (2 if step.number == "E2" else 1), step.number
        if step.number not in ("P1", "E1", "E2", "F2"):
            assert f"**{step.number}** not run: " in report


def _reasons(run: RunRecord, connection: ConnectionRecord) -> dict[str, str]:
    done = {e.number for e in (*run.entries, *connection.entries)}
    open_steps = [s for s in connection.steps if s.number not in done]
    return {s.number: why_not_run(run, connection, s) for s in open_steps}


def _review(verdict: ConsentVerdict) -> ConsentReview:
    return ConsentReview(verdict, None, (), ())


def test_reasons_when_ready(run: RunRecord, connection: ConnectionRecord, ran: Ran) -> None:
    """In a good run only remediation and the double-check were not needed."""
    ran("E1 E2 E3 E4 E5 E6 E7 V5 V6 V7 F2")
    connection.consent = _review(ConsentVerdict.FULLY_GRANTED)
    assert _reasons(run, connection) == {
        "R1": "nothing to remediate",
        "R2": "nothing to remediate",
        "R3": "nothing to remediate",
        "V8": "no operation failed",
    }


def test_reasons_when_remediation_is_due(
    run: RunRecord, connection: ConnectionRecord, ran: Ran
) -> None:
    """What waits for a consent waits for a person."""
    ran("E1 E2 E3 E4 E5 E6 E7 R1 F2")
    connection.consent = _review(ConsentVerdict.PARTIAL)
    reasons = _reasons(run, connection)
    assert reasons.pop("V8") == "no operation failed"
    assert set(reasons.values()) == {"waits for a person: see the findings"}


def test_reasons_in_a_dry_run(run: RunRecord, connection: ConnectionRecord, ran: Ran) -> None:
    """What a dry run leaves out would change something."""
    ran("E1 E2 E3 E7 F2")
    run.dry_run = True
    connection.consent = _review(ConsentVerdict.FULLY_GRANTED)
    reasons = _reasons(run, connection)
    assert {n for n, why in reasons.items() if why == "dry run: it would change something"} == {
        "E4", "E5", "E6", "V5", "V6", "V7",
    }  # fmt: skip


@pytest.mark.parametrize("also", ["", "E3u", "V8", "V5u"])
def test_reasons_after_a_failure(
    run: RunRecord, connection: ConnectionRecord, ran: Ran, also: str
) -> None:
    """The step that failed is named, and not an undo or a search for the cause that failed after it."""
    ran("E1 E2 E3", Result.FAILED)
    if also:
        connection.entries.append(entry(also, Result.FAILED))
    connection.error = NotPermitted("c", "x")
    assert _reasons(run, connection)["E4"] == "not reached: E3 failed"


def test_a_failed_operation_leaves_the_rest(
    run: RunRecord, connection: ConnectionRecord, ran: Ran
) -> None:
    """After a refused operation the later ones say which step ended the run."""
    ran("E1 E2 E3 E4 E5 E6 E7 V5", Result.FAILED)
    connection.entries += [entry("V5u"), entry("V8")]
    connection.consent = _review(ConsentVerdict.FULLY_GRANTED)
    connection.error = NotPermitted("c", "entra.create_user")
    reasons = _reasons(run, connection)
    assert reasons["V6"] == reasons["V7"] == "not reached: V5 failed"
    assert reasons["R1"] == "nothing to remediate"
