"""Predicting rights: what cannot be read is untold, never guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from connectors.active_directory import security_descriptor as sd
from connectors.active_directory.models import VALIDATION_RIGHTS, Right, RightCheck
from connectors.active_directory.rights import predict, predict_reset
from connectors.active_directory.security_descriptor import Ace
from connectors.active_directory.values import Entry
from connectors.errors import NotFound, NotPermitted
from connectors.models import Presence
from tests.unit.active_directory.descriptors import write_descriptor, write_sid

ME, OTHER = "S-1-5-21-1-2-3-1104", "S-1-5-21-1-2-3-1105"
CONTAINER, SCHEMA = "OU=V,DC=corp", "CN=Schema,DC=corp"
CI = 0x2
EVERYTHING = sd.CREATE_CHILD | sd.DELETE_CHILD | sd.WRITE_PROPERTY | sd.CONTROL_ACCESS | sd.DELETE


@dataclass
class Directory:
    """A session that knows a few entries, as one identity sees them."""

    descriptor: bytes | None = None
    classes: Sequence[bytes] = ()
    token: Sequence[str] = (ME, "S-1-1-0")
    default: str | None = None
    sid: str = OTHER
    closed: bool = False
    asked: list[str] = field(default_factory=list)

    def read(self, dn: str, *_: Any, **__: Any) -> Entry:
        """Return what is known of one object."""
        self.asked.append(dn)
        if dn == "":
            groups = tuple(write_sid(sid) for sid in self.token)
            known = (SCHEMA.encode(),) if self.default is not None else ()
            return Entry(dn, {"tokengroups": groups, "schemanamingcontext": known})
        if dn != CONTAINER:
            raise NotFound("active directory", "read", dn=dn)
        if self.closed:
            raise NotPermitted("active directory", "read", dn=dn)
        found = {"allowedchildclasseseffective": tuple(self.classes)}
        found["objectsid"] = (write_sid(self.sid),)
        if self.descriptor is not None:
            found["ntsecuritydescriptor"] = (self.descriptor,)
        return Entry(dn, found)

    def search(self, base: str, *_: Any) -> tuple[tuple[Entry, ...], bool]:
        """Return what the schema says of the class user."""
        self.asked.append(base)
        assert self.default is not None
        found = {
            "ldapdisplayname": (b"user",),
            "defaultsecuritydescriptor": (self.default.encode(),),
        }
        return (Entry(f"CN=User,{base}", found),), True


def told(directory: Directory) -> dict[Right, Presence]:
    """Return the prediction by right."""
    return {check.right: check.presence for check in predict(directory, CONTAINER, "svc")}  # type: ignore[arg-type]


def every(presence: Presence) -> dict[Right, Presence]:
    """Return the same presence for every right."""
    return dict.fromkeys(VALIDATION_RIGHTS, presence)


@pytest.mark.parametrize(
    "directory",
    [
        Directory(),
        Directory(b"no descriptor"),
        Directory(write_descriptor((Ace(0, CI, EVERYTHING, ME),)), token=()),
    ],
)
def test_unreadable(directory: Directory):
    """Without descriptor or token nothing is told, and how says so."""
    assert told(directory) == every(Presence.UNTOLD)
    assert "could not be read" in predict(directory, CONTAINER, "svc")[0].how  # type: ignore[arg-type]


def test_class_list_suffices():
    """The directory's own list of classes tells that users may be created, descriptor or not."""
    assert told(Directory(classes=[b"group", b"User"]))[Right.CREATE_USER] is Presence.PRESENT


def test_sources_disagree():
    """A descriptor that allows what the directory's list does not name leaves it untold."""
    allowing = write_descriptor((Ace(0, CI, EVERYTHING, ME),))

    assert told(Directory(allowing))[Right.CREATE_USER] is Presence.UNTOLD


def test_nothing_granted():
    """An empty descriptor grants nothing."""
    assert told(Directory(write_descriptor(()))) == every(Presence.MISSING)


