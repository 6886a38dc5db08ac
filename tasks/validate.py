"""V1-V4: validate the changes in Active Directory with real operations (article: "Validate the changes").

The product runs each operation with the credential that it now holds, or the account does so itself, as the
inventory says; another identity then looks in the directory whether it really happened. Names tell connection
and run apart: V1 first removes what an earlier run of the same connection left when it was killed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from connectors.active_directory.models import DirectoryUser
from connectors.cayosoft.models import Operation
from connectors.protocols import Systems
from report.record import current_record
from tasks._bounds import ours
from tasks._names import Road, name_of
from tasks._operations import prove, roads_of
from tasks._step import AlreadySo, Answer, Done, step
from tasks._test_users import removed_from_directory
from tasks.identify import Location


@dataclass(frozen=True, slots=True)
class Made:
    """A test user, and the road on which it was made and goes on."""

    road: Road
    user: DirectoryUser


Users = tuple[Made, ...]


@step("V1")
def create_ad_user(systems: Systems, location: Location) -> Answer[Users]:
    """Remove what an earlier run left, have a user created in the validation OU, and see it."""
    location.ledger.require()  # what is removed could be a younger run's
    roads = roads_of(location)
    if Road.PRODUCT not in roads:
        current_record().here().leave_unchecked(
            "whether the product works: the account itself is tried (validation: account, or driver: operator)"
        )
    removed = removed_from_directory(systems, location)
    made = tuple(_created(systems, location, road) for road in roads)
    said = "; ".join(f"{it.road.value} created {it.user.dn}" for it in made)
    return Done(made, f"{removed}{said}; seen in the directory")


def _created(systems: Systems, location: Location, road: Road) -> Made:
    name = name_of(location, road)
    user = prove(
        systems,
        location,
        Operation.AD_CREATE_USER,
        {"container": location.in_directory.validation_ou, "username": name},
        look=lambda: _directory_user(systems, location, name),
        wanted=lambda seen: seen is not None,
        road=road,
    )
    assert user is not None  # noqa: S101  what was wanted, told to the type checker
    return Made(road, user)


@step("V2")
def reset_ad_password(systems: Systems, location: Location, users: Users) -> Answer[Users]:
    """Have the user's password reset, and see that it was set anew."""

    def reset(made: Made) -> Made:
        before = made.user.password_last_set
        return _changed(
            systems,
            location,
            made,
            Operation.AD_RESET_PASSWORD,
            {},
            lambda seen: seen.password_last_set != before,
        )

    after = tuple(map(reset, users))
    said = "; ".join(
        f"{it.road.value}: password last set moved from {was.user.password_last_set} to "
        f"{it.user.password_last_set}"
        for was, it in zip(users, after, strict=True)
    )
    return Done(after, said)


@step("V3")
def change_ad_attribute(systems: Systems, location: Location, users: Users) -> Answer[Users]:
    """Have the user's description changed, and see it."""
    text = f"changed by V3 of {name_of(location)}"

    def change(made: Made) -> Made:
        return _changed(
            systems,
            location,
            made,
            Operation.AD_MODIFY_USER,
            {"description": text},
            lambda seen: seen.description == text,
        )

    after = tuple(map(change, users))
    by = " and ".join(it.road.value for it in after)
    return Done(after, f"description reads {text!r}, written by {by}")


def _changed(
    systems: Systems,
    location: Location,
    made: Made,
    operation: Operation,
    more: dict[str, str],
    wanted: Callable[[DirectoryUser], bool],
) -> Made:
    """Have a test user changed on its road, and see it."""
    name = made.user.username
    seen = prove(
        systems,
        location,
        operation,
        {"dn": made.user.dn, **more},
        look=lambda: _directory_user(systems, location, name) or made.user,
        wanted=wanted,
        exists=lambda: _directory_user(systems, location, name) is not None,
        road=made.road,
    )
    return replace(made, user=seen)


@step("V4")
def delete_ad_user(systems: Systems, location: Location, users: Users) -> Answer[None]:
    """Have the user deleted, and see that it is gone."""

    def gone(made: Made) -> str:
        prove(
            systems,
            location,
            Operation.AD_DELETE_USER,
            {"dn": made.user.dn},
            look=lambda: _directory_user(systems, location, made.user.username),
            wanted=lambda seen: seen is None,
            road=made.road,
        )
        return f"{made.user.dn} is gone from the directory, deleted by {made.road.value}"

    return Done(None, "; ".join(map(gone, users)))


@step("V1", undo=True)
def remove_ad_user(systems: Systems, location: Location) -> Answer[None]:
    """Undo step V1: delete this run's test users as the connection account itself."""
    left = [
        user
        for road in Road
        if (user := _directory_user(systems, location, name_of(location, road)))
    ]
    if not left:
        return AlreadySo(None, "no test user is left")
    directory = systems.directory(location.in_directory.directory)
    for user in left:
        directory.delete_user(location.secret, user.dn)
    names = ", ".join(user.dn for user in left)
    return Done(None, f"{names} deleted directly, as the connection account")


def _directory_user(systems: Systems, location: Location, name: str) -> DirectoryUser | None:
    return ours(location, systems.directory(location.in_directory.directory).find_user(name))
