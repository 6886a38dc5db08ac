"""Security descriptors: read as written, judged by the first entry that concerns the token."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.active_directory import security_descriptor as sd
from connectors.active_directory.security_descriptor import Ace, Dacl
from connectors.models import Presence
from tests.unit.active_directory.descriptors import write_descriptor, write_sid

ME, GROUP, STRANGER = "S-1-5-21-1-2-3-1104", "S-1-5-21-1-2-3-1105", "S-1-5-21-1-2-3-9999"
TOKEN = frozenset({ME, GROUP, "S-1-5-11", "S-1-1-0"})
OTHER_CLASS = uuid.UUID("bf967a9c-0de6-11d0-a285-00aa003049e2")
RESET = frozenset({sd.RESET_PASSWORD})
ALLOW, DENY, ALLOW_OBJECT, DENY_OBJECT = 0, 1, 5, 6
OI, CI, NP, IO, INHERITED = 0x1, 0x2, 0x4, 0x8, 0x10

number = st.integers(0, 0xFFFFFFFF)
sids = st.builds(
    lambda authority, parts: "-".join(["S-1", str(authority), *map(str, parts)]),
    st.integers(0, 2**48 - 1),
    st.lists(number, min_size=1, max_size=6),
)
guids = st.one_of(st.none(), st.sampled_from([sd.CLASS_USER, sd.RESET_PASSWORD]), st.uuids())


@st.composite
def entries(draw: st.DrawFn, trustees: st.SearchStrategy[str] = sids) -> Ace:
    """Draw an entry of a kind that allows or denies."""
    kind = draw(st.sampled_from([ALLOW, DENY, ALLOW_OBJECT, DENY_OBJECT]))
    things = (draw(guids), draw(guids)) if kind > DENY else (None, None)
    return Ace(kind, draw(st.integers(0, 0x1F)), draw(number), draw(trustees), *things)


@given(sids)
def test_sid_round_trip(sid: str):
    """A SID is read as it was written."""
    assert sid == sd.parse_sid(write_sid(sid))


@given(st.lists(entries(), max_size=8))
def test_dacl_round_trip(aces: list[Ace]):
    """A DACL is read as it was written, in order."""
    assert Dacl(tuple(aces)) == sd.parse_dacl(write_descriptor(tuple(aces)))


@given(st.lists(entries(), min_size=1, max_size=4), st.data())
def test_cut_short(aces: list[Ace], data: st.DataObject):
    """A descriptor whose end is missing is refused, never judged on what is left."""
    raw = write_descriptor(tuple(aces))
    cut = data.draw(st.integers(0, len(raw) - 1))

    with pytest.raises(sd.MalformedDescriptorError):
        sd.parse_dacl(raw[:cut])


@given(st.binary(max_size=200))
def test_garbage(raw: bytes):
    """Any bytes are either understood or refused; no other error comes out."""
    try:
        sd.parse_dacl(raw)
    except sd.MalformedDescriptorError:
        return


def test_null_dacl():
    """The NULL DACL allows everything, an empty one nothing."""
    assert sd.parse_dacl(write_descriptor(None)).everything
    assert Dacl(()) == sd.parse_dacl(write_descriptor(()))


@given(
    st.lists(entries(st.sampled_from([ME, GROUP, STRANGER])), max_size=8),
    st.sampled_from([sd.CREATE_CHILD, sd.WRITE_PROPERTY, sd.CONTROL_ACCESS, sd.DELETE]),
)
def test_first_entry_decides(aces: list[Ace], bit: int):
    """The answer is that of the first entry for this token and right, and no entry means no."""

    def concerned(ace: Ace) -> bool:
        wanted = bit | sd.GENERIC_ALL | (sd.GENERIC_WRITE if bit == sd.WRITE_PROPERTY else 0)
        return (
            ace.sid != STRANGER
            and not ace.flags & IO
            and bool(ace.mask & wanted)
            and ace.object_type in {None, sd.RESET_PASSWORD}
        )

    deciding = [ace for ace in aces if concerned(ace)][:1]
    allowed = bool(deciding) and deciding[0].kind in {ALLOW, ALLOW_OBJECT}

    expected = Presence.PRESENT if allowed else Presence.MISSING
    assert expected is sd.check(aces, TOKEN, bit, RESET)


@given(st.lists(entries(), max_size=8), st.integers(0, 30))
def test_strangers_grant_nothing(aces: list[Ace], shift: int):
    """Entries for others give this token nothing."""
    assert Presence.MISSING is sd.check(aces, frozenset({"S-1-5-7"}), 1 << shift, RESET)


def test_condition():
    """A conditional entry in the way makes the answer untold, not a guess."""
    aces = (Ace(9, 0, sd.DELETE, ME), Ace(ALLOW, 0, sd.DELETE, ME))

    assert Presence.UNTOLD is sd.check(aces, TOKEN, sd.DELETE)


def test_wrong_object():
    """A right on another object or property is not this right."""
    aces = (Ace(ALLOW_OBJECT, 0, sd.CONTROL_ACCESS, ME, OTHER_CLASS),)

    assert Presence.MISSING is sd.check(aces, TOKEN, sd.CONTROL_ACCESS, RESET)


def test_inherited():
    """A new user gets what containers inherit for users or for all, and not what is for other classes."""
    for_users = Ace(ALLOW_OBJECT, CI | IO, sd.CONTROL_ACCESS, ME, sd.RESET_PASSWORD, sd.CLASS_USER)
    for_all = Ace(ALLOW, CI, sd.DELETE, GROUP)
    for_groups = Ace(ALLOW_OBJECT, CI | IO, sd.DELETE, ME, None, OTHER_CLASS)
    here_only = Ace(ALLOW, 0, sd.WRITE_PROPERTY, ME)
    container = Dacl((for_users, for_groups, here_only, for_all))

    child = sd.inherited_by_child(container, sd.CLASS_USER)

    assert (
        replace(for_users, flags=CI),
        replace(for_groups, flags=CI | IO),
        replace(for_all, flags=CI),
    ) == child


@pytest.mark.parametrize(
    ("flags", "of_child", "below_it"),
    [
        (CI, CI, CI),
        (CI | IO, CI, CI),
        (CI | NP, 0, None),
        (CI | IO | NP, 0, None),
        (CI | IO | INHERITED, CI | INHERITED, CI | INHERITED),
        (OI, None, None),
        (OI | IO, None, None),
        (0, None, None),
    ],
)
def test_inherited_further(flags: int, of_child: int | None, below_it: int | None):
    """How far an entry reaches is what its flags say; object-inherit reaches nothing in a directory."""
    entry = Ace(ALLOW, flags, sd.DELETE, ME)

    child = sd.inherited_by_child(Dacl((entry,)), OTHER_CLASS)
    grandchild = sd.inherited_by_child(Dacl(child), sd.CLASS_USER)

    assert [of_child] * (of_child is not None) == [ace.flags for ace in child]
    assert [below_it] * (below_it is not None) == [ace.flags for ace in grandchild]


PROPERTY = uuid.UUID("bf967950-0de6-11d0-a285-00aa003049e2")


@pytest.mark.parametrize(
    ("aces", "presence"),
    [
        ((Ace(ALLOW_OBJECT, 0, sd.WRITE_PROPERTY, ME, PROPERTY),), Presence.MISSING),
        ((Ace(ALLOW, 0, sd.WRITE_PROPERTY, ME),), Presence.PRESENT),
        ((Ace(ALLOW, 0, sd.GENERIC_WRITE, ME),), Presence.PRESENT),
        (
            (
                Ace(DENY_OBJECT, 0, sd.WRITE_PROPERTY, GROUP, PROPERTY),
                Ace(ALLOW, 0, sd.WRITE_PROPERTY, ME),
            ),
            Presence.MISSING,
        ),
        (
            (
                Ace(ALLOW_OBJECT, 0, sd.WRITE_PROPERTY, ME, PROPERTY),
                Ace(DENY_OBJECT, 0, sd.WRITE_PROPERTY, GROUP, PROPERTY),
                Ace(ALLOW, 0, sd.WRITE_PROPERTY, ME),
            ),
            Presence.PRESENT,
        ),
        (
            (
                Ace(ALLOW, 0, sd.WRITE_PROPERTY, ME),
                Ace(DENY_OBJECT, 0, sd.WRITE_PROPERTY, GROUP, PROPERTY),
            ),
            Presence.PRESENT,
        ),
        ((Ace(9, 0, sd.WRITE_PROPERTY, ME),), Presence.UNTOLD),
    ],
)
def test_every_part(aces: tuple[Ace, ...], presence: Presence):
    """For all attributes at once one that is allowed is not enough, and one that is denied is too much."""
    assert presence is sd.decide(aces, TOKEN, sd.WRITE_PROPERTY, None).presence
