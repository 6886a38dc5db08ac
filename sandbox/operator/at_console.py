"""A person at the console's pages: clicks the vendor's path, types, and says what the screen said."""

from __future__ import annotations

from dataclasses import dataclass

from playwright.sync_api import Locator, Page

AD, M365 = "Active Directory", "Microsoft 365"
_PATIENCE = 20_000  # milliseconds: a directory may take its time
_MOST_LOOKS = 10  # at a tenant's data that is still being collected


@dataclass(frozen=True)
class Said:
    """What the screen said to a test of credentials: whether it passed, and its lines."""

    passed: bool
    lines: tuple[str, ...]


@dataclass(frozen=True)
class ConsentTable:
    """The consent section; ``rows`` are API, permission and status, as they are written there."""

    status: str
    rows: tuple[tuple[str, str, str], ...]
    red_banner: bool


class ConsolePerson:
    """One browser page at one service's console. Words of the current product version only."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self._url = url
        page.set_default_timeout(_PATIENCE)

    def sign_in(self, account: str, password: str) -> None:
        """Open the console; raise RuntimeError with what the page said when that is refused."""
        self.page.goto(f"{self._url}/console/")
        self._type(Account=account, Password=password)
        self._press("Sign in")
        if self.page.get_by_role("button", name="Sign out").count() == 0:
            raise RuntimeError(f"the console did not let {account} in: {' '.join(self.notices())}")

    def open_extension(self, name: str) -> None:
        """Go Home > Configuration > Connected System Extensions > Active Directory or Microsoft 365."""
        tree = self.page.get_by_role("navigation", name="Console")
        for step in ("Home", "Configuration", "Connected System Extensions", name):
            self._follow(tree.get_by_role("link", name=step))

    def change_ad_credential(self, user: str, password: str, *, save: bool = True) -> None:
        """Enter user and password behind the selector and choose OK; then Save, or forget it."""
        self.open_extension(AD)
        self._press("...")
        self._type(User=user, Password=password)
        self._press("OK")
        if save:
            self._press("Save")

    def check_settings(self, extension: str) -> Said:
        """Choose Check Settings on the extension's page, where the person may be already; return what it said."""
        if not self.page.get_by_role("heading", level=1, name=extension, exact=True).count():
            self.open_extension(extension)
        self._press("Check Settings")
        heading = self.page.get_by_role("heading", name="Check Settings:")
        if not heading.count():
            return Said(False, tuple(self.notices()))
        lines = self.page.locator("#check-messages li").all_inner_texts()
        return Said("passed" in heading.inner_text(), tuple(lines))

    def change_m365_credential(self, user: str, password: str) -> Said:
        """Enter user and password and choose Validate; then OK where it passed, else Cancel. Return what it said."""
        self.open_extension(M365)
        self._press("...")
        self._type(User=user, Password=password)
        self._press("Validate")
        said = Said(self._button("OK").is_enabled(), tuple(self.notices()))
        if said.passed:
            self._press("OK")
        else:
            self._follow(self.page.get_by_role("link", name="Cancel"))
        return said

    def find_or_register_app(self, user: str, password: str) -> tuple[str, ...]:
        """Choose Find or register the app and sign in to the tenant; return the permissions that are then requested.

        Raises RuntimeError with what the page said when the tenant refused.
        """
        self.open_extension(M365)
        self._follow(self.page.get_by_role("link", name="Find or register the app"))
        self._type(Account=user, Password=password)
        self._press("Sign in")
        requested = self.page.locator("#requested li").all_inner_texts()
        if not requested:
            raise RuntimeError(f"no permissions are requested: {' '.join(self.notices())}")
        return tuple(requested)

    def accept_permissions(self, *, on_behalf_of_organization: bool = False) -> None:
        """Accept the prompt; the article forbids to tick the checkbox."""
        box = self.page.get_by_label("Consent on behalf of your organization", exact=True)
        box.set_checked(on_behalf_of_organization)
        self._press("Accept")

    def read_consent(self) -> ConsentTable:
        """Choose Refresh until the tenant's data is collected; return the table.

        Raises RuntimeError when it is still being collected after ten looks.
        """
        if not self.page.get_by_role("heading", level=1, name=M365, exact=True).count():
            self.open_extension(M365)
        for _ in range(_MOST_LOOKS):
            self._press("Refresh")
            if not self.page.get_by_text("Collecting the tenant's data").count():
                return self._consent()
        raise RuntimeError(f"the tenant's data is not collected after {_MOST_LOOKS} looks")

    def notices(self) -> list[str]:
        """Return the lines that the page shows on top."""
        return self.page.locator("main > .notice, main > .banner").all_inner_texts()

    def _consent(self) -> ConsentTable:
        rows = self.page.locator("#permissions tbody tr").all()
        cells = [row.locator("td, th").all_inner_texts() for row in rows]
        return ConsentTable(
            self.page.locator("#consent-status").inner_text(),
            tuple((api, permission, status) for api, permission, status in cells),
            self.page.locator("main > .banner").count() > 0,
        )

    def _button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=name != "...")

    def _press(self, name: str) -> None:
        """Press a button and wait for the page that it leads to."""
        with self.page.expect_navigation():
            self._button(name).click()

    def _follow(self, link: Locator) -> None:
        with self.page.expect_navigation():
            link.click()

    def _type(self, **fields: str) -> None:
        for label, value in fields.items():
            self.page.get_by_label(label, exact=True).fill(value)
