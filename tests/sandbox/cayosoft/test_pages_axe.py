"""Every page of the console, in every state, before the rules of Axe, in the machine's own Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from sandbox.operator.browser import browser
from tests.contracts.cayosoft.lab import AD, M365, Lab
from tests.sandbox.cayosoft.clicking import AD_PAGE, M365_PAGE

pytestmark = pytest.mark.browser
WORST = ("serious", "critical")
PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 800}


class Reader:
    """Somebody who goes through the pages and has each one looked at, at the desk and on a phone."""

    def __init__(self, page: Page, lab: Lab) -> None:
        self.page, self.lab, self._axe = page, lab, Axe()
        self.found: dict[str, list[str]] = {}
        self.troubles: list[str] = []
        page.on("console", lambda said: self.troubles.append(said.text))

    def look(self, state: str) -> None:
        """Collect what Axe finds bad, and whether a phone has to be scrolled sideways."""
        violations = self._axe.run(self.page, options={"resultTypes": ["violations"]}).response[
            "violations"
        ]
        bad = [f"{one['id']}: {one['help']}" for one in violations if one["impact"] in WORST]
        self.page.set_viewport_size(PHONE)
        width = self.page.evaluate("document.documentElement.scrollWidth")
        self.page.set_viewport_size(DESK)
        self.found[state] = [*bad, *(["wider than a phone"] if width > PHONE["width"] else [])]

    def open(self, path: str) -> None:
        """Open a page by its address."""
        self.page.goto(f"{self.lab.console.url}{path}")

    def press(self, name: str) -> None:
        """Press a button, and wait for the page that it leads to."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=name != "...").click()

    def type(self, **fields: str) -> None:
        """Fill in fields by their labels."""
        for label, value in fields.items():
            self.page.get_by_label(label, exact=True).fill(value)


@pytest.fixture
def reader(lab: Lab) -> Iterator[Reader]:
    """Return somebody before the console's sign-in page."""
    with browser(lab.authority.folder) as started:
        reader = Reader(started.new_page(viewport=DESK), lab)
        reader.open("/")
        yield reader


def test_every_page_is_accessible(reader: Reader, new_password: Callable[[], str]) -> None:
    """No page has a serious fault by Axe, is wider than a phone, or asks the browser for what its policy forbids."""
    entrance(reader)
    active_directory(reader, new_password())
    microsoft_365(reader, new_password())
    assert len(reader.found) == 23
    assert {state: bad for state, bad in reader.found.items() if bad} == {}
    forbidden = [said for said in reader.troubles if "status of 404" not in said]
    assert all("status of 403" in said for said in forbidden), forbidden


def entrance(reader: Reader) -> None:
    """Sign in wrongly and rightly, with a small and with a great product role."""
    account = reader.lab.console_account
    reader.look("sign in")
    reader.type(Account=account["account"], Password="wrong")
    reader.press("Sign in")
    reader.look("wrong sign-in")
    reader.lab.console.do("set_console_role", account=account["account"], role="Administrators")
    reader.type(Account=account["account"], Password=account["password"])
    reader.press("Sign in")
    reader.look("home of a small role")
    reader.open("/console/extensions")
    reader.look("not permitted")
    role = "Global Administrators"
    reader.lab.console.do("set_console_role", account=account["account"], role=role)
    for state, path in (
        ("home", "/console/"),
        ("configuration", "/console/configuration"),
        ("extensions", "/console/extensions"),
        ("not found", "/console/nothing"),
    ):
        reader.open(path)
        reader.look(state)


def active_directory(reader: Reader, wrong: str) -> None:
    """Enter a credential that is wrong, check without saving, save, check."""
    reader.open(AD_PAGE)
    reader.page.get_by_text("In the real product").click()
    reader.look("Active Directory")
    reader.press("...")
    reader.look("dialog of Active Directory")
    reader.type(Password=wrong)
    reader.press("OK")
    reader.press("Check Settings")
    reader.look("unsaved, with a check that passed")
    reader.press("Save")
    reader.look("saved")
    reader.press("Check Settings")
    reader.look("check failed")
    assert not reader.lab.signs_in(AD)


def microsoft_365(reader: Reader, wrong: str) -> None:
    """Enter a credential, find the app, accept its permissions, see the consent."""
    right = reader.lab.passwords[M365]
    reader.open(M365_PAGE)
    reader.look("Microsoft 365, consent not read")
    reader.press("...")
    reader.look("dialog of Microsoft 365")
    for state, password in (("refused", wrong), ("passed", right)):
        reader.type(Password=password)
        reader.press("Validate")
        reader.look(f"Validate {state}")
    reader.press("OK")
    reader.press("Refresh")
    reader.look("red banner")
    reader.page.get_by_role("link", name="Find or register the app").click()
    reader.look("sign in to the tenant")
    for password in (wrong, right):
        reader.type(Password=password)
        reader.press("Sign in")
    reader.look("permission prompt")
    reader.press("Accept")
    reader.look("collecting")
    for _ in range(3):
        reader.press("Refresh")
    reader.look("fully granted")
    reader.press("Sign out")
    reader.look("signed out")
