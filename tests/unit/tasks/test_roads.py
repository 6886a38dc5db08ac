"""V on both roads: through the product and as the account itself; and the second opinion on a refusal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.active_directory.models import Right
from connectors.cayosoft.models import Operation
from connectors.errors import NotPermitted, Unknown, Unreachable
from inventory.models import Validation
from tasks import permissions, validate
from tasks._names import Road, name_of
from tasks._second_opinion import second_opinion
from tasks.identify import Location
from tests.unit.tasks.conftest import Scene, plain

DIRECT = ["create_user", "reset_password", "modify_user", "delete_user"]
LOST = Unknown("active directory", "create user")


def _by(scene: Scene, who: Validation) -> Location:
    connection = scene.ad.in_directory.model_copy(update={"validation": who})
    return replace(scene.ad, connection=connection)


def _life(scene: Scene, location: Location) -> validate.Users:
    made = users = plain(validate.create_ad_user)(scene.systems, location)
    for step in (validate.reset_ad_password, validate.change_ad_attribute):
        users = plain(step)(scene.systems, location, users)
    plain(validate.delete_ad_user)(scene.systems, location, users)
    assert isinstance(made, tuple)
    return made


@pytest.mark.parametrize(
    ("who", "roads", "operations", "direct"),
    [
        (Validation.PRODUCT, [Road.PRODUCT], 4, []),
        (Validation.ACCOUNT, [Road.ACCOUNT], 0, DIRECT),
        (Validation.BOTH, [Road.PRODUCT, Road.ACCOUNT], 4, DIRECT),
    ],
)
def test_each_road(
    scene: Scene, who: Validation, roads: list[Road], operations: int, direct: list[str]
) -> None:
    """The inventory says who creates, resets, changes and deletes; on each road it is a user of its own."""
    made = _life(scene, _by(scene, who))
    assert [it.road for it in made] == roads
    assert len({it.user.dn for it in made}) == len(roads)
    assert scene.screen.calls.count("run_operation") == operations
    assert [call for call in scene.domain.calls if call in DIRECT] == direct
    assert scene.domain.users == {}
    unproven = [it for it in scene.here.unchecked if it.startswith("whether the product works")]
    assert bool(unproven) == (who is Validation.ACCOUNT)


@pytest.mark.parametrize("applied", [True, False])
def test_a_lost_answer_on_the_direct_road(scene: Scene, applied: bool) -> None:
    """What is seen to have happened is not sent again; what is not seen is sent once more."""
    scene.domain.fail("create_user", LOST, applied=applied)
    plain(validate.create_ad_user)(scene.systems, _by(scene, Validation.ACCOUNT))
    assert scene.domain.calls.count("create_user") == (1 if applied else 2)
    assert len(scene.domain.users) == 1


def test_a_step_that_is_tried_again(scene: Scene) -> None:
    """A user that the first try has made is found there, and is no conflict."""
    location = _by(scene, Validation.ACCOUNT)
    scene.domain.fail("find_user", Unreachable("active directory", "find user"))
    with pytest.raises(Unreachable):
        plain(validate.create_ad_user)(scene.systems, location)
    (made,) = plain(validate.create_ad_user)(scene.systems, location)
    assert made.user.username == name_of(location, Road.ACCOUNT)


@pytest.mark.parametrize(
    ("right", "operation"),
    [
        (Right.CREATE_USER, Operation.AD_CREATE_USER),
        (Right.RESET_PASSWORD, Operation.AD_RESET_PASSWORD),
        (Right.WRITE_ATTRIBUTES, Operation.AD_MODIFY_USER),
    ],
)
def test_refused_on_the_direct_road(scene: Scene, right: Right, operation: Operation) -> None:
    """A refusal of the account itself leads to V8 by the same names, and costs no second opinion."""
    location = _by(scene, Validation.ACCOUNT)
    scene.domain.missing = {right}
    with pytest.raises(NotPermitted) as caught:
        _life(scene, location)
    assert caught.value.operation == operation.value
    sent = list(scene.domain.calls)
    found = plain(permissions.double_check_permissions)(scene.systems, location, caught.value, None)
    assert [item.subject for item in found] == [right.value]
    assert [call for call in scene.domain.calls[len(sent) :] if call in DIRECT] == []


def test_both_are_removed(scene: Scene) -> None:
    """The undo removes this run's users of both roads."""
    location = _by(scene, Validation.BOTH)
    plain(validate.create_ad_user)(scene.systems, location)
    assert len(scene.domain.users) == 2
    plain(validate.remove_ad_user)(scene.systems, location)
    assert scene.domain.users == {}


REFUSED = NotPermitted("cayosoft", "ad.create_user")


def test_the_directory_refuses_too(scene: Scene) -> None:
    """Where the account itself is refused, the directory is the cause, and the product is not accused."""
    scene.domain.missing = {Right.CREATE_USER}
    said = second_opinion(scene.systems, scene.ad, REFUSED, ())
    assert "the account itself is refused too" in said
    assert scene.codes == []


@pytest.mark.parametrize(
    "operation", ["ad.create_user", "ad.reset_password", "ad.modify_user", "ad.delete_user"]
)
def test_only_the_product_is_refused(scene: Scene, operation: str) -> None:
    """Where the account itself may do it, that is a finding; what it made goes with the run's test user."""
    if operation != "ad.create_user":
        plain(validate.create_ad_user)(scene.systems, scene.ad)
    failed = NotPermitted("cayosoft", operation)
    assert second_opinion(scene.systems, scene.ad, failed, ()) == "; the account itself may do it"
    assert scene.codes == ["validation.product-refused"]
    assert set(scene.domain.users) <= {name_of(scene.ad)}


def test_nothing_to_try_it_on(scene: Scene) -> None:
    """Without the run's test user no second opinion is asked."""
    failed = NotPermitted("cayosoft", "ad.reset_password")
    assert second_opinion(scene.systems, scene.ad, failed, ()) == ""


def test_nobody_can_say(scene: Scene) -> None:
    """A directory that is away gives no second opinion, and the refusal stays the error."""
    scene.domain.fail("create_user", Unreachable("active directory", "create user"))
    assert second_opinion(scene.systems, scene.ad, REFUSED, ()) == ""
    assert "ad.create_user by the account itself" in scene.here.unchecked[0]


def test_the_validator_is_asked_where_nothing_explains(scene: Scene) -> None:
    """In a tenant the validator tries what nothing explains; it is told as the other identity that it is."""
    failed = NotPermitted("cayosoft", "entra.create_user")
    said = second_opinion(scene.systems, scene.m365, failed, ())
    assert said == "; the validator identity may do it"
    assert [*scene.entra.users] == [f"{name_of(scene.m365)}@contoso.example"]
    scene.entra.fail("create_user", NotPermitted("entra", "create user", status=403))
    assert "is refused too" in second_opinion(scene.systems, scene.m365, failed, ())
    scene.entra.has_validator = False
    assert second_opinion(scene.systems, scene.m365, failed, ()) == ""
    assert "identity=validator" in scene.here.unchecked[0]


def test_the_validator_is_not_asked_without_need(scene: Scene) -> None:
    """Where a permission explains the refusal, the validator changes nothing."""
    scene.entra.withheld = {"User.ReadWrite.All"}
    failed = NotPermitted("cayosoft", "entra.create_user")
    plain(permissions.double_check_permissions)(scene.systems, scene.m365, failed, None)
    assert "create_user" not in scene.entra.calls
