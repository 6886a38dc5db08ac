"""Pages: foreign text stays text, nothing is loaded, and everything of the run is in them."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from connectors.last_run import LastRun
from connectors.ledger import Ledger
from connectors.models import Finding
from report import document
from report.fleet import Row, Standing
from report.pages import fleet_page, run_page
from report.pages.markup import Markup, element, join
from report.pages.run_page import Origin
from tests.unit.report import whole
from tests.unit.report.reading import Page

EVIL = "</style><script>alert(1)</script><img src=x onerror=y> \"' & \u202e<!-- "
SHOWN = "</style><script>alert(1)</script><img src=x onerror=y> \"' & <!--"
ORIGIN = Origin((("started by", "schedule"),), "Made on a day.")
KEPT = {"source", "result", "upshot", "started", "ended", "since", "schema_version"}
"""Fields that are no free texts."""


def fleet(text: str = "a reason") -> tuple[Row, ...]:
    """Return a row of each standing; the first has findings."""
    finding = Finding("a.code", text, text, f"{text}\n{text}")
    last = LastRun.of("update", "run-1", whole.START, None, [finding])
    ledger = Ledger(
        connection="hq-ad", in_use=text, verified_at=whole.START, outcome="Refused", last_run=last
    )
    return tuple(
        Row(
            f"{text} {at}",
            f"{text} {at}",
            "active_directory",
            (text,),
            standing,
            "" if standing is Standing.IN_ORDER else text,
            text,
            late=at % 2 == 0,
            ledger=ledger,
            newest=text,
        )
        for at, standing in enumerate(Standing)
    )


def _evil(data: Any, name: str = "") -> Any:
    if isinstance(data, dict):
        return {key: _evil(value, key) for key, value in data.items()}
    if isinstance(data, list):
        return [_evil(value, name) for value in data]
    return EVIL if isinstance(data, str) and name not in KEPT else data


def _evil_page() -> str:
    kept = document.read(_evil(whole.document().model_dump(mode="json")))
    return run_page.render([kept], Origin(((EVIL, EVIL),), EVIL))


PAGES = {
    "run": lambda: run_page.render([whole.document()], ORIGIN),
    "fleet": lambda: fleet_page.render(fleet(), whole.START, 26),
    "evil run": _evil_page,
    "evil fleet": lambda: fleet_page.render(fleet(EVIL), whole.START + timedelta(days=1), 26),
}


@pytest.fixture(params=list(PAGES))
def source(request: pytest.FixtureRequest) -> str:
    """Return each page, with harmless texts and with markup planted in every one."""
    return str(PAGES[request.param]())


def test_nothing_foreign_comes_to_life(source: str) -> None:
    """There is no script, no image, no link, no handler and no style of an element, whatever a text holds."""
    page = Page(source)
    assert not page.names & {"script", "img", "a", "link", "iframe", "object", "form", "base"}
    for _, held in page.tags:
        assert not {"style", "src", "href", "xlink:href"} & set(held)
        assert not any(key.startswith("on") for key in held)
    assert len(page.attributes("style")) == 1
    assert "\u202e" not in source


@pytest.mark.parametrize(("name", "least"), [("evil run", 60), ("evil fleet", 40)])
def test_planted_text_is_shown_letter_by_letter(name: str, least: int) -> None:
    """The planted text was planted everywhere, and is read as it is."""
    assert Page(PAGES[name]()).text.count(SHOWN) >= least


def test_the_policy_allows_its_own_style_and_nothing_else(source: str) -> None:
    """The policy comes before everything, and its hash is that of the style."""
    page = Page(source)
    charset, policy, *_ = page.attributes("meta")
    assert charset == {"charset": "utf-8"}
    assert policy["http-equiv"] == "Content-Security-Policy"
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy["content"].startswith(f"default-src 'none'; style-src 'sha256-{digest}';")
    assert "url(" not in page.style
    assert "@import" not in page.style


def test_headings_and_landmarks(source: str) -> None:
    """One language, one title, one first heading, no level left out, and the three landmarks."""
    page = Page(source)
    assert page.attributes("html") == [{"lang": "en"}]
    once = ("h1", "header", "main", "footer")
    assert [len(page.attributes(name)) for name in once] == [1] * 4
    assert page.attributes("title").count({}) == 1, "drawings have titles of their own, with ids"
    levels = [int(name[1]) for name, _ in page.tags if name in {"h1", "h2", "h3", "h4"}]
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_everything_of_a_run_is_there() -> None:
    """Outcome, who and when, evidence, findings with what to do, what was not checked, consent, plan, rights, gap."""
    text = Page(PAGES["run"]()).text
    for wanted in (
        "Validation failed: plant-m365", "run-1", "started by schedule", "2026-05-04 03:02:01 UTC", "seen at V5u",
        "not reached: V7 failed", "cayosoft: entra.delete_user: user=rot-1", "Give it.", "by the portal",
        "Conditional Access: the verifier may not read policies", "missing for this account, granted for everybody",
        "plan 0f0f0f", "Delete the other.", "could not be told", "for 4.32 s the console held", "Made on a day.",
    ):  # fmt: skip
        assert wanted in text, wanted


def test_what_is_urgent_comes_first() -> None:
    """The status page says what to do for each row that is not in order, and has all of them in its table."""
    page = Page(PAGES["fleet"]())
    assert "7 of 9 to look at" in page.text
    # Seven rows, and the finding of the one that needs a person.
    assert page.text.count("What to do:") == 8
    assert len(page.attributes("tr")) == 1 + len(Standing)


def test_markup_is_only_what_was_made_as_such() -> None:
    """Text is escaped in elements and attributes; markup is not escaped twice."""
    made = element("p", "a<b", element("br"), ["c", None, Markup("<i>")], class_='"x"', hidden=None)
    assert made == '<p class="&quot;x&quot;">a&lt;b<br>c<i></p>'
    assert join("<") == "&lt;"
