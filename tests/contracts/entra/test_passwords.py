"""Setting the account's password: who may, what is told when, and how late it shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connectors.entra.client import EntraClient
from connectors.entra.models import ProbeVerdict
from connectors.errors import NotFound, NotPermitted, PolicyRefused, Unknown, Unreachable
from connectors.models import SecretHandle
from tests.contracts.entra.conftest import (
    ACCOUNT,
    ACCOUNT_SECRET,
    DOMAIN,
    OTHER,
    SETTER,
    VERIFIER,
    Desk,
)

NewPassword = Callable[[], str]
NEW = SecretHandle("kv", "rotation/entra", 1)
UPDATE = "graph.users.update"
PERMISSION = "User-PasswordProfile.ReadWrite.All"


@pytest.fixture
def password(desk: Desk, new_password: NewPassword) -> str:
    """Return a new password that waits in the Vault, in a tenant where a second has passed."""
    password = new_password()
    desk.vault.put(NEW, username=ACCOUNT, password=password)
    desk.clock.sleep(2)  # Graph tells whole seconds
    desk.clock.slept.clear()
    return password


def _id(desk: Desk, upn: str = ACCOUNT) -> str:
    return str(desk.user(upn)["id"])


def _codes(desk: Desk, upn: str = ACCOUNT) -> list[str]:
    check = desk.client.check_setter(_id(desk, upn))
    assert check.unread == ()
    return [finding.code for finding in check.findings]


def test_sets(desk: Desk, password: str) -> None:
    """The new password signs in at once and needs no change; the old one is refused."""
    assert _codes(desk) == []
    desk.client.set_password(_id(desk), NEW)
    assert desk.client.probe_password(NEW).verdict is ProbeVerdict.VALID
    with desk.again() as client:
        assert client.probe_password(ACCOUNT_SECRET).verdict is ProbeVerdict.INVALID
    user = desk.user()
    assert (user["password_version"], user["must_change"]) == (2, False)
    (call,) = desk.tenant.calls(UPDATE)
    assert call["detail"]["client"] == SETTER
    assert password not in json.dumps(desk.tenant.journal())


def test_sets_again(desk: Desk, password: str) -> None:
    """Setting the same secret again is harmless."""
    desk.client.set_password(_id(desk), NEW)
    desk.client.set_password(_id(desk), NEW)
    assert desk.client.probe_password(NEW).verdict is ProbeVerdict.VALID
    assert desk.user()["password_version"] == 3


def test_scrambles(desk: Desk) -> None:
    """After a random password that nobody keeps, the old one does not sign in."""
    desk.client.scramble_password(_id(desk))
    assert desk.client.probe_password(ACCOUNT_SECRET).verdict is ProbeVerdict.INVALID
    assert (desk.user()["password_version"], desk.user()["must_change"]) == (2, False)


@pytest.mark.parametrize("roles", [[], ["User Administrator"]])
def test_without_the_role(desk: Desk, password: str, roles: list[str]) -> None:
    """A setter that does not outrank the account is refused, as the check predicted."""
    desk.tenant.do("set_roles", client=SETTER, roles=roles)
    assert _codes(desk) == ["entra.setter-lacks-role"]
    with pytest.raises(NotPermitted) as refused:
        desk.client.set_password(_id(desk), NEW)
    assert "Privileged Authentication Administrator" in refused.value.what_to_do()
    assert desk.user()["password_version"] == 1


def test_role_through_a_group(desk: Desk, password: str) -> None:
    """A role that the setter holds through a group counts."""
    desk.tenant.do("delete_app", client=SETTER)
    desk.tenant.do(
        "add_client",
        app_id=SETTER,
        client_secret=desk.vault.documents["apps/setter"]["client_secret"].reveal(),
        application_permissions=[PERMISSION],
        roles_through_group=["Privileged Authentication Administrator"],
    )
    assert _codes(desk) == []
    desk.client.set_password(_id(desk), NEW)
    assert desk.user()["password_version"] == 2


def test_without_the_permission(desk: Desk, password: str) -> None:
    """Neither role nor User.ReadWrite.All makes up for the permission, as the check predicted."""
    lost = {"client": SETTER, "kind": "application"}
    desk.tenant.do("revoke", values=[PERMISSION], **lost)
    desk.tenant.do("grant", values=["User.ReadWrite.All"], **lost)
    assert _codes(desk) == ["entra.setter-lacks-permission"]
    with pytest.raises(NotPermitted) as refused:
        desk.client.set_password(_id(desk), NEW)
    assert refused.value.identifiers["permission"] == PERMISSION
    assert refused.value.identifiers["client_id"] == SETTER
    assert desk.user()["password_version"] == 1
    desk.tenant.do("grant", values=[PERMISSION], **lost)
    desk.client.renew_tokens()
    desk.client.set_password(_id(desk), NEW)


def test_account_without_a_role(desk: Desk, password: str) -> None:
    """For an account that is no administrator the check claims nothing about a role."""
    desk.tenant.do("set_roles", client=SETTER, roles=[])
    check = desk.client.check_setter(_id(desk, OTHER))
    assert check.findings == ()
    assert len(check.unread) == 1
    desk.client.set_password(_id(desk, OTHER), NEW)
    assert desk.user(OTHER)["password_version"] == 2


def test_verifier_that_may_not_look(desk: Desk) -> None:
    """What the verifier may not read is named, and is not called missing."""
    everything = ["Application.Read.All", "Directory.Read.All", "RoleManagement.Read.Directory"]
    desk.tenant.do("revoke", client=VERIFIER, kind="application", values=everything[1:])
    account = _id(desk)
    check = desk.client.check_setter(account)
    assert check.findings == ()
    assert any("RoleManagement.Read.Directory" in note for note in check.unread)
    desk.tenant.do("revoke", client=VERIFIER, kind="application", values=everything)
    desk.client.renew_tokens()
    check = desk.client.check_setter(account)
    assert check.findings == ()
    assert any("Application.Read.All" in note for note in check.unread)


def test_setter_that_is_gone(desk: Desk) -> None:
    """A setter that may not sign in, or is not there any more, is found before it is needed."""
    account = _id(desk)
    desk.tenant.do("disable_app", client=SETTER)
    assert _codes(desk) == ["entra.setter-disabled"]
    desk.tenant.do("delete_app", client=SETTER)
    (finding,) = desk.client.check_setter(account).findings
    assert finding.code == "entra.setter-missing"


def test_weak_password(desk: Desk, new_password: NewPassword) -> None:
    """A password that the directory's policy does not take is refused, and nothing is changed."""
    weak = new_password()[:6]
    desk.vault.put(NEW, username=ACCOUNT, password=weak)
    with pytest.raises(PolicyRefused) as refused:
        desk.client.set_password(_id(desk), NEW)
    assert weak not in f"{refused.value} {refused.value.__dict__}"
    assert desk.user()["password_version"] == 1
    assert desk.client.probe_password(ACCOUNT_SECRET).verdict is ProbeVerdict.VALID


