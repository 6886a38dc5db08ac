"""Who consented and when, from the audit log."""

from __future__ import annotations

import ssl

import httpx
import pytest

from connectors.entra.granted import ConsentHistory
from connectors.entra.history import sentences
from tests.contracts.entra.conftest import (
    ACCOUNT,
    ACCOUNT_SECRET,
    APP_NAME,
    PRODUCT,
    VERIFIER,
    Desk,
)
from tests.contracts.entra.test_remediation import break_consent, carry_out, planned


def _consent(desk: Desk, password: str, *, for_all: bool) -> None:
    """Accept the prompt as a person does in the browser."""
    authority = desk.settings.authority_url
    answer = httpx.post(
        f"{authority}/oauth2/v2.0/consent",
        json={
            "client_id": PRODUCT,
            "username": ACCOUNT,
            "password": password,
            "on_behalf_of_organization": for_all,
        },
        verify=ssl.create_default_context(cafile=str(desk.settings.ca_file)),
    )
    assert answer.status_code == 200


def _history(desk: Desk) -> ConsentHistory:
    (app,) = desk.client.find_apps(APP_NAME)
    return desk.client.consent_history(app)


@pytest.fixture
def password(desk: Desk) -> str:
    """Return the account's password."""
    return desk.vault.credential(ACCOUNT_SECRET).password.reveal()


def test_who_and_for_whom(desk: Desk, password: str) -> None:
    """Each consent is told, the youngest first, by OnBehalfOfAll: an administrator's own is his own."""
    _consent(desk, password, for_all=False)
    desk.tenant.advance(60)
    _consent(desk, password, for_all=True)
    history = _history(desk)
    assert [(event.by, event.for_everybody) for event in history.events] == [
        (ACCOUNT, True),
        (ACCOUNT, False),
    ]
    assert history.events[0].at > history.events[1].at
    assert history.unread == ()
    assert "on behalf of the whole organization" in sentences(history)[0]


def test_grants_by_graph_are_other_activities(desk: Desk) -> None:
    """What was written through Graph is no consent, and is not told as one."""
    break_consent(desk)
    carry_out(desk, planned(desk))
    assert _history(desk) == ConsentHistory(())


def test_every_page(desk: Desk, password: str) -> None:
    """A log of many pages is read whole."""
    for _ in range(3):
        _consent(desk, password, for_all=False)
    desk.tenant.do("set_page_size", size=1)
    assert len(_history(desk).events) == 3


@pytest.mark.parametrize("permission", ["AuditLog.Read.All", "Directory.Read.All"])
def test_it_may_not_be_read(desk: Desk, permission: str) -> None:
    """Without the right, the history is not checked, and the missing permission is named."""
    desk.tenant.do("revoke", client=VERIFIER, kind="application", values=[permission])
    desk.client.renew_tokens()
    history = _history(desk)
    assert history.events == ()
    (why,) = history.unread
    assert "AuditLog.Read.All" in why


def test_the_log_does_not_answer(desk: Desk) -> None:
    """A log that cannot be read now is not checked either; nothing is raised."""
    desk.tenant.arm("graph.audits.list", "status", status=503, times=0)
    assert _history(desk).unread == ("who consented and when: Unreachable",)
