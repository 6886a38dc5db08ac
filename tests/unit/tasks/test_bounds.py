"""Nothing but test users, and nowhere but in the validation OU and domain: every try is refused before it is sent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.active_directory.models import DirectoryUser
from connectors.cayosoft.models import Operation
from connectors.entra.models import EntraUser
from connectors.errors import InvalidInput, OutOfStep
from tasks import validate, validate_tenant
from tasks._bounds import require_within_bounds
from tasks._directly import directly
from tasks._names import Road, name_of, prefix_of, upn_of
from tasks._operations import prove
from tests.fakes.directory import START
from tests.unit.tasks.conftest import Scene, plain

UNIT = "OU=Validation,DC=corp,DC=example,DC=com"
ELSEWHERE = (
    "DC=corp,DC=example,DC=com",
    "OU=Finance,DC=corp,DC=example,DC=com",
    f"OU=Deeper,{UNIT}",
    "OU=XValidation,DC=corp,DC=example,DC=com",
    "OU=Validation,DC=corp,DC=example,DC=org",
    f"OU=Other\\,{UNIT}",
    "OU=Other\\,OU\\=Validation,DC=corp,DC=example,DC=com",
    f"{UNIT},DC=evil",
)


@pytest.mark.parametrize("place", ELSEWHERE)
@pytest.mark.parametrize("road", list(Road))
def test_no_other_place(scene: Scene, place: str, road: Road) -> None:
    """Neither road creates, changes or deletes anything outside the validation OU, however it is written."""
    location, name = scene.ad, name_of(scene.ad)
    tries = {
        Operation.AD_CREATE_USER: {"container": place, "username": name},
        Operation.AD_RESET_PASSWORD: {"dn": f"CN={name},{place}"},
        Operation.AD_MODIFY_USER: {"dn": f"CN={name},{place}", "description": "x"},
        Operation.AD_DELETE_USER: {"dn": f"CN={name},{place}"},
    }
    sent = (list(scene.screen.calls), list(scene.domain.calls))
    for operation, arguments in tries.items():
        with pytest.raises(InvalidInput):
            prove(
                scene.systems, location, operation, arguments,
                look=lambda: None, wanted=lambda _: True, road=road,
            )  # fmt: skip
        with pytest.raises(InvalidInput):
            directly(scene.systems, location, operation, arguments)
    assert sent == (scene.screen.calls, scene.domain.calls)


@pytest.mark.parametrize(
    "same", [UNIT.lower(), UNIT.replace(",", ", "), "OU=Valid\\61tion" + UNIT[13:]]
)
def test_the_same_place_in_other_words(scene: Scene, same: str) -> None:
    """The validation OU is compared by value: case, blanks and escapes do not matter."""
    require_within_bounds(scene.ad, {"dn": f"CN=x,{same}"})


@pytest.mark.parametrize("name", ["krbtgt", "rot-", "rot-aaaaaa", "xrot-aaaaaa-1", ""])
def test_no_other_name(scene: Scene, name: str) -> None:
    """A user whose name does not begin with the connection's own part is not created."""
    with pytest.raises(InvalidInput):
        require_within_bounds(scene.ad, {"container": UNIT, "username": name})


@pytest.mark.parametrize(
    "upn",
    [
        "{name}@other.example",
        "{name}@contoso.example.evil.example",
        "{name}@sub.contoso.example",
        "{name}@other.example@contoso.example",
        "{name}@contoso.example@other.example",
        "admin@contoso.example",
        "x{name}@contoso.example",
        "{name}",
        "@contoso.example",
    ],
)
def test_no_other_user_of_the_tenant(scene: Scene, upn: str) -> None:
    """A UPN of another domain, or of another name, is refused before anything is sent."""
    arguments = {"upn": upn.format(name=name_of(scene.m365)), "displayName": "x"}
    with pytest.raises(InvalidInput):
        directly(scene.systems, scene.m365, Operation.ENTRA_CREATE_USER, arguments)
    assert (scene.entra.calls, scene.screen.calls) == ([], [])


def test_no_operation_without_a_user(scene: Scene) -> None:
    """An operation that names nobody is refused."""
    for location in (scene.ad, scene.m365):
        with pytest.raises(InvalidInput):
            require_within_bounds(location, {})


def _moved(scene: Scene, dn: str, username: str) -> None:
    scene.domain.users[name_of(scene.ad)] = DirectoryUser(dn, username, None, None, True, START)


@pytest.mark.parametrize("place", ELSEWHERE[1:3])
def test_a_test_user_that_was_moved(scene: Scene, place: str) -> None:
    """A user with the test user's name elsewhere is neither taken for it nor deleted by the undo."""
    name = name_of(scene.ad)
    _moved(scene, f"CN={name},{place}", name)
    with pytest.raises(OutOfStep, match="look for the test user"):
        plain(validate.remove_ad_user)(scene.systems, scene.ad)
    assert "delete_user" not in scene.domain.calls
    assert name in scene.domain.users


def test_a_search_that_finds_somebody_else(scene: Scene) -> None:
    """What a search returns is held against the name: another user in the OU is left alone too."""
    _moved(scene, f"CN=anna,{UNIT}", "anna")
    with pytest.raises(OutOfStep):
        plain(validate.remove_ad_user)(scene.systems, scene.ad)
    scene.entra.users[upn_of(scene.m365)] = EntraUser("id-1", "anna@contoso.example", "Anna", None)
    with pytest.raises(OutOfStep):
        plain(validate_tenant.remove_entra_user)(scene.systems, scene.m365)


def test_connections_do_not_share_a_prefix(scene: Scene) -> None:
    """The prefixes of a thousand connections are a thousand."""
    prefixes = {
        prefix_of(
            replace(scene.ad, connection=scene.ad.connection.model_copy(update={"name": f"c-{n}"}))
        )
        for n in range(1000)
    }
    assert len(prefixes) == 1000
