"""A4 and A6: the proof before the entry, and the product's own test after it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.active_directory.models import Right
from connectors.cayosoft.models import CheckResult
from connectors.errors import OutOfStep, SignInReason, SignInRefused
from tasks import active_directory
from tasks._step import AlreadySo
from tests.fakes.console import AD_ROW
from tests.unit.tasks.conftest import Scene, plain


@pytest.mark.parametrize("reason", list(SignInReason))
def test_refused_sign_in_enters_nothing(scene: Scene, reason: SignInReason) -> None:
    """Whatever the reason, one sign-in, nothing entered, and advice that can be followed."""
    scene.domain.fail("sign_in", SignInRefused("ad", "sign in", reason=reason, advice="generic"))
    with pytest.raises(SignInRefused) as caught:
        plain(active_directory.update_credential)(scene.systems, scene.ad, AD_ROW, dry_run=False)
    assert caught.value.reason is reason
    assert caught.value.what_to_do()
    assert caught.value.__context__ is None
    assert scene.domain.calls == ["sign_in"]
    assert "enter_credential" not in scene.screen.calls


def test_rights_become_findings(scene: Scene) -> None:
    """A missing right is a finding, one that may not be read is said to be unchecked."""
    scene.domain.missing = {Right.RESET_PASSWORD}
    scene.domain.untold = {Right.DELETE_USER}
    plain(active_directory.update_credential)(scene.systems, scene.ad, AD_ROW, dry_run=False)
    assert [f.subject for f in scene.here.findings] == ["reset passwords"]
    assert len(scene.here.unchecked) == 1
    assert "delete users" in scene.here.unchecked[0]


def test_documented_rights_stop_nothing(scene: Scene) -> None:
    """What the vendor documents and is missing is one finding with a command each; the credential is entered."""
    scene.domain.lacking = {Right.CREATE_GROUP, Right.CHANGE_MEMBERS}
    scene.domain.dark = {Right.READ_EVERYTHING}
    draft = plain(active_directory.update_credential)(
        scene.systems, scene.ad, AD_ROW, dry_run=False
    )
    (finding,) = scene.here.findings
    assert draft is not None
    assert finding.code == "active-directory.documented-rights-missing"
    assert finding.subject == "DC=corp,DC=example,DC=com"
    assert [line.partition(": dsacls ")[0] for line in finding.advice.splitlines()[1:]] == [
        "change group members",
        "create groups",
    ]
    assert "read everything" in scene.here.unchecked[0]
    assert {check.managed for check in scene.here.rights} == {True, False}


def test_parts_of_the_domain(scene: Scene) -> None:
    """Where the inventory names parts, they are looked at and not the whole domain."""
    parts = ("OU=People,DC=corp,DC=example,DC=com", "OU=Groups,DC=corp,DC=example,DC=com")
    location = scene.ad
    where = location.in_directory.model_copy(update={"managed_ous": parts})
    location = replace(location, connection=where)
    plain(active_directory.update_credential)(scene.systems, location, AD_ROW, dry_run=True)
    assert parts == tuple(dict.fromkeys(c.container for c in scene.here.rights if c.managed))


def test_dry_run_enters_nothing(scene: Scene) -> None:
    """A dry run proves the credential and leaves no draft."""
    draft = plain(active_directory.update_credential)(scene.systems, scene.ad, AD_ROW, dry_run=True)
    assert draft is None
    assert scene.screen.drafts == {}


def test_what_is_held_already_is_not_entered(scene: Scene) -> None:
    """After our save of this version the next update proves it and enters nothing."""
    draft = plain(active_directory.update_credential)(
        scene.systems, scene.ad, AD_ROW, dry_run=False
    )
    row = plain(active_directory.save)(scene.systems, scene.ad, draft)
    answer = active_directory.update_credential.__wrapped__(  # type: ignore[attr-defined]
        scene.systems, scene.ad, row, dry_run=False
    )
    assert isinstance(answer, AlreadySo)
    assert scene.domain.calls.count("sign_in") == 2
    assert scene.screen.calls.count("enter_credential") == 1


def test_check_settings_that_fail(scene: Scene) -> None:
    """After a save, a failing Check Settings contradicts our proof: out of step."""
    scene.screen.check = CheckResult(False, ("invalid credentials",))
    with pytest.raises(OutOfStep, match="invalid credentials"):
        plain(active_directory.check_settings)(scene.systems, scene.ad)


def test_check_settings_that_fail_in_a_dry_run(scene: Scene) -> None:
    """In a dry run the console holds the old credential, so a failure is what the update is for."""
    scene.run.dry_run = True
    scene.screen.check = CheckResult(False, ("invalid credentials",))
    assert plain(active_directory.check_settings)(scene.systems, scene.ad).ok is False
    assert scene.codes == ["console.check-settings-fails"]
