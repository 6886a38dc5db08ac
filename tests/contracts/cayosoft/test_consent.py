"""The app and its consent, in a tenant that really grants."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from connectors.cayosoft.bridge import BridgeConsole
from connectors.errors import Conflict, InvalidInput, Refused, Unknown, Unreachable
from tests.contracts.cayosoft.lab import ACCOUNTS, AD, APP, DOMAIN, M365, TENANT_DOMAIN, Lab
from tests.contracts.cayosoft.test_procedure import collected


def apps(lab: Lab) -> list[str]:
    """Return the app ids that the tenant has under the product's name."""
    found = lab.tenant.state()["apps"]
    return [app["app_id"] for app in found if app["display_name"] == APP]


def accept(console: BridgeConsole, key: str = "accept") -> None:
    """Open the prompt and accept it for the connection account."""
    prompt = console.permission_request(console.connection_row(M365, TENANT_DOMAIN))
    console.accept_permissions(prompt, on_behalf_of_organization=False, idempotency_key=key)


def test_registers_a_missing_app(unregistered: Lab) -> None:
    """An app that is not there is registered once, though the answer is lost, and found from then on."""
    console = unregistered.driver()
    row = console.connection_row(M365, TENANT_DOMAIN)
    section = console.consent(row)
    assert (section.status, section.rows, section.red_banner) == (
        "Consent is not granted",
        (),
        True,
    )
    with pytest.raises(Refused) as caught:
        console.permission_request(row)
    assert caught.value.identifiers["error_code"] == "AppNotFound"
    unregistered.console.arm("app.find", "answer_lost")
    with pytest.raises(Unknown):
        console.find_or_register_app(row, "app-1")
    (app_id,) = apps(unregistered)
    again = console.find_or_register_app(row, "app-1")
    assert (app_id, True) == (again.app_id, again.registered_now)
    found = console.find_or_register_app(row, "app-2")
    assert (app_id, False) == (found.app_id, found.registered_now)
    assert [app_id] == apps(unregistered)
    accept(console)
    assert collected(console).status == "Fully granted"
    console.close()


def test_registers_once_for_two_at_once(unregistered: Lab) -> None:
    """A repeat that comes while the first request still runs waits for it, and registers nothing more."""
    consoles = unregistered.driver(), unregistered.driver()
    row = consoles[0].connection_row(M365, TENANT_DOMAIN)
    unregistered.tenant.arm("token", "delay", seconds=0.3, times=2)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda c: c.find_or_register_app(row, "app-1"), consoles))
    assert answers[0] == answers[1]
    assert [answers[0].app_id] == apps(unregistered)
    for console in consoles:
        console.close()


def test_grants_for_the_account_only(lab: Lab, console: BridgeConsole) -> None:
    """What is accepted is granted for the connection account, never for the organization."""
    accept(console)
    (app_id,) = apps(lab)
    state = lab.tenant.state()
    (client,) = [a["service_principal_id"] for a in state["apps"] if a["app_id"] == app_id]
    grants = [grant for grant in state["grants"] if grant["clientId"] == client]
    assert [grant["consentType"] for grant in grants] == ["Principal"]
    assert [
        call["detail"]["on_behalf_of_organization"] for call in lab.tenant.calls("consent.accept")
    ] == [False]


def test_collecting_comes_to_an_end(lab: Lab, console: BridgeConsole) -> None:
    """After an acceptance the section means nothing until the console has collected the data."""
    accept(console)
    row = console.connection_row(M365, TENANT_DOMAIN)
    looks = [console.consent(row) for _ in range(3)]
    assert [look.collecting for look in looks] == [True, True, False]
    assert looks[-1].status == "Fully granted"


def test_a_withheld_permission_shows(lab: Lab, console: BridgeConsole) -> None:
    """A permission that the tenant withholds leaves the consent partial, with the red banner."""
    lab.tenant.do("withhold", values=["Group.ReadWrite.All"])
    accept(console)
    section = collected(console)
    assert (section.status, section.red_banner) == ("Partially granted", True)
    missing = [line.permission for line in section.rows if line.status != "Granted"]
    assert missing == ["Group.ReadWrite.All (delegated)"]