def test_creator_owner():
    """Who creates a user has on it what the container gives to creators."""
    owner = Ace(0, CI, sd.CONTROL_ACCESS | sd.DELETE, sd.CREATOR_OWNER)

    found = told(Directory(write_descriptor((owner,))))

    assert found[Right.RESET_PASSWORD] is found[Right.DELETE_USER] is Presence.PRESENT
    assert found[Right.WRITE_ATTRIBUTES] is Presence.MISSING


def test_deleting_takes_one_of_two():
    """DELETE_CHILD on the container is enough, even where DELETE on the user is denied."""
    aces = (Ace(1, CI, sd.DELETE, ME), Ace(5, 0, sd.DELETE_CHILD, ME, sd.CLASS_USER))

    assert told(Directory(write_descriptor(aces)))[Right.DELETE_USER] is Presence.PRESENT


def test_class_default_comes_first():
    """What the class gives to new users counts before what the container inherits to them."""
    denied = write_descriptor((Ace(1, CI, sd.CONTROL_ACCESS, ME),))
    directory = Directory(denied, default=f"D:(A;;CR;;;{ME})(A;;WP;;;{OTHER})")

    found = told(directory)

    assert found[Right.RESET_PASSWORD] is Presence.PRESENT
    assert found[Right.WRITE_ATTRIBUTES] is Presence.MISSING
    assert SCHEMA in directory.asked


def test_condition():
    """A conditional entry that would decide leaves the right untold."""
    aces = (Ace(9, CI, sd.WRITE_PROPERTY, ME),)

    assert told(Directory(write_descriptor(aces)))[Right.WRITE_ATTRIBUTES] is Presence.UNTOLD


def check_of(directory: Directory) -> RightCheck:
    """Return the prediction for one user."""
    return predict_reset(directory, CONTAINER, "svc")  # type: ignore[arg-type]


def reset(sid: str, flags: int = 0, kind: int = 5, thing: Any = sd.RESET_PASSWORD) -> Ace:
    """Return an entry about Reset Password, or about another extended right."""
    return Ace(kind, flags, sd.CONTROL_ACCESS, sid, thing)


@pytest.mark.parametrize(
    ("aces", "presence"),
    [
        ((), Presence.MISSING),
        ((reset(ME),), Presence.PRESENT),
        ((reset(ME, thing=None),), Presence.PRESENT),
        ((reset(ME, thing=sd.CLASS_USER),), Presence.MISSING),
        ((reset(OTHER),), Presence.MISSING),
        ((reset("S-1-1-0"),), Presence.PRESENT),
        ((reset(ME, flags=0x8),), Presence.MISSING),
        ((reset(ME, kind=6), reset("S-1-1-0")), Presence.MISSING),
        ((Ace(0, 0, sd.GENERIC_ALL, ME),), Presence.PRESENT),
        ((reset(ME, kind=11),), Presence.UNTOLD),
        ((reset(sd.SELF),), Presence.MISSING),
        (None, Presence.PRESENT),
    ],
)
def test_reset_on_one_user(aces: tuple[Ace, ...] | None, presence: Presence):
    """The first entry of the user's own descriptor that concerns the token and the right decides."""
    check = check_of(Directory(write_descriptor(aces)))

    assert check.presence is presence
    assert (check.right, check.container, check.on_user) == (Right.RESET_PASSWORD, CONTAINER, True)


def test_reset_on_oneself():
    """What is given to SELF counts for who asks about itself."""
    directory = Directory(write_descriptor((reset(sd.SELF),)), sid=ME)

    assert check_of(directory).presence is Presence.PRESENT


@pytest.mark.parametrize(
    "directory",
    [
        Directory(),
        Directory(b"no descriptor"),
        Directory(write_descriptor((reset(ME),)), token=()),
        Directory(write_descriptor((reset(ME),)), closed=True),
    ],
)
def test_reset_unreadable(directory: Directory):
    """A descriptor or token that is closed to the setter leaves it untold, and how says so."""
    assert check_of(directory).presence is Presence.UNTOLD
    assert "could not be read" in check_of(directory).how


def test_reset_of_a_protected_user():
    """A user that inherits nothing is told as such: what its container gives would not help."""
    plain, protected = (Directory(write_descriptor((), protected=p)) for p in (False, True))

    assert "inherits no permissions" in check_of(protected).how
    assert "inherits" not in check_of(plain).how
