"""The console's pages: what a person can do with them, on the same state as the bridge."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import httpx
import pytest

from connectors.cayosoft.bridge import BridgeConsole
from connectors.errors import Conflict
from tests.contracts.cayosoft.lab import (
    AD,
    AD_ACCOUNT,
    APP,
    DOMAIN,
    M365,
    M365_ACCOUNT,
    TENANT_DOMAIN,
    Lab,
)
from tests.sandbox.cayosoft.clicking import AD_PAGE, M365_PAGE, Pages, pages


@pytest.fixture
def person(lab: Lab) -> Iterator[Pages]:
    """Return somebody who has signed in to the console."""
    with pages(lab) as clicking:
        clicking.sign_in(**lab.console_account)
        yield clicking


@pytest.fixture
def bridge(lab: Lab) -> Iterator[BridgeConsole]:
    """Return the product's own client of the bridge, signed in."""
    driver = lab.driver()
    driver.sign_in()
    yield driver
    driver.close()


def enter_ad(person: Pages, password: str, account: str = AD_ACCOUNT) -> None:
    """Change the Active Directory credential in its dialog, up to OK."""
    person.get(AD_PAGE)
    person.press(f"{AD_PAGE}/select", enabled="yes")
    person.press(f"{AD_PAGE}/credentials/ok", account=account, password=password)


def accept(person: Pages, password: str, account: str = M365_ACCOUNT, **ticked: str) -> None:
    """Find or register the app as somebody, and accept its prompt."""
    person.get(M365_PAGE)
    person.get(f"{M365_PAGE}/tenant-sign-in")
    person.press(f"{M365_PAGE}/tenant-sign-in", account=account, password=password)
    person.press(f"{M365_PAGE}/permissions", **ticked)


def refresh(person: Pages) -> None:
    """Look at the consent until the tenant's data is collected."""
    for _ in range(5):
        person.get(M365_PAGE)
        person.press(f"{M365_PAGE}/refresh", enabled="yes")
        if "Collecting" not in person.text():
            return
    raise AssertionError(person.text())


def consent_types(lab: Lab) -> set[str]:
    """Return for whom the product's app holds delegated permissions."""
    state = lab.tenant.state()
    apps = {a["service_principal_id"] for a in state["apps"] if a["display_name"] == APP}
    return {grant["consentType"] for grant in state["grants"] if grant["clientId"] in apps}


def test_the_path_of_the_article(person: Pages) -> None:
    """Home leads to Configuration, Connected System Extensions, and the two extensions."""
    assert person.text().startswith("Home")
    for link, heading in (
        ("/console/configuration", "Configuration"),
        ("/console/extensions", "Connected System Extensions"),
        (AD_PAGE, "Active Directory"),
        (M365_PAGE, "Microsoft 365"),
    ):
        assert f'href="{link}"' in person.page.text
        person.get(link)
        assert f"<h1>{heading}</h1>" in person.page.text


def test_saves_and_checks(
    lab: Lab, person: Pages, bridge: BridgeConsole, new_password: Callable[[], str]
) -> None:
    """A credential that is entered, saved and checked is what the service signs in with; the bridge says by whom."""
    lab.rotate(AD, new_password())
    person.get(AD_PAGE)
    person.press(f"{AD_PAGE}/check-settings", enabled="yes")
    assert "Check Settings: failed" in person.text()
    assert "52e" in person.text()

    before = bridge.connection_row(AD, DOMAIN)
    enter_ad(person, lab.passwords[AD])
    assert "Unsaved changes" in person.text()
    assert not lab.signs_in(AD)
    person.press(f"{AD_PAGE}/save", enabled="yes")
    assert "Saved." in person.text()
    assert "Unsaved" not in person.text()
    person.press(f"{AD_PAGE}/check-settings", enabled="yes")
    assert "Check Settings: passed" in person.text()
    assert lab.signs_in(AD)

    row = bridge.connection_row(AD, DOMAIN)
    assert (row.secret_label, row.saved_key) == (None, None)
    assert row.revision != before.revision


def test_a_change_that_is_not_saved_is_lost(
    lab: Lab, person: Pages, new_password: Callable[[], str]
) -> None:
    """Leaving the page without Save loses what was entered, and Check Settings never tests it."""
    lab.rotate(AD, new_password())
    saves = lab.row(AD)["saves"]
    enter_ad(person, lab.passwords[AD])
    person.press(f"{AD_PAGE}/check-settings", enabled="yes")
    assert "Check Settings: failed" in person.text()
    assert "was not tested" in person.text()
    person.get(M365_PAGE)
    assert "were lost" in person.text()
    person.get(AD_PAGE)
    assert "Unsaved" not in person.text()
    person.press(f"{AD_PAGE}/save", enabled="yes")
    assert "nothing to save" in person.text()
    assert lab.row(AD)["saves"] == saves
    assert not lab.signs_in(AD)


