"""What a person reports, and what speaks for and against it, without any system."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from connectors.active_directory.models import AccountState
from connectors.cayosoft.models import CheckResult, Operation
from connectors.cayosoft.operator import Box, OperatorConsole, OperatorReport, Tried
from connectors.entra.models import AppPresence, EntraApp, EntraUser
from connectors.errors import NeedsPerson, NotPermitted, OutOfStep
from connectors.ledger import Applied, Asked, Attempt, Holder, Ledger
from connectors.models import Extension
from connectors.protocols import ConsoleDriver
from inventory.models import Driver
from tasks import _entra_app, _in_person, _witness, consent, guide, validate_tenant
from tasks._names import name_of, upn_of
from tasks._wait import CLOCK, Clock
from tasks._weighing import Choice, Said
from tasks.identify import Location
from tests.fakes.directory import START
from tests.unit.tasks.conftest import Scene, plain

AD, M365 = Extension.ACTIVE_DIRECTORY, Extension.MICROSOFT_365
HOUR = timedelta(hours=1)
ACCOUNT = "svc@corp.example.com"


def in_person(scene: Scene, location: Location) -> Location:
    """Let a person do the console's steps, and return the same place."""
    console = location.service.console.model_copy(update={"driver": Driver.OPERATOR})
    scene.screen = cast("ConsoleDriver", OperatorConsole("hq"))  # type: ignore[assignment]
    return replace(location, service=location.service.model_copy(update={"console": console}))


def reported(location: Location, **more: object) -> OperatorReport:
    """Return a report that all is well."""
    report = OperatorReport(
        "'Op'", "svc@contoso.example", location.version.label, CheckResult(True, ("ok",))
    )
    return replace(report, **more)  # type: ignore[arg-type]


def test_before_anybody_has_reported() -> None:
    """The console that only a person reaches answers nothing by itself."""
    console = OperatorConsole("hq")
    for look in (
        console.sign_in,
        lambda: console.extension_enabled(AD),
        lambda: console.connection_row(AD, "corp"),
        lambda: console.check_settings(AD, "corp"),
        lambda: console.run_operation(AD, "corp", Operation.AD_CREATE_USER, {}, "key"),
    ):
        with pytest.raises(NeedsPerson) as due:
            look()
        assert "Prefect UI" in due.value.what_to_do()


def test_a_report_is_of_one_version(scene: Scene) -> None:
    """What was reported of one version is not taken for another."""
    location = in_person(scene, scene.ad)
    _in_person.hand_over(scene.systems, location, reported(location))
    console = scene.systems.console("hq")
    row = console.connection_row(AD, location.row)
    assert console.enter_credential(row, location.secret, location.version.label).account
    with pytest.raises(NeedsPerson):
        console.enter_credential(row, location.secret, "another label")


def test_the_row_shows_what_was_saved(scene: Scene) -> None:
    """Before the save the row says nothing of its source, after it our label."""
    location = in_person(scene, scene.ad)
    _in_person.hand_over(scene.systems, location, reported(location))
    console = scene.systems.console("hq")
    row = console.connection_row(AD, location.row)
    assert row.secret_label is None
    draft = console.enter_credential(row, location.secret, location.version.label)
    assert console.save(draft, "key").secret_label == location.version.label


def test_who_was_signed_in(scene: Scene) -> None:
    """The one who has reported last, of whichever row: two people may share the work."""
    console = OperatorConsole("hq")
    for extension, who in ((AD, "'One'"), (M365, "'Two'"), (AD, "'Three'")):
        console.tell(extension, "row", reported(scene.ad, by=who))
        assert console.sign_in().signed_in_as == who