def test_accepted_but_the_answer_lost(lab: Lab, console: BridgeConsole) -> None:
    """The acceptance is Unknown; the same key again accepts nothing twice."""
    row = console.connection_row(M365, TENANT_DOMAIN)
    prompt = console.permission_request(row)
    lab.console.arm("consent.accept", "answer_lost")
    for attempt in (1, 2):
        try:
            console.accept_permissions(
                prompt, on_behalf_of_organization=False, idempotency_key="accept-1"
            )
        except Unknown:
            assert attempt == 1
    assert len(lab.tenant.calls("consent.accept")) == 1
    assert collected(console).status == "Fully granted"


def test_never_for_the_organization(lab: Lab, console: BridgeConsole) -> None:
    """A ticked checkbox never leaves the driver."""
    prompt = console.permission_request(console.connection_row(M365, TENANT_DOMAIN))
    with pytest.raises(InvalidInput):
        console.accept_permissions(prompt, on_behalf_of_organization=True, idempotency_key="k")
    assert not lab.console.calls("consent.accept")


@pytest.mark.parametrize("code", [50126, 50053, 50076, 53003])
def test_the_tenant_says_no(lab: Lab, console: BridgeConsole, code: int) -> None:
    """An account that may not sign in is refused with the tenant's own code, everywhere."""
    row = console.connection_row(M365, TENANT_DOMAIN)
    draft = console.enter_credential(row, ACCOUNTS[M365], "label")
    lab.tenant.do("set_outcome", upn=row.account, code=code)
    for act in (
        lambda: console.find_or_register_app(row, "app"),
        lambda: console.permission_request(row),
        lambda: console.consent(row),
    ):
        with pytest.raises(Refused) as caught:
            act()
        assert f"AADSTS{code}" == caught.value.identifiers["error_code"]
    for shown in (console.validate(draft), console.check_settings(M365, TENANT_DOMAIN)):
        assert not shown.ok
        assert f"AADSTS{code}" in shown.messages[0]


def test_the_tenant_does_not_answer(lab: Lab, console: BridgeConsole) -> None:
    """A tenant that is down is Unreachable for a look and Unknown for a change."""
    row = console.connection_row(M365, TENANT_DOMAIN)
    for kind, times in (("unreachable", 1), ("status", 1), ("html", 1)):
        lab.tenant.arm("token", kind, times=times, status=503)
        with pytest.raises(Unreachable):
            console.consent(row)
        lab.tenant.arm("token", kind, times=times, status=503)
        with pytest.raises(Unknown):
            console.find_or_register_app(row, f"app-{kind}")
    assert console.consent(row).status == "Consent is not granted"


def test_validate_tries_what_was_entered(
    lab: Lab, console: BridgeConsole, new_password: Callable[[], str]
) -> None:
    """Validate signs in with the draft's credential, not with the one that is saved."""
    row = console.connection_row(M365, TENANT_DOMAIN)
    right = console.enter_credential(row, ACCOUNTS[M365], "right")
    wrong = console.enter_credential(row, lab.publish(M365, new_password()), "wrong")
    assert [console.validate(draft).ok for draft in (right, wrong)] == [True, False]
    assert console.check_settings(M365, TENANT_DOMAIN).ok
    assert row == console.connection_row(M365, TENANT_DOMAIN)


def test_validate_is_for_microsoft_365(lab: Lab, console: BridgeConsole) -> None:
    """Active Directory has no Validate; an expired draft cannot be validated either."""
    draft = console.enter_credential(console.connection_row(AD, DOMAIN), ACCOUNTS[AD], "label")
    with pytest.raises(InvalidInput):
        console.validate(draft)
    draft = console.enter_credential(
        console.connection_row(M365, TENANT_DOMAIN), ACCOUNTS[M365], "label"
    )
    lab.console.do("expire_drafts")
    with pytest.raises(Conflict):
        console.validate(draft)
