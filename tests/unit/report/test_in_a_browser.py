"""The pages in a real Chromium: accessible, readable on a phone and on paper, and nothing is asked for or run."""

from __future__ import annotations

import runpy
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from sandbox.operator.browser import browser
from tests.unit.report.test_pages import PAGES

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Start the machine's own Chromium once."""
    with browser() as started:
        yield started


@pytest.fixture
def file(page_of: str, tmp_path: Path) -> Path:
    """Write a page into a file, as a person keeps it."""
    kept = tmp_path / "page.html"
    kept.write_text(PAGES[page_of](), encoding="utf-8")
    return kept


def _open(chromium: Browser, file: Path, *, width: int, scheme: str) -> tuple[Page, list[str]]:
    """Open a page; return it with what it asked for beside itself, and what it complained of."""
    page = chromium.new_page(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    heard: list[str] = []
    page.on("request", lambda request: heard.append(request.url))
    page.on("console", lambda message: heard.append(message.text))
    page.on("dialog", lambda dialog: heard.append(dialog.message))
    page.goto(file.as_uri())
    return page, [it for it in heard if it != file.as_uri()]


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
@pytest.mark.parametrize("page_of", ["run", "fleet"])
def test_it_is_accessible(chromium: Browser, file: Path, width: int, scheme: str) -> None:
    """Axe finds nothing, contrast included, at a desk in light and on a phone in dark."""
    page, _ = _open(chromium, file, width=width, scheme=scheme)
    found = Axe().run(page).response["violations"]
    page.close()
    assert [(it["id"], it["impact"], it["nodes"][0]["target"]) for it in found] == []


@pytest.mark.parametrize("page_of", list(PAGES))
def test_it_asks_for_nothing(chromium: Browser, file: Path) -> None:
    """No page asks for anything or runs anything, and none is wider than a phone."""
    page, heard = _open(chromium, file, width=390, scheme="light")
    wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    page.close()
    assert wider <= 0
    assert heard == []


@pytest.mark.parametrize("page_of", list(PAGES))
def test_it_prints(chromium: Browser, file: Path) -> None:
    """On A4 it is light, and nothing is cut off at the right."""
    page, _ = _open(
        chromium, file, width=688, scheme="dark"
    )  # A4 without its margins, at 96 dots an inch
    page.emulate_media(media="print", color_scheme="dark")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    wider = page.evaluate(
        "Math.max(...[...document.querySelectorAll('body *')].map(it => it.getBoundingClientRect().right))"
        " - window.innerWidth"
    )
    printed = page.pdf(prefer_css_page_size=True)
    page.close()
    assert paper == "rgb(255, 255, 255)"
    assert wider <= 1
    assert printed.startswith(b"%PDF")


@pytest.mark.parametrize("page_of", ["fleet"])
def test_pictures_can_be_taken(chromium: Browser, file: Path, tmp_path: Path) -> None:
    """What `make screenshots` does with each page works: a picture per scheme."""
    shoot = runpy.run_path(str(ROOT / "docs" / "screenshots.py"))["shoot"]
    shoot(chromium, "it", file.as_uri(), ready="main", sizes=["phone"], folder=tmp_path)
    taken = sorted(tmp_path.glob("*.png"))
    assert [it.name for it in taken] == ["it-phone-dark.png", "it-phone-light.png"]
    assert taken[0].read_bytes() != taken[1].read_bytes()