def test_the_extension_is_enabled_by_a_tick(lab: Lab, person: Pages) -> None:
    """The tick is saved with Save, and kept over the dialog until then."""
    person.get(AD_PAGE)
    person.press(f"{AD_PAGE}/select")  # not ticked
    person.get(AD_PAGE)
    assert "Unsaved changes" in person.text()
    assert lab.console.state()["extensions"]["active_directory"]
    person.press(f"{AD_PAGE}/save")
    assert not lab.console.state()["extensions"]["active_directory"]
    person.press(f"{AD_PAGE}/check-settings")
    assert "The extension is not enabled." in person.text()


def test_ok_takes_what_was_validated(
    lab: Lab, person: Pages, new_password: Callable[[], str]
) -> None:
    """Microsoft 365: OK needs a Validate that passed, of exactly what is in the dialog; then it saves."""
    lab.rotate(M365, new_password())
    dialog = f"{M365_PAGE}/credentials"
    person.get(M365_PAGE)
    person.press(f"{M365_PAGE}/select", enabled="yes")
    person.press(f"{dialog}/validate", account=M365_ACCOUNT, password=new_password())
    assert "AADSTS50126" in person.text()
    person.press(f"{dialog}/ok", account=M365_ACCOUNT, password="")
    assert "Validate first" in person.text()
    person.press(f"{dialog}/validate", account=M365_ACCOUNT, password=lab.passwords[M365])
    assert f"{M365_ACCOUNT} signed in to {TENANT_DOMAIN}." in person.text()
    person.press(f"{dialog}/ok", account=M365_ACCOUNT, password=new_password())
    assert "Validate first" in person.text()
    assert not lab.signs_in(M365)
    person.press(f"{dialog}/validate", account=M365_ACCOUNT, password=lab.passwords[M365])
    person.press(f"{dialog}/ok", account=M365_ACCOUNT, password="")
    assert "Saved. Now connect to the tenant again" in person.text()
    assert lab.signs_in(M365)


def test_an_empty_dialog(person: Pages) -> None:
    """OK and Validate without a user or a password do nothing and say so."""
    for page, button in ((AD_PAGE, "ok"), (M365_PAGE, "validate")):
        person.get(page)
        person.press(f"{page}/select", enabled="yes")
        for fields in ({"account": " ", "password": "x"}, {"account": "x", "password": ""}):
            person.press(f"{page}/credentials/{button}", **fields)
            assert "Enter the user and the password." in person.text()


def test_registers_and_consents(lab: Lab, person: Pages) -> None:
    """The app is registered by who signs in, accepted for that account alone, and shown once data is collected."""
    accept(person, lab.passwords[M365])
    assert "Collecting" in person.text()
    refresh(person)
    assert "Status: Fully granted" in person.text()
    assert "Not granted" not in person.text()
    assert "User.ReadWrite.All (delegated) Granted" in person.text()
    assert consent_types(lab) == {"Principal"}
    (accepted,) = lab.tenant.calls("consent.accept")
    assert accepted["detail"]["on_behalf_of_organization"] is False


def test_a_ticked_checkbox_grants_for_all(lab: Lab, person: Pages) -> None:
    """The forbidden checkbox does what it says."""
    accept(person, lab.passwords[M365], organization="yes")
    assert "AllPrincipals" in consent_types(lab)
    (call,) = lab.console.calls("page.accept")
    assert call["detail"]["onBehalfOfOrganization"] is True


def test_consent_of_somebody_else(lab: Lab, person: Pages, new_password: Callable[[], str]) -> None:
    """Who signs in with another account consents for that one: the connection stays without, under a red banner."""
    other, password = f"other@{TENANT_DOMAIN}", new_password()
    lab.tenant.do("add_user", upn=other, password=password, roles=["Global Administrator"])
    accept(person, password, other)
    refresh(person)
    assert "Partially granted" in person.text()
    assert "does not work properly until every permission is granted" in person.text()
    assert "Grant Consent" in person.text()


def test_a_refused_sign_in_to_the_tenant(
    lab: Lab, person: Pages, new_password: Callable[[], str]
) -> None:
    """A wrong password at the tenant registers nothing."""
    person.get(f"{M365_PAGE}/tenant-sign-in")
    person.press(f"{M365_PAGE}/tenant-sign-in", account=M365_ACCOUNT, password=new_password())
    assert f"{M365_ACCOUNT} was refused: AADSTS50126" in person.text()
    assert APP not in {app["display_name"] for app in lab.tenant.state()["apps"]}
    person.get(f"{M365_PAGE}/permissions")
    assert str(person.page.url).endswith("/tenant-sign-in")