def test_no_such_account(desk: Desk, password: str) -> None:
    """An account that was deleted is NotFound, to the setter and to the check."""
    account = _id(desk, OTHER)
    desk.tenant.do("delete_user", upn=OTHER)
    with pytest.raises(NotFound):
        desk.client.set_password(account, NEW)
    desk.tenant.do("set_roles", client=SETTER, roles=[])
    with pytest.raises(NotFound):
        desk.client.check_setter(account)


@pytest.mark.parametrize(
    "fault", [{"kind": "answer_lost"}, {"kind": "status_after", "status": 504}]
)
def test_set_but_the_answer_was_lost(desk: Desk, password: str, fault: dict[str, Any]) -> None:
    """A lost answer is Unknown, and nothing is sent twice; signing in tells that it happened."""
    desk.tenant.arm(UPDATE, **fault)
    with pytest.raises(Unknown):
        desk.client.set_password(_id(desk), NEW)
    assert desk.user()["password_version"] == 2
    assert len(desk.tenant.calls(UPDATE)) == 1
    assert desk.client.probe_password(NEW).verdict is ProbeVerdict.VALID


@pytest.mark.parametrize(
    ("fault", "wait"),
    [
        ({"kind": "status", "status": 429, "retry_after": 13}, 13),
        ({"kind": "status", "status": 429}, None),
        ({"kind": "status", "status": 503, "retry_after": 4}, 4),
    ],
)
def test_busy(desk: Desk, password: str, fault: dict[str, Any], wait: float | None) -> None:
    """A busy Graph is Unreachable with the wait, and the password is what it was."""
    desk.tenant.arm(UPDATE, **fault)
    with pytest.raises(Unreachable) as busy:
        desk.client.set_password(_id(desk), NEW)
    assert busy.value.retry_after == wait
    assert desk.user()["password_version"] == 1
    desk.client.set_password(_id(desk), NEW)
    assert desk.user()["password_version"] == 2


