"""What both extensions share: signing in, the right secret, and a save that can be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from connectors.cayosoft.models import ConnectionRow, Draft
from connectors.errors import (
    Conflict,
    NotPermitted,
    OutOfStep,
    RotationError,
    Superseded,
    Unknown,
    Unreachable,
)
from connectors.models import Extension
from report.record import Result
from tasks import _console
from tasks._step import AlreadySo, Answer, Done
from tests.fakes.console import AD_ROW
from tests.unit.tasks.conftest import Scene

LOST = Unknown("cayosoft", "save")
AWAY = Unreachable("cayosoft", "read connection")


def _draft(scene: Scene) -> Draft:
    return _console.enter(scene.systems, scene.ad, scene.screen.rows[AD_ROW.extension, AD_ROW.row])


def _row(scene: Scene) -> str | None:
    return scene.screen.rows[AD_ROW.extension, AD_ROW.row].secret_label


def test_console_of_another_service(scene: Scene) -> None:
    """A console that answers for another service is out of step."""
    scene.screen.session = replace(scene.screen.session, service="branch")
    with pytest.raises(OutOfStep, match="console=branch"):
        _console.sign_in(scene.systems, scene.ad)


def test_console_role_that_sees_no_configuration(scene: Scene) -> None:
    """Any role but Global Administrators is refused, and the role is named."""
    scene.screen.session = replace(scene.screen.session, product_role="Helpdesk")
    with pytest.raises(NotPermitted, match="product_role=Helpdesk") as caught:
        _console.sign_in(scene.systems, scene.ad)
    assert "Global Administrators" in caught.value.what_to_do()


def test_secret_for_another_account(scene: Scene, new_password: Callable[[], str]) -> None:
    """A secret of an account that is not this connection's is out of step, and both are named."""
    value = new_password()
    scene.vault.write("kv", "hq/ad", "svc-branch@corp.example.com", value)
    with pytest.raises(OutOfStep, match="vault=svc-branch") as caught:
        _console.fetch(scene.systems, scene.ad)
    assert "inventory=svc@corp.example.com" in str(caught.value)
    assert value not in repr(vars(caught.value))


def test_account_names_match_in_any_case(scene: Scene, new_password: Callable[[], str]) -> None:
    """Directories do not tell upper from lower case, so neither do we."""
    scene.vault.write("kv", "hq/ad", "SVC@Corp.Example.com", new_password())
    assert _console.fetch(scene.systems, scene.ad).username == "SVC@Corp.Example.com"


@pytest.mark.parametrize(
    ("account", "label", "expected"),
    [
        ("SVC@corp.example.com", "same", True),
        ("svc@corp.example.com", "kv/hq/ad#1@2020-01-01T00:00:00.000+00:00", False),
        ("svc@corp.example.com", None, False),
        ("other@corp.example.com", "same", False),
    ],
)
def test_already_holds(scene: Scene, account: str, label: str | None, expected: bool) -> None:
    """Only our own save of this very version for this account counts as already so."""
    location = scene.ad
    row = replace(
        AD_ROW, account=account, secret_label=location.version.label if label == "same" else label
    )
    credential = _console.fetch(scene.systems, location)
    assert _console.already_holds(row, location, credential) is expected


def _save(scene: Scene) -> Answer[ConnectionRow]:
    draft = _draft(scene)
    return _console.save(scene.systems, scene.ad, draft)


def test_save(scene: Scene) -> None:
    """A save that is answered is done: one request, and the row holds the version's label."""
    assert isinstance(_save(scene), Done)
    assert _row(scene) == scene.ad.version.label
    assert scene.screen.calls.count("save") == 1


def test_save_of_an_overtaken_run(scene: Scene) -> None:
    """A run that was overtaken after it had entered its draft does not save it."""
    location, draft = scene.ad, _draft(scene)  # which takes the ledger again
    with pytest.raises(Superseded):
        _console.save(scene.systems, location, draft)
    assert "save" not in scene.screen.calls


def test_save_of_nothing(scene: Scene) -> None:
    """Without a draft nothing is saved: it is so already."""
    assert isinstance(_console.save(scene.systems, scene.ad, None), AlreadySo)
    assert "save" not in scene.screen.calls


def test_save_whose_answer_was_lost(scene: Scene) -> None:
    """When the row shows our key the save happened, and is not asked for again."""
    scene.screen.fail("save", LOST, applied=True)
    answer = _save(scene)
    assert "answer was lost" in answer.evidence
    assert scene.screen.calls.count("save") == 1


def test_save_that_never_arrived(scene: Scene) -> None:
    """When the row is as it was, the same save is made once more under the same key."""
    scene.screen.fail("save", LOST)
    answer = _save(scene)
    assert "saved now" in answer.evidence
    assert scene.screen.calls.count("save") == 2
    assert _row(scene) == scene.ad.version.label


def test_save_overtaken_by_somebody(scene: Scene) -> None:
    """When the row shows another save, nothing is saved over it."""
    draft = _draft(scene)
    scene.screen.fail("save", LOST)
    scene.screen.somebody_saves(AD_ROW.extension, AD_ROW.row)
    with pytest.raises(OutOfStep, match="expected=r1"):
        _console.save(scene.systems, scene.ad, draft)
    assert scene.screen.calls.count("save") == 1


def test_save_on_an_old_revision(scene: Scene) -> None:
    """When somebody saved before, the console refuses and we pass that on."""
    draft = _draft(scene)
    scene.screen.somebody_saves(AD_ROW.extension, AD_ROW.row)
    with pytest.raises(Conflict):
        _console.save(scene.systems, scene.ad, draft)


def test_lost_save_that_cannot_be_looked_at(scene: Scene) -> None:
    """A lost save and a console that stays away is unknown, and never 'nothing was changed'."""
    scene.screen.fail("save", LOST, applied=True)
    scene.screen.fail("connection_row", *[AWAY] * 9)
    with pytest.raises(Unknown):
        _save(scene)
    assert scene.screen.calls.count("save") == 1


def test_lost_save_and_a_console_that_comes_back(scene: Scene) -> None:
    """A console that restarts after the save is waited for, and then the row tells."""
    scene.screen.fail("save", LOST, applied=True)
    scene.screen.fail("connection_row", AWAY, AWAY)
    assert "answer was lost" in _save(scene).evidence
    assert scene.screen.calls.count("save") == 1


def test_a_draft_that_stays_is_named(scene: Scene) -> None:
    """A failed undo becomes a finding, so that the first error stays the error."""
    draft = _draft(scene)
    with _console.draft_left_named(draft):
        raise AWAY
    assert scene.codes == ["console.draft-left"]
    assert draft.id in scene.here.findings[0].detail


def test_an_extension_that_is_off(scene: Scene) -> None:
    """Nothing is ticked for a person: an extension that is not enabled is refused."""
    scene.screen.extension_enabled = lambda _extension: False  # type: ignore[method-assign]
    with pytest.raises(RotationError) as caught:
        _console.open_extension(scene.systems, scene.ad)
    assert "Extension is enabled" in caught.value.what_to_do()
    assert Extension.ACTIVE_DIRECTORY.value in str(caught.value)


def test_results_have_one_word_each() -> None:
    """The words of the report for the end of a try are told apart."""
    assert len({result.value for result in Result}) == len(Result)