def test_a_password_in_an_earlier_form(scene: Scene) -> None:
    """What was typed into a form that somebody else answered again is told by the report of the last pass, too."""
    location = in_person(scene, scene.ad)
    password = scene.vault.credential(location.secret).password.reveal()
    handed = Said(Choice.HAND_OVER, "'One'", None, note=f"it is {password}")
    saved = Said(Choice.SAVED, "'Two'", None, passed=True, note="done")
    answered = plain(guide.through_active_directory)(
        scene.systems, location, [handed, saved], None, dry_run=False
    )
    assert isinstance(answered, OperatorReport)
    assert "console.password-in-form" in scene.codes
    assert password not in str(scene.run)


@pytest.mark.parametrize("box", Box)
def test_the_permission_request(scene: Scene, box: Box) -> None:
    """Only the tick is a finding; a request that was not shown is so already."""
    location = in_person(scene, scene.m365)
    _in_person.hand_over(scene.systems, location, reported(location, box=box))
    row = scene.systems.console("hq").connection_row(M365, location.row)
    plain(consent.accept_permission_request)(scene.systems, location, row)
    assert scene.codes == (["consent.forbidden-checkbox"] if box is Box.TICKED else [])


def test_which_app_it_is(scene: Scene) -> None:
    """The only app of the name is the one; none or several are nobody's guess."""
    one, two = (EntraApp(f"app{n}", "name", f"id{n}", enabled=True) for n in (1, 2))
    assert _entra_app.the_only_one(scene.m365, _present(one)).app_id == "app1"
    for apps in ((), (one, two)):
        with pytest.raises(OutOfStep) as wrong:
            _entra_app.the_only_one(scene.m365, _present(*apps))
        assert "--try-again" in wrong.value.what_to_do()


def _present(*apps: EntraApp) -> AppPresence:
    return AppPresence(apps=apps, binned=(), missing_resources=(), unread=())


@pytest.fixture
def tried(scene: Scene) -> Location:
    """Return a place of which a person reports that the test user was created, changed and deleted."""
    location = in_person(scene, scene.m365)
    report = reported(location, test_user=Tried.DONE)
    _in_person.hand_over(scene.systems, location, report)
    return location


def _bin(scene: Scene, location: Location, department: str) -> None:
    name, upn = name_of(location), upn_of(location)
    user = EntraUser("id", upn, name, department, START, START + HOUR)
    scene.entra.deleted[upn] = user


def test_the_recycle_bin_proves_it(scene: Scene, tried: Location) -> None:
    """A user that was created, changed as the guide says and deleted is all three steps."""
    _bin(scene, tried, validate_tenant.department_of(tried))
    user = plain(validate_tenant.provision_entra_user)(scene.systems, tried)
    user = plain(validate_tenant.update_entra_attribute)(scene.systems, tried, user)
    plain(validate_tenant.delete_entra_user)(scene.systems, tried, user)


def test_a_user_that_is_not_there(scene: Scene, tried: Location) -> None:
    """What the tenant does not show is not believed."""
    with pytest.raises(OutOfStep, match="create_user"):
        plain(validate_tenant.provision_entra_user)(scene.systems, tried)


def test_a_user_that_was_not_changed(scene: Scene, tried: Location) -> None:
    """A department that is not the guide's is told, with what it was."""
    _bin(scene, tried, "Sales\x1b[2J")
    user = plain(validate_tenant.provision_entra_user)(scene.systems, tried)
    with pytest.raises(OutOfStep, match="department=Sales") as wrong:
        plain(validate_tenant.update_entra_attribute)(scene.systems, tried, user)
    assert "\x1b" not in str(wrong.value)


def test_the_product_refused(scene: Scene) -> None:
    """A refusal is as one of the bridge: V8 explains it."""
    location = in_person(scene, scene.m365)
    report = reported(location, test_user=Tried.REFUSED, note="insufficient rights")
    _in_person.hand_over(scene.systems, location, report)
    with pytest.raises(NotPermitted, match="insufficient rights"):
        plain(validate_tenant.provision_entra_user)(scene.systems, location)