@pytest.mark.parametrize("status", [500, 504])
def test_not_set_and_not_told(desk: Desk, password: str, status: int) -> None:
    """An outage that tells nothing is Unknown, also when nothing was done."""
    desk.tenant.arm(UPDATE, "status", status=status)
    with pytest.raises(Unknown):
        desk.client.set_password(_id(desk), NEW)
    assert desk.user()["password_version"] == 1


def test_expired_token(desk: Desk, password: str) -> None:
    """A token that Graph takes for expired is renewed once, unseen by the caller."""
    desk.tenant.arm(UPDATE, "expired_token")
    desk.client.set_password(_id(desk), NEW)
    assert desk.user()["password_version"] == 2


@pytest.mark.parametrize(("lag", "waits"), [(0, [1]), (20, [1, 2, 4, 8, 15, 1])])
def test_change_shows_late(desk: Desk, password: str, lag: float, waits: list[float]) -> None:
    """The change is awaited until two reads in a row show it; its time is the directory's."""
    before = desk.client.account(ACCOUNT).password_last_changed
    assert before is not None
    desk.tenant.do("set_lag", seconds=lag)
    desk.client.set_password(_id(desk), NEW)
    desk.tenant.forget()
    changed = desk.client.await_password_change(ACCOUNT, before)
    assert changed is not None
    assert changed > before
    assert changed == desk.client.account(ACCOUNT).password_last_changed
    assert desk.clock.slept == waits
    assert len(desk.tenant.calls("graph.users.get")) == len(waits) + 2


def test_change_never_shows(desk: Desk, password: str) -> None:
    """A tenant that does not show the change within our patience is told as just that."""
    timing = replace(desk.clock.timing(), schedule=(1, 2))
    desk.tenant.do("set_lag", seconds=9000)
    with EntraClient(desk.settings, desk.vault, timing=timing) as client:
        before = client.account(ACCOUNT).password_last_changed
        client.set_password(_id(desk), NEW)
        assert client.await_password_change(ACCOUNT, before) is None
    assert desk.clock.slept == [1, 2]
    assert desk.user()["password_version"] == 2


def test_nothing_changed(desk: Desk) -> None:
    """Without a change there is none to see."""
    before = desk.client.account(ACCOUNT).password_last_changed
    assert desk.client.await_password_change(ACCOUNT, before) is None


def test_busy_while_waiting(desk: Desk, password: str) -> None:
    """A read that fails is no proof that nothing changed: it is told with the wait."""
    before = desk.client.account(ACCOUNT).password_last_changed
    desk.client.set_password(_id(desk), NEW)
    desk.tenant.arm("graph.users.get", "status", status=429, retry_after=8)
    with pytest.raises(Unreachable) as busy:
        desk.client.await_password_change(ACCOUNT, before)
    assert busy.value.retry_after == 8
    assert desk.client.await_password_change(ACCOUNT, before) is not None
    with pytest.raises(NotFound):
        desk.client.await_password_change(f"nobody@{DOMAIN}", before)
