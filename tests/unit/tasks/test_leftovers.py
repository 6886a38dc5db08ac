"""Test users that no run comes back for: remembered in the ledger, removed when they are nobody's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors.active_directory.models import DirectoryUser
from connectors.entra.models import EntraUser
from connectors.errors import NotPermitted, SignInReason, SignInRefused
from connectors.ledger import Applied, Ledger
from tasks._ledger import TEST_USER_LEFT, LedgerKeeper
from tasks._names import prefix_of
from tasks._test_users import leftovers_named, removed_from_directory
from tasks.leftovers import remove_left_behind
from tests.unit.tasks.conftest import Scene

UNIT = "OU=Validation,DC=corp,DC=example,DC=com"
OLD = datetime.now(UTC) - timedelta(hours=2)
YOUNG = datetime.now(UTC) - timedelta(minutes=5)


def _keep(scene: Scene, connection: str, **fields: object) -> None:
    label = scene.locate(connection).version.label
    applied = Applied(account="svc@corp.example.com", label=label, at=OLD)
    kept = Ledger(connection=connection, applied=applied, test_users=OLD, **fields)  # type: ignore[arg-type]
    scene.ledgers.kept[connection] = kept


@pytest.fixture
def left(scene: Scene) -> Callable[..., DirectoryUser]:
    """Return a function that leaves one test user of a run of long ago behind."""

    def leave(
        name: str = "00000001", unit: str = UNIT, created: datetime | None = OLD
    ) -> DirectoryUser:
        full = f"{prefix_of(scene.ad)}{name}"
        user = DirectoryUser(f"CN={full},{unit}", full, None, None, True, OLD, created)
        scene.domain.users[full] = user
        return user

    _keep(scene, "hq-ad")
    return leave


def _sweep(scene: Scene, connection: str = "hq-ad") -> str:
    return remove_left_behind(scene.systems, scene.inventory, connection)


def test_old_ones_are_removed(scene: Scene, left: Callable[..., DirectoryUser]) -> None:
    """What is older than an hour is removed as the account, and the ledger forgets it."""
    users = [left("00000001"), left("00000002a")]
    said = _sweep(scene)
    assert scene.domain.users == {}
    assert all(user.dn in said for user in users)
    assert scene.ledgers.kept["hq-ad"].test_users is None
    assert [a.outcome for a in scene.ledgers.kept["hq-ad"].attempts] == ["accepted"]


@pytest.mark.parametrize("created", [YOUNG, None])
def test_young_ones_may_belong_to_a_run(
    scene: Scene, left: Callable[..., DirectoryUser], created: datetime | None
) -> None:
    """A user that is not an hour old, or whose age is not known, stays, and is not forgotten."""
    left(created=created)
    old = left("00000002")
    said = _sweep(scene)
    assert len(scene.domain.users) == 1
    assert "not an hour old" in said
    assert old.dn in said
    assert scene.ledgers.kept["hq-ad"].test_users == OLD


def test_nothing_left_costs_no_sign_in(scene: Scene, left: Callable[..., DirectoryUser]) -> None:
    """Where nothing is found the reader has looked once, no password is used, and the ledger forgets it."""
    assert _sweep(scene) == "none was left"
    assert scene.domain.calls == ["test_users"]
    assert scene.vault.calls == ["metadata"] * 2
    assert scene.ledgers.kept["hq-ad"].test_users is None


def test_nothing_else_is_touched(scene: Scene, left: Callable[..., DirectoryUser]) -> None:
    """Users elsewhere, and other people's, stay even when a search returns them."""
    left(unit="OU=Finance,DC=corp,DC=example,DC=com")
    stranger = DirectoryUser(f"CN=anna,{UNIT}", "anna", None, None, True, OLD, OLD)
    scene.domain.users["anna"] = stranger
    scene.domain.test_users = lambda *_: tuple(scene.domain.users.values())  # type: ignore[method-assign]
    assert _sweep(scene) == "none was left"
    assert len(scene.domain.users) == 2


def test_a_wrong_password_is_tried_once(scene: Scene, left: Callable[..., DirectoryUser]) -> None:
    """A refused password is remembered: the next sweep does not spend another sign-in on it."""
    left()
    wrong = SignInRefused("active directory", "bind", reason=SignInReason.WRONG_PASSWORD)
    scene.domain.fail("delete_user", wrong)
    assert "may be left" in _sweep(scene)
    assert "may be left" in _sweep(scene)
    assert scene.domain.calls.count("delete_user") == 1
    assert scene.ledgers.kept["hq-ad"].test_users == OLD


def test_an_unproven_password_is_not_tried(
    scene: Scene, left: Callable[..., DirectoryUser], new_password: Callable[[], str]
) -> None:
    """With a version in Vault that no run has brought to the console, the users wait for that run."""
    left()
    scene.vault.write("kv", "hq/ad", "svc@corp.example.com", new_password())
    assert "remove test users" in _sweep(scene)
    assert "delete_user" not in scene.domain.calls


def test_in_the_tenant(scene: Scene) -> None:
    """In a tenant the validator removes them; without one they are named, and stay remembered."""
    _keep(scene, "hq-m365")
    upn = f"{prefix_of(scene.m365)}00000001@contoso.example"
    for place in (upn, upn.replace("contoso", "other")):
        scene.entra.users[place] = EntraUser(f"id-{place}", place, "x", None, OLD)
    scene.entra.has_validator = False
    assert "validator" in _sweep(scene, "hq-m365")
    assert scene.ledgers.kept["hq-m365"].test_users == OLD
    scene.entra.has_validator = True
    assert _sweep(scene, "hq-m365") == f"removed {upn}"
    assert [*scene.entra.users] == [upn.replace("contoso", "other")]
    assert scene.ledgers.kept["hq-m365"].test_users is None


def test_a_run_that_was_cut_off_is_remembered(scene: Scene) -> None:
    """Who takes the ledger over from a run that never ended knows that its test users may be there."""
    keeper = LedgerKeeper.open(scene.ledgers, "hq-ad")
    keeper.take("run-1")
    assert keeper.ledger.test_users is None
    again = LedgerKeeper.open(scene.ledgers, "hq-ad")
    again.take("run-2")
    assert again.ledger.test_users is not None
    again.finish("Refused", (), verified=False)
    assert scene.ledgers.kept["hq-ad"].test_users is not None


def test_a_sweep_forgets_them(scene: Scene) -> None:
    """A run that has removed them and leaves none itself ends with nothing remembered."""
    _keep(scene, "hq-ad")
    location = scene.ad
    removed_from_directory(scene.systems, location)
    location.ledger.finish("Ready", (), verified=True)
    assert scene.ledgers.kept["hq-ad"].test_users is None


def test_a_clean_up_that_fails_is_remembered(scene: Scene) -> None:
    """A test user that could not be removed is a finding, and remembered with the end of the run."""
    location = replace(scene.ad)
    with leftovers_named(location):
        raise NotPermitted("active directory", "delete user")
    assert scene.codes == [TEST_USER_LEFT]
    location.ledger.swept = True
    location.ledger.finish("Validation failed", scene.codes, verified=False)
    assert scene.ledgers.kept["hq-ad"].test_users is not None
