"""Read a security descriptor and tell what it lets a token do: pure, no directory needed.

Wire form: MS-DTYP 2.4.6 (descriptor), 2.4.5 (ACL), 2.4.4 (ACE), 2.4.2 (SID). Meaning of the object
GUIDs and of inheritance: MS-ADTS 5.1.3. Owner rights are not considered; SELF only where it is asked for.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from connectors.models import Presence

CREATE_CHILD = 0x1
DELETE_CHILD = 0x2
LIST_CHILDREN = 0x4
READ_PROPERTY = 0x10
WRITE_PROPERTY = 0x20
CONTROL_ACCESS = 0x100
DELETE = 0x10000
GENERIC_ALL = 0x10000000
GENERIC_WRITE = 0x40000000
GENERIC_READ = 0x80000000
_GENERIC = {
    WRITE_PROPERTY: GENERIC_ALL | GENERIC_WRITE,
    READ_PROPERTY: GENERIC_ALL | GENERIC_READ,
    LIST_CHILDREN: GENERIC_ALL | GENERIC_READ,
}

CLASS_USER = uuid.UUID("bf967aba-0de6-11d0-a285-00aa003049e2")
RESET_PASSWORD = uuid.UUID("00299570-246d-11d0-a768-00aa006e0529")

CREATOR_OWNER = "S-1-3-0"
SELF = "S-1-5-10"

_CONTAINER_INHERIT = (
    0x2  # object-inherit, 0x1, reaches nothing: every object of a directory is a container
)
_NO_PROPAGATE = 0x4
_INHERIT_ONLY = 0x8
_INHERITED = 0x10
_HAS_OBJECT = 0x1
_HAS_INHERITED_OBJECT = 0x2
_DACL_PRESENT = 0x4
_DACL_PROTECTED = 0x1000

_ALLOW, _DENY, _ALLOW_OBJECT, _DENY_OBJECT = 0, 1, 5, 6
_CONDITIONAL = {9, 10, 11, 12}  # callback ACEs: their condition is not evaluated here
_OBJECT_TYPES = {_ALLOW_OBJECT, _DENY_OBJECT, 11, 12}


class MalformedDescriptorError(ValueError):
    """The bytes are not a self-relative security descriptor with a DACL."""


@dataclass(frozen=True, slots=True)
class Ace:
    """One entry of a DACL."""

    kind: int
    flags: int
    mask: int
    sid: str
    object_type: uuid.UUID | None = None
    inherited_object_type: uuid.UUID | None = None

    def grants_bit(self, bit: int) -> bool:
        """Tell whether the mask holds the bit, itself or through a generic right."""
        return bool(self.mask & (bit | _GENERIC.get(bit, GENERIC_ALL)))

    @property
    def allows(self) -> bool:
        """Whether it gives what its mask says."""
        return self.kind in {_ALLOW, _ALLOW_OBJECT}

    @property
    def inherited(self) -> bool:
        """Whether the container that was read has it from one above."""
        return bool(self.flags & _INHERITED)


@dataclass(frozen=True, slots=True)
class Dacl:
    """The entries in stored order; ``everything`` is True for the NULL DACL, which allows all.

    ``inherits`` is False for a protected one: what is given on the container does not reach it.
    """

    aces: tuple[Ace, ...]
    everything: bool = False
    inherits: bool = True


def parse_sid(raw: bytes, offset: int = 0) -> str:
    """Return a SID in its S-1-... form; raise MalformedDescriptorError when bytes are missing."""
    try:
        revision, count = struct.unpack_from("<BB", raw, offset)
        authority = int.from_bytes(_slice(raw, offset + 2, 6), "big")
        parts = struct.unpack_from(f"<{count}I", raw, offset + 8)
    except struct.error:
        revision, authority, parts = 0, 0, ()
    if revision != 1:
        raise MalformedDescriptorError("not a SID")
    return "-".join(("S", str(revision), str(authority), *map(str, parts)))


def parse_dacl(raw: bytes) -> Dacl:
    """Return the DACL of a self-relative security descriptor; raise MalformedDescriptorError otherwise."""
    try:
        (control,) = struct.unpack_from("<H", raw, 2)
        (offset,) = struct.unpack_from("<I", raw, 16)
        if not control & _DACL_PRESENT or offset == 0:
            return Dacl((), everything=True)
        (count,) = struct.unpack_from("<H", raw, offset + 4)
        aces = []
        position = offset + 8
        for _ in range(count):
            kind, flags, size = struct.unpack_from("<BBH", raw, position)
            if size < 4:
                break
            aces.append(_parse_ace(kind, flags, _slice(raw, position, size)))
            position += size
    except struct.error:
        aces, count = [], -1
    if len(aces) != count:
        raise MalformedDescriptorError("not a security descriptor")
    return Dacl(tuple(aces), inherits=not control & _DACL_PROTECTED)


def _parse_ace(kind: int, flags: int, body: bytes) -> Ace:
    (mask,) = struct.unpack_from("<I", body, 4)
    position = 8
    guids: list[uuid.UUID | None] = [None, None]
    if kind in _OBJECT_TYPES:
        (present,) = struct.unpack_from("<I", body, 8)
        position = 12
        for index, bit in enumerate((_HAS_OBJECT, _HAS_INHERITED_OBJECT)):
            if present & bit:
                guids[index] = uuid.UUID(bytes_le=_slice(body, position, 16))
                position += 16
    elif kind not in {_ALLOW, _DENY, *_CONDITIONAL}:
        # A kind that neither allows nor denies; its SID may be anywhere.
        return Ace(kind, flags, 0, "")
    return Ace(kind, flags, mask, parse_sid(body, position), guids[0], guids[1])


def _slice(raw: bytes, start: int, length: int) -> bytes:
    part = raw[start : start + length]
    if len(part) != length:
        raise MalformedDescriptorError("bytes are missing")
    return part


def inherited_by_child(dacl: Dacl, child_class: uuid.UUID) -> tuple[Ace, ...]:
    """Return the entries that a new child of the class would get from its container, in order.

    Those for other classes come with it, inherit-only, for what is below the child. CREATOR OWNER stays as
    it is: put it into the token when the one who asks is the one who creates.
    """
    found = []
    for ace in dacl.aces:
        applies = ace.inherited_object_type in {None, child_class}
        goes_on = not ace.flags & _NO_PROPAGATE
        if ace.flags & _CONTAINER_INHERIT and (applies or goes_on):
            flags = (
                ace.flags & _INHERITED
            )  # kept: it tells whether the container itself holds the entry
            flags |= _CONTAINER_INHERIT if goes_on else 0
            flags |= 0 if applies else _INHERIT_ONLY
            found.append(replace(ace, flags=flags))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a right is there, and the entry that decided; None when none spoke about it."""

    presence: Presence
    by: Ace | None = None