def test_looking_signs_in_nowhere(lab: Lab, person: Pages) -> None:
    """Only buttons sign in; opening a page costs no sign-in of an account that may be near its lockout."""
    for path in (AD_PAGE, M365_PAGE, "/console/extensions", f"{M365_PAGE}/credentials"):
        assert person.get(path).status_code == 200
    assert not lab.directory.journal()
    assert not lab.tenant.journal()


def test_both_doors_lead_to_one_console(
    lab: Lab, person: Pages, bridge: BridgeConsole, new_password: Callable[[], str]
) -> None:
    """A save at the page makes a draft of the bridge stale, and a save of the bridge shows at the page."""
    draft = bridge.enter_credential(bridge.connection_row(AD, DOMAIN), lab.publish(AD), "one")
    enter_ad(person, new_password(), account="svc-other")
    person.press(f"{AD_PAGE}/save", enabled="yes")
    with pytest.raises(Conflict):
        bridge.save(draft, "key-1")
    fresh = bridge.enter_credential(bridge.connection_row(AD, DOMAIN), lab.publish(AD), "two")
    assert bridge.save(fresh, "key-2").secret_label == "two"
    person.get(AD_PAGE)
    assert AD_ACCOUNT in person.text()


def test_only_global_administrators(lab: Lab, person: Pages) -> None:
    """Another product role sees no Configuration node, at once, and gets no page below it by its address."""
    account = lab.console_account["account"]
    person.get(AD_PAGE)
    lab.console.do("set_console_role", account=account, role="Administrators")
    saves = lab.row(AD)["saves"]
    for answer in (
        person.press(f"{AD_PAGE}/save", enabled="yes"),
        *(person.get(path) for path in (AD_PAGE, "/console/extensions", "/console/configuration")),
    ):
        assert answer.status_code == 403
        assert "Only Global Administrators" in person.text()
    assert lab.row(AD)["saves"] == saves
    person.get("/console/")
    assert "/console/configuration" not in person.page.text
    with pytest.raises(ValueError, match="NotThere"):
        lab.console.do("set_console_role", account="nobody", role="Administrators")


def test_systems_that_do_not_answer(lab: Lab, person: Pages) -> None:
    """A directory or tenant that is down is said on the page, and what was entered is still there."""
    lab.directory.arm("*", "unreachable", times=0)
    lab.tenant.arm("*", "unreachable", times=0)
    enter_ad(person, lab.passwords[AD])
    for page, button in ((AD_PAGE, "check-settings"), (M365_PAGE, "refresh")):
        person.get(page)
        person.press(f"{page}/{button}", enabled="yes")
        assert "No answer." in person.text()


def test_shows_no_secret(lab: Lab, person: Pages, new_password: Callable[[], str]) -> None:
    """No password that was typed is in a page, an address, a cookie, the journal, the state or the log."""
    typed = [new_password() for _ in range(4)]
    enter_ad(person, typed[0])
    person.get(M365_PAGE)
    person.press(f"{M365_PAGE}/select", enabled="yes")
    person.press(f"{M365_PAGE}/credentials/validate", account=M365_ACCOUNT, password=typed[1])
    person.get(f"{M365_PAGE}/tenant-sign-in")
    person.press(f"{M365_PAGE}/tenant-sign-in", account=M365_ACCOUNT, password=typed[2])
    with pages(lab) as stranger:
        stranger.sign_in("stranger", typed[3])
        seen = [*person.seen, *stranger.seen]
    told = [f"{a.url} {a.headers} {a.text}" for a in seen]
    told += [json.dumps(lab.console.journal()), json.dumps(lab.console.state())]
    secrets = [*typed, lab.console_account["password"], *lab.passwords.values()]
    assert not [place for place in told for secret in secrets if secret in place]
    cookies = [value for answer in seen for value in answer.request.headers.get_list("cookie")]
    ids = {cookie.partition("=")[2] for cookie in cookies}
    assert ids
    assert not [one for one in ids if one in json.dumps(lab.console.journal())]


def test_faults_meet_pages_too(lab: Lab, person: Pages) -> None:
    """A page's answer can be lost: what was saved is saved."""
    saves = lab.row(AD)["saves"]
    enter_ad(person, lab.passwords[AD])
    lab.console.arm("page.save", "answer_lost")
    with pytest.raises(httpx.TransportError):
        person.press(f"{AD_PAGE}/save", enabled="yes")
    assert lab.row(AD)["saves"] == saves + 1
