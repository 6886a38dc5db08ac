"""E5 on a tenant that has the app, has not, had it, has it twice, or cannot use it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.cayosoft.models import AppRegistration
from connectors.errors import Refused
from sandbox.standin.process import StandIn
from tasks import _entra_app, consent
from tests.contracts.cayosoft.lab import APP, M365, TENANT_DOMAIN, Lab
from tests.contracts.cayosoft.steps import Desk, plain, working
from tests.contracts.cayosoft.test_consent import apps

EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"


@pytest.fixture
def desk(lab: Lab, tmp_path: Path) -> Iterator[Desk]:
    """Return a connection whose app is registered once and enabled."""
    with working(lab, tmp_path) as desk:
        yield desk


def _find(desk: Desk) -> AppRegistration:
    row = desk.screen.connection_row(M365, TENANT_DOMAIN)
    found = plain(consent.find_or_register_app)(desk.systems, desk.location, row)
    assert isinstance(found, AppRegistration)
    return found


def _asked(console: StandIn) -> int:
    return len(console.calls("app.find"))


def test_found(desk: Desk) -> None:
    """An app that is there is found, nothing is registered, and nothing is odd."""
    (there,) = apps(desk.lab)
    assert (_find(desk).app_id, _find(desk).registered_now) == (there, False)
    assert apps(desk.lab) == [there]
    assert (desk.codes, desk.here.unchecked) == ([], [])


def test_registered(desk: Desk) -> None:
    """An app that is nowhere is registered, once, and found from then on."""
    desk.lab.tenant.do("delete_app", client=APP)
    desk.lab.tenant.do("empty_bin")
    made = _find(desk)
    assert made.registered_now
    assert apps(desk.lab) == [made.app_id]
    assert desk.codes == []
    assert _find(desk).app_id == made.app_id


def test_deleted_softly(desk: Desk) -> None:
    """A deleted app is named with the way back; a new one is registered meanwhile."""
    (before,) = apps(desk.lab)
    desk.lab.tenant.do("delete_app", client=APP)
    made = _find(desk)
    assert made.registered_now
    assert made.app_id != before
    (finding,) = desk.here.findings
    assert (finding.code, finding.subject) == ("consent.app-deleted", before)
    assert "/restore" in finding.what_to_do()


def test_twice(desk: Desk) -> None:
    """Of two apps of one name the console says which it uses, and both are named."""
    desk.lab.tenant.do("add_app", display_name=APP)
    both = apps(desk.lab)
    assert _find(desk).app_id in both
    (finding,) = desk.here.findings
    assert finding.code == "consent.app-duplicate"
    assert all(app_id in finding.detail for app_id in both)
    assert apps(desk.lab) == both


def test_disabled(desk: Desk) -> None:
    """A disabled app ends the step with what to do, before the console is asked."""
    desk.lab.tenant.do("disable_app", client=APP)
    desk.lab.console.forget()
    with pytest.raises(Refused, match="the app is disabled") as caught:
        _find(desk)
    assert "Enabled for users to sign in" in caught.value.what_to_do()
    assert desk.codes == ["consent.app-disabled"]
    assert _asked(desk.lab.console) == 0


def test_one_of_two_disabled(desk: Desk) -> None:
    """A disabled app beside an enabled one is a finding, and the step goes on."""
    other = desk.lab.tenant.do("add_app", display_name=APP)["app_id"]
    desk.lab.tenant.do("disable_app", client=other)
    assert _find(desk).app_id != other
    assert desk.codes == ["consent.app-duplicate", "consent.app-disabled"]


@pytest.mark.parametrize("registered", [True, False])
def test_a_resource_is_missing(desk: Desk, registered: bool) -> None:
    """A resource that the tenant does not know stops a registration; an app that is there is found all the same."""
    desk.wants(EXCHANGE, "Exchange.Manage")
    desk.lab.tenant.do("remove_resource", resource=EXCHANGE)
    if registered:
        assert _find(desk).app_id
    else:
        desk.lab.tenant.do("delete_app", client=APP)
        desk.lab.tenant.do("empty_bin")
        desk.lab.console.forget()
        with pytest.raises(Refused, match="a resource that it needs is not in the tenant"):
            _find(desk)
        assert apps(desk.lab) == []
        assert _asked(desk.lab.console) == 0
    (finding,) = desk.here.findings
    assert (finding.code, finding.subject) == ("consent.resource-missing", EXCHANGE)
    assert "POST /servicePrincipals" in finding.what_to_do()


def test_the_console_uses_another_one(desk: Desk) -> None:
    """An app that the console remembers under an older name is in use, and the one of today's name is not."""
    (old,) = apps(desk.lab)
    assert _find(desk).app_id == old
    looked = desk.entra.app_presence(APP, ())
    _entra_app.compare(looked, AppRegistration("another", APP, registered_now=False))
    _entra_app.compare(looked, AppRegistration("a-third", APP, registered_now=True))
    assert [finding.code for finding in desk.here.findings] == ["consent.another-app"] * 2
    assert old in desk.here.findings[0].detail


def test_what_may_not_be_read(desk: Desk) -> None:
    """Without its permission the verifier says what it did not see, and the console decides."""
    desk.lab.tenant.do(
        "revoke",
        client="verifier",
        kind="application",
        values=["Application.Read.All", "Directory.Read.All"],
    )
    desk.entra.renew_tokens()
    assert not _find(desk).registered_now
    assert desk.codes == []
    assert "Application.Read.All" in desk.here.unchecked[0]
