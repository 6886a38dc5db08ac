"""A person at the Prefect server's UI: reads the form of a suspended run, fills it in, resumes the run.

Made for the UI that Prefect 3.8 opens with ("V1"). Its labels are not bound to its fields, so that they are
found by the words above them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Locator, Page

Answer = str | bool | int | float
_PATIENCE = 30_000  # milliseconds
_FIELD, _TITLE = ".schema-form-property", ".schema-form-property__label"
_TOAST = ".p-toast__message"


class PrefectPerson:
    """One browser page at one Prefect server."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self._url = url
        page.set_default_timeout(_PATIENCE)

    def open_run(self, run: str) -> None:
        """Open the page of a flow run that waits for an answer."""
        self.page.goto(f"{self._url}/runs/flow-run/{run}")
        self._resume().wait_for()

    def press_resume(self) -> None:
        """Press Resume and wait for the form."""
        self._resume().click()
        self._form().locator(_FIELD).first.wait_for()

    def guide(self) -> str:
        """Return the text above the fields, as the UI renders the form's description."""
        return self._form().locator("article").first.inner_text()

    def look_at(self, path: str, until: str) -> Page:
        """Open a page of the UI, and wait until a selector shows something; return it."""
        self.page.goto(f"{self._url}{path}")
        self.page.locator(until).first.wait_for()
        return self.page

    def read_beside(self, link: str) -> Page:
        """Follow a link of the form's text; return the tab that it opens."""
        with self.page.expect_popup() as opened:
            self._form().get_by_role("link", name=link).click()
        return opened.value

    def guide_share(self) -> float:
        """Return which share of the guide is to be seen without scrolling it, 0 to 1.

        The UI shrinks the guide to make room for the fields, down to nothing, before it lets the form scroll.
        """
        guide = self._form().locator("article").first
        return float(guide.evaluate("shown => shown.clientHeight / shown.scrollHeight"))

    def titles(self) -> list[str]:
        """Return the titles of the fields, from the top; Prefect adds "(Optional)" to some."""
        shown = self._form().locator(_TITLE).all_inner_texts()
        return [title.strip().removesuffix(" (Optional)") for title in shown]

    def choices(self, title: str) -> list[str]:
        """Return what the list of a field offers."""
        self._open_list(self._field(title))
        offered = self.page.get_by_role("option").all_inner_texts()
        self.page.keyboard.press("Tab")  # closes the list; Escape would close the form
        return [choice.strip() for choice in offered]

    def fill(self, answers: Mapping[str, Answer]) -> None:
        """Fill in fields by their titles; which kind a field is, is seen on the page."""
        for title, answer in answers.items():
            self._fill(self._field(title), answer)

    def submit(self) -> list[str]:
        """Press Submit; return what the UI complains about, nothing when the run resumes."""
        self._forget_toasts()
        with self.page.expect_response(re.compile(r"/ui/schemas/validate$")) as checked:
            self._form().get_by_role("button", name="Submit").click()
        if not checked.value.json()["valid"]:
            complaints = self._form().locator(".p-label__message")
            complaints.first.wait_for()
            return [text.strip() for text in complaints.all_inner_texts()]
        toast = self.page.locator(_TOAST).first
        toast.wait_for()
        said = toast.inner_text().strip()
        if said != "Flow run resumed":
            return [said]
        self._form().wait_for(state="hidden")
        return []

    def answer(self, run: str, answers: Mapping[str, Answer]) -> list[str]:
        """Open a run, resume it with these answers; return what the UI complains about."""
        self.open_run(run)
        self.press_resume()
        self.fill(answers)
        return self.submit()

    def screenshot(self, file: Path) -> None:
        """Keep what is to be seen now as a PNG."""
        self.page.screenshot(path=file, animations="disabled")

    def _forget_toasts(self) -> None:
        """Close what the UI has said before, so that what it says next is not mistaken for it."""
        # Not by the mouse: a ring that counts down lies over the button.
        close = "buttons => buttons.forEach(button => button.click())"
        self.page.locator(".p-toast__close-btn").evaluate_all(close)
        self.page.locator(_TOAST).first.wait_for(state="hidden")

    def _resume(self) -> Locator:
        return self.page.get_by_role("button", name="Resume", exact=True)

    def _form(self) -> Locator:
        return self.page.get_by_role("dialog")

    def _field(self, title: str) -> Locator:
        words = re.compile(rf"^\s*{re.escape(title)}( \(Optional\))?\s*$")
        here = self.page.locator(_TITLE, has_text=words)
        # Fields may lie in groups, which are fields too: the innermost one is meant.
        return self._form().locator(_FIELD).filter(has=here).last

    def _fill(self, field: Locator, answer: Answer) -> None:
        if isinstance(answer, bool):
            switch = field.get_by_role("switch")
            if (switch.get_attribute("aria-checked") == "true") is not answer:
                switch.click()
        elif field.locator(".p-select-button").count():
            self._open_list(field)
            self.page.get_by_role("option", name=str(answer), exact=True).click()
            field.locator(".p-select-button", has_text=str(answer)).wait_for()
        else:
            field.locator("textarea, input").first.fill(str(answer))

    def _open_list(self, field: Locator) -> None:
        # The arrows, not the field beside them: a click there is handled twice, so the list opens and closes.
        field.locator(".p-select-button__icon").click()
        self.page.get_by_role("option").first.wait_for()