def decide(
    aces: Iterable[Ace],
    token: AbstractSet[str],
    bit: int,
    accepted: AbstractSet[uuid.UUID] | None = frozenset(),
) -> Verdict:
    """Let the first entry that concerns this token and right decide.

    ``accepted`` are the object GUIDs that stand for the right; an entry without a GUID stands for all.
    None asks for every part of the object: one that is allowed is not enough, one that is denied is too much.
    UNTOLD when a conditional entry would have to be evaluated first.
    """
    given: set[uuid.UUID] = set()
    for ace in aces:
        if ace.flags & _INHERIT_ONLY or ace.sid not in token or not ace.grants_bit(bit):
            continue
        if ace.object_type is not None and accepted is not None:
            if ace.object_type not in accepted:
                continue
        elif ace.object_type is not None and (ace.allows or ace.object_type in given):
            given.add(ace.object_type)  # what is denied further down was given before
            continue
        if ace.kind in _CONDITIONAL:
            return Verdict(Presence.UNTOLD, ace)
        return Verdict(Presence.PRESENT if ace.allows else Presence.MISSING, ace)
    return Verdict(Presence.MISSING)


def check(
    aces: Iterable[Ace],
    token: AbstractSet[str],
    bit: int,
    accepted: AbstractSet[uuid.UUID] = frozenset(),
) -> Presence:
    """Tell whether the first entry that concerns this token and right allows it."""
    return decide(aces, token, bit, accepted).presence
