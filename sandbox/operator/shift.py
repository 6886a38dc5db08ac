"""A shift: one person with a page at Prefect and one at a console, who works off the forms of suspended runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, ViewportSize

from sandbox.operator.at_console import AD, ConsentTable, ConsolePerson
from sandbox.operator.at_prefect import Answer, PrefectPerson

SAVED = "I have saved the new credential"
BUSY = "Failed to resume flow run"
"""What Prefect's UI says when its SQLite has another writer; nothing was done, and a person presses Submit again."""

MOST_TRIES = 10
SIZE: ViewportSize = {"width": 1280, "height": 900}

Picture = Callable[[Page, str], None]
"""Keeps what a page shows, under a name."""

Password = Callable[[str, int], str]
"""Reads a version of a secret in Vault, as the guide says: path and version."""


@dataclass(frozen=True)
class Task:
    """What a guide asks for."""

    account: str
    path: str
    version: int


class Shift:
    """``password`` fetches from Vault, ``picture`` keeps what is to be seen; ``name`` is typed into the forms."""

    def __init__(
        self,
        browser: Browser,
        prefect: str,
        console: str,
        name: str,
        password: Password,
        picture: Picture = lambda _, __: None,
    ) -> None:
        self.prefect = PrefectPerson(browser.new_page(viewport=SIZE), prefect)
        self.console = ConsolePerson(browser.new_page(viewport=SIZE), console)
        self._name, self._password, self._picture = name, password, picture

    def sign_in(self, account: str, password: str) -> None:
        """Sign in to the console."""
        self.console.sign_in(account, password)
        self._picture(self.console.page, "console-signed-in")

    def read(self, run: str) -> Task:
        """Open a run that waits, and read the guide that its form leads to."""
        self.prefect.open_run(run)
        self.prefect.page.get_by_text("Beginning flow run").first.wait_for()  # the page is complete
        self._picture(self.prefect.page, "run-suspended")
        self.prefect.press_resume()
        self._picture(self.prefect.page, "form")
        tab = self.prefect.read_beside("Open the guide")
        tab.get_by_role("heading", name="What to report").wait_for()
        text = tab.locator("body").inner_text()
        self._picture(tab, "guide")
        tab.close()
        self.rest()
        place = re.search(r"vault kv get -mount=\S+ -version=(\d+) -field=password (\S+)", text)
        account = re.search(r"It is for (\S+), row", text)
        if place is None or account is None:
            raise RuntimeError(f"the guide does not say what to enter: {text}")
        return Task(account[1], place[2], int(place[1]))

    def enter_in_active_directory(self, run: str, *, save: bool = True) -> None:
        """Follow the guide of the Active Directory extension, and report that it was done; or forget Save."""
        task = self.read(run)
        password = self._password(task.path, task.version)
        self.console.change_ad_credential(task.account, password, save=save)
        self._picture(self.console.page, "ad-saved" if save else "ad-not-saved")
        said = self.console.check_settings(AD)
        self._picture(self.console.page, "ad-check-settings")
        # Who forgets Save has not looked well at this screen either.
        passed = "It passed" if said.passed or not save else "It failed"
        self.report(run, {"What did Check Settings say?": passed})

    def enter_in_microsoft_365(self, run: str, *, tick: bool = False) -> ConsentTable:
        """Follow the guide of the Microsoft 365 extension, and report what was seen; or tick the forbidden checkbox."""
        task = self.read(run)
        password = self._password(task.path, task.version)
        said = self.console.change_m365_credential(task.account, password)
        self._picture(self.console.page, "m365-validated")
        self.console.find_or_register_app(task.account, password)
        self._picture(self.console.page, "m365-permission-request")
        self.console.accept_permissions(on_behalf_of_organization=tick)
        table = self.console.read_consent()
        self._picture(self.console.page, "m365-consent")
        self.report(
            run,
            {
                "What did Validate say?": "It passed" if said.passed else "It failed",
                "Consent on behalf of your organization": "Ticked" if tick else "Left unticked",
                "Consent status, in the console's words": table.status,
                "The test user": "I did not try it",
            },
        )
        return table

    def rest(self) -> None:
        """Leave Prefect's page, whose drawing of a run keeps a processor busy as long as it is open."""
        self.prefect.page.goto("about:blank")

    def report(self, run: str, seen: dict[str, Answer]) -> None:
        """Fill in the form of a run and submit it; raise RuntimeError with what the UI complains about."""
        tries = MOST_TRIES
        self.prefect.open_run(run)
        self.prefect.press_resume()
        self.prefect.fill({"What have you done?": SAVED, "Your name": self._name, **seen})
        self._picture(self.prefect.page, "form-filled-in")
        complaints = self.prefect.submit()
        while complaints == [BUSY] and (tries := tries - 1):
            complaints = self.prefect.submit()
        self.rest()
        if complaints:
            raise RuntimeError(f"Prefect's form complains: {' '.join(complaints)}")