def test_nobody_has_tried(scene: Scene) -> None:
    """What nobody tried stands under what was not checked."""
    location = in_person(scene, scene.m365)
    assert not validate_tenant.tried_by_hand(scene.systems, location)
    assert "nobody has tried it" in scene.here.unchecked[0]


def _state(**more: datetime | None) -> AccountState:
    return AccountState(
        "CN=svc", "svc", ACCOUNT, True, False, False, False, None, more.get("changed", START), 0, "dc",
        more.get("wrong"), more.get("seen"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "changes_account", "proves"),
    [(HOUR / 2, False, False), (HOUR / 2, True, True), (2 * HOUR, False, True)],
)
def test_a_sign_in(scene: Scene, seen: timedelta, changes_account: bool, proves: bool) -> None:
    """A sign-in proves the new password after the hour in which the previous one passes, or of another account."""
    scene.domain.states = {"dc1": _state(seen=START + seen), "dc2": None}
    before = {"dc1": START, "dc2": START}
    found = _witness.look(scene.systems, scene.ad, ACCOUNT, before, changes_account=changes_account)
    assert (found.told, found.seen, found.proves) == (True, START + seen, proves)


def test_no_sign_in(scene: Scene) -> None:
    """Old sign-ins are not new ones, wrong ones are told, and where nobody answers nothing is told."""
    scene.domain.states = {"dc1": _state(seen=START, wrong=START + HOUR)}
    found = _witness.look(scene.systems, scene.ad, ACCOUNT, {"dc1": START}, changes_account=False)
    assert (found.told, found.seen, found.wrong) == (True, None, START + HOUR)
    scene.domain.states = {"dc1": None}
    found = _witness.look(scene.systems, scene.ad, ACCOUNT, {"dc1": START}, changes_account=False)
    assert not found.told


@pytest.mark.parametrize(
    ("seen", "ours", "missed"),
    [
        (timedelta(0), 24 * HOUR, True),
        (12 * HOUR, 24 * HOUR, False),
        (timedelta(0), 2 * HOUR, False),
    ],
    ids=["nobody but us", "the console, too", "too early to tell"],
)
def test_the_console_is_missed(
    scene: Scene, seen: timedelta, ours: timedelta, missed: bool
) -> None:
    """A console that has not signed in for most of a day may hold the previous password."""
    now = datetime(2026, 5, 4, tzinfo=UTC)
    location = in_person(scene, scene.ad)
    label, last = location.version.label, now - ours
    location.ledger.change(
        applied=Applied(account=ACCOUNT, label=label, at=last - HOUR),
        attempts=(Attempt(account=ACCOUNT, label=label, at=last, outcome="accepted"),),
    )
    scene.domain.states = {"dc1": _state(seen=last + seen)}
    token = CLOCK.set(Clock(utc=lambda: now))
    try:
        _witness.miss_the_console(scene.systems, location)
    finally:
        CLOCK.reset(token)
    assert scene.codes == (["console.not-seen"] if missed else [])


def test_who_is_asked() -> None:
    """A question holds while nobody works on the connection and the form is open; its own run ends it."""
    now = datetime(2026, 5, 4, tzinfo=UTC)
    asked = Asked(run="r1", label="l", since=now, until=now + HOUR)
    ledger = Ledger(connection="hq-ad", asked=asked)
    assert ledger.asks_at(now) == asked
    assert ledger.asks_at(now + 2 * HOUR) is None
    mine = ledger.model_copy(update={"holder": Holder(run="r1", since=now)})
    assert mine.asks_at(now) is None
    assert mine.finish("Ready", [], now, verified=True).asked is None
    other = ledger.model_copy(update={"holder": Holder(run="r2", since=now)})
    assert other.finish("Refused", [], now, verified=False).asked == asked


def test_a_directory_that_does_not_answer(scene: Scene) -> None:
    """A controller that is away is left out."""
    scene.domain.states = {"dc1": _state(seen=START), "dc2": None}
    assert _witness.sign_ins(scene.systems, scene.ad, ACCOUNT) == {"dc1": START}
