"""The scripted person at the console: what it does is done, what it says is what the screen said."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Error

from sandbox.operator.at_console import ConsolePerson
from sandbox.operator.browser import browser
from sandbox.standin.control import Control
from sandbox.standin.http import App
from sandbox.standin.tls import Authority, server_context
from tests.contracts.cayosoft.lab import (
    AD,
    AD_ACCOUNT,
    M365,
    M365_ACCOUNT,
    TENANT_DOMAIN,
    Lab,
)

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chromium(pages_lab: Lab) -> Iterator[Browser]:
    """Return a browser that trusts the console."""
    with browser(pages_lab.authority.folder) as started:
        yield started


@pytest.fixture
def person(lab: Lab, chromium: Browser) -> Iterator[ConsolePerson]:
    """Return somebody who has signed in to the console."""
    page = chromium.new_page()
    person = ConsolePerson(page, lab.console.url)
    person.sign_in(**lab.console_account)
    yield person
    page.close()


def test_active_directory(lab: Lab, person: ConsolePerson, new_password: Callable[[], str]) -> None:
    """Who forgets Save has changed nothing, and Check Settings says so; with Save it passes."""
    lab.rotate(AD, new_password())
    person.change_ad_credential(AD_ACCOUNT, lab.passwords[AD], save=False)
    assert "Unsaved changes" in person.notices()[0]
    forgotten = person.check_settings("Active Directory")
    assert (forgotten.passed, "52e" in forgotten.lines[0]) == (False, True)
    person.open_extension("Microsoft 365")
    assert not lab.signs_in(AD)

    person.change_ad_credential(AD_ACCOUNT, lab.passwords[AD])
    said = person.check_settings("Active Directory")
    assert (said.passed, said.lines) == (
        True,
        (f"{AD_ACCOUNT} signed in to corp.example.test.",),
    )
    assert lab.signs_in(AD)


def test_microsoft_365(lab: Lab, person: ConsolePerson, new_password: Callable[[], str]) -> None:
    """What is not validated is not saved; then the app is registered, accepted for one account, collected, read."""
    lab.rotate(M365, new_password())
    refused = person.change_m365_credential(M365_ACCOUNT, new_password())
    assert (refused.passed, "AADSTS50126" in refused.lines[0]) == (False, True)
    assert not lab.signs_in(M365)
    with pytest.raises(RuntimeError, match="AADSTS50126"):
        person.find_or_register_app(M365_ACCOUNT, new_password())

    said = person.change_m365_credential(M365_ACCOUNT, lab.passwords[M365])
    assert (said.passed, lab.signs_in(M365)) == (True, True)
    requested = person.find_or_register_app(M365_ACCOUNT, lab.passwords[M365])
    assert "Microsoft Graph: User.ReadWrite.All (delegated)" in requested
    person.accept_permissions()
    table = person.read_consent()
    assert (table.status, table.red_banner) == ("Fully granted", False)
    assert ("Microsoft Graph", "Organization.Read.All (application)", "Granted") in table.rows
    assert len(table.rows) == len(requested)
    (accepted,) = lab.tenant.calls("consent.accept")
    assert accepted["detail"]["on_behalf_of_organization"] is False


def test_mistakes(lab: Lab, person: ConsolePerson, new_password: Callable[[], str]) -> None:
    """The forbidden checkbox can be ticked, and consent given as somebody else."""
    other, password = f"other@{TENANT_DOMAIN}", new_password()
    lab.tenant.do("add_user", upn=other, password=password, roles=["Global Administrator"])
    person.find_or_register_app(other, password)
    person.accept_permissions()
    table = person.read_consent()
    assert (table.status, table.red_banner) == ("Partially granted", True)
    person.find_or_register_app(M365_ACCOUNT, lab.passwords[M365])
    person.accept_permissions(on_behalf_of_organization=True)
    assert "AllPrincipals" in {grant["consentType"] for grant in lab.tenant.state()["grants"]}


def test_trusts_what_it_was_shown(chromium: Browser, authority: Authority) -> None:
    """A server whose key the browser was not told of is refused, although the same authority vouches for it."""
    stranger = App(Control()).serve(0, server_context(*authority.issue("unknown-to-the-browser")))
    page = chromium.new_page()
    try:
        with pytest.raises(Error, match="ERR_CERT_AUTHORITY_INVALID"):
            page.goto(f"https://127.0.0.1:{stranger.server_address[1]}/")
    finally:
        page.close()
        stranger.shutdown()
        stranger.server_close()


def test_refused_at_the_door(lab: Lab, chromium: Browser, new_password: Callable[[], str]) -> None:
    """Who does not get in says so, without the password."""
    page = chromium.new_page()
    wrong = new_password()
    with pytest.raises(RuntimeError, match="The account or the password is wrong") as caught:
        ConsolePerson(page, lab.console.url).sign_in(lab.console_account["account"], wrong)
    page.close()
    assert wrong not in str(caught.value)
