"""V: operations that happen, get lost, or are refused; and the right that explains a refusal."""

from __future__ import annotations

import pytest

from connectors.active_directory.models import Right
from connectors.cayosoft.models import Operation
from connectors.entra.models import GrantedHow, RoleFacts
from connectors.errors import NotPermitted, OutOfStep, Unknown, Unreachable
from tasks import permissions, validate
from tasks._names import Road, name_of, prefix_of
from tests.unit.tasks.conftest import Scene, plain

LOST = Unknown("cayosoft", "run ad.create_user")


def _create(scene: Scene) -> object:
    return plain(validate.create_ad_user)(scene.systems, scene.ad)


def test_the_life_of_a_test_user(scene: Scene) -> None:
    """Created, reset, changed and deleted by the product, seen each time by another identity."""
    user = _create(scene)
    for step in (validate.reset_ad_password, validate.change_ad_attribute):
        user = plain(step)(scene.systems, scene.ad, user)
    plain(validate.delete_ad_user)(scene.systems, scene.ad, user)
    assert scene.domain.users == {}
    assert len(set(scene.screen.keys)) == 4


def test_names_fit_the_directory(scene: Scene) -> None:
    """A test user's name fits a sAMAccountName and tells connections apart."""
    assert len(name_of(scene.ad)) <= 20
    assert name_of(scene.ad) != name_of(scene.m365)
    assert name_of(scene.ad).startswith("rot-")
    assert len(name_of(scene.ad, Road.ACCOUNT)) <= 20
    assert name_of(scene.ad, Road.ACCOUNT).startswith(prefix_of(scene.ad))
    assert name_of(scene.ad, Road.ACCOUNT) != name_of(scene.ad)


def test_lost_answer_of_what_happened(scene: Scene) -> None:
    """An operation that is seen to have happened is not asked for again."""
    scene.screen.fail("run_operation", LOST, applied=True)
    _create(scene)
    assert scene.screen.calls.count("run_operation") == 1


def test_lost_answer_of_what_did_not_happen(scene: Scene) -> None:
    """An operation that is not seen is asked for once more."""
    scene.screen.fail("run_operation", LOST)
    _create(scene)
    assert scene.screen.calls.count("run_operation") == 2
    assert len(scene.domain.users) == 1


def test_lost_twice(scene: Scene) -> None:
    """An operation that is lost twice and not seen is unknown; there is no third request."""
    scene.screen.fail("run_operation", LOST, LOST, LOST)
    with pytest.raises(Unknown):
        _create(scene)
    assert scene.screen.calls.count("run_operation") == 2


def test_lost_and_nobody_can_look(scene: Scene) -> None:
    """While the directory is away after a lost answer the operation is not asked for again."""
    scene.screen.fail("run_operation", LOST, applied=True)
    scene.domain.fail("find_user", *[Unreachable("ad", "find user")] * 9)
    with pytest.raises(Unknown):
        _create(scene)
    assert scene.screen.calls.count("run_operation") == 1


def test_success_that_nobody_sees(scene: Scene) -> None:
    """A success that the directory does not show within a minute is out of step."""
    scene.domain.add = lambda _arguments: "CN=elsewhere"  # type: ignore[method-assign]
    with pytest.raises(OutOfStep, match="waited=60 s"):
        _create(scene)


@pytest.mark.parametrize(
    ("operation", "right"),
    [
        (Operation.AD_CREATE_USER, Right.CREATE_USER),
        (Operation.AD_RESET_PASSWORD, Right.RESET_PASSWORD),
        (Operation.AD_MODIFY_USER, Right.WRITE_ATTRIBUTES),
        (Operation.AD_DELETE_USER, Right.DELETE_USER),
    ],
)
def test_refused_operation_names_its_right(
    scene: Scene, operation: Operation, right: Right
) -> None:
    """Of several missing rights only the one that the refused operation needs is named, on either road."""
    scene.domain.missing = set(Right)
    failed = NotPermitted("active directory", operation.value)
    found = plain(permissions.double_check_permissions)(scene.systems, scene.ad, failed, None)
    assert [item.subject for item in found] == [right.value]


def test_refused_and_untold(scene: Scene) -> None:
    """A right that explains the refusal and cannot be told is said to be unchecked, and none is named."""
    scene.domain.untold = {Right.RESET_PASSWORD, Right.CREATE_USER}
    failed = NotPermitted("cayosoft", "ad.reset_password")
    assert plain(permissions.double_check_permissions)(scene.systems, scene.ad, failed, None) == ()
    (unchecked,) = scene.here.unchecked
    assert "reset passwords" in unchecked


def test_refused_without_a_missing_right(scene: Scene) -> None:
    """Where every right is there, nothing is invented; that the account itself may do it is said."""
    failed = NotPermitted("cayosoft", "ad.create_user")
    assert plain(permissions.double_check_permissions)(scene.systems, scene.ad, failed, None) == ()
    assert scene.codes == ["validation.product-refused"]


@pytest.mark.parametrize(
    "operation", ["entra.create_user", "entra.modify_user", "entra.delete_user"]
)
@pytest.mark.parametrize(
    ("more", "roles", "subjects"),
    [
        ({}, True, ["User.ReadWrite.All"]),
        ({"User.ReadWrite.All": GrantedHow.ANOTHER_USER}, True, ["User.ReadWrite.All"]),
        ({"Directory.ReadWrite.All": GrantedHow.CONNECTION_ACCOUNT}, True, []),
        ({"User.ReadWrite.All": GrantedHow.ORGANIZATION}, True, []),
        ({"User.ReadWrite.All": GrantedHow.CONNECTION_ACCOUNT}, False, ["User Administrator"]),
        ({}, False, ["User.ReadWrite.All", "User Administrator"]),
    ],
)
def test_refused_in_entra(
    scene: Scene, operation: str, more: dict[str, GrantedHow], roles: bool, subjects: list[str]
) -> None:
    """The delegated permission and the account's role are each named where they are missing, and only there."""
    scene.entra.withheld, scene.entra.granted_more = {"User.ReadWrite.All"}, more
    if not roles:
        scene.entra.roles = RoleFacts((), ())
    failed = NotPermitted("cayosoft", operation)
    found = plain(permissions.double_check_permissions)(scene.systems, scene.m365, failed, None)
    assert subjects == [item.subject for item in found]


def test_double_check_that_fails(scene: Scene) -> None:
    """A permission that cannot be read now is said to be unchecked; the refusal stays the error."""
    with permissions.first_error_kept():
        raise Unreachable("ad", "read rights")
    assert "ad: read rights" in scene.here.unchecked[0]
