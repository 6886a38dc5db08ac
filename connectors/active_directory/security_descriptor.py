"""Read a security descriptor and tell what it lets a token do: pure, no directory needed.

Wire form: MS-DTYP 2.4.6 (descriptor), 2.4.5 (ACL), 2.4.4 (ACE), 2.4.2 (SID). Meaning of the object
GUIDs and of inheritance: MS-ADTS 5.1.3. Owner rights are not considered; SELF only where it is asked for.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from connectors.models import Presence

CREATE_CHILD = 0x1
DELETE_CHILD = 0x2
WRITE_PROPERTY = 0x20
CONTROL_ACCESS = 0x100
DELETE = 0x10000
GENERIC_ALL = 0x10000000
GENERIC_WRITE = 0x40000000

CLASS_USER = uuid.UUID("bf967aba-0de6-11d0-a285-00aa003049e2")
RESET_PASSWORD = uuid.UUID("00299570-246d-11d0-a768-00aa006e0529")

CREATOR_OWNER = "S-1-3-0"
SELF = "S-1-5-10"

_CONTAINER_INHERIT = 0x2
_INHERIT_ONLY = 0x8
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
        generic = GENERIC_ALL | (GENERIC_WRITE if bit == WRITE_PROPERTY else 0)
        return bool(self.mask & (bit | generic))


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

    CREATOR OWNER stays as it is: put it into the token when the one who asks is the one who creates.
    """
    return tuple(
        Ace(ace.kind, 0, ace.mask, ace.sid, ace.object_type)
        for ace in dacl.aces
        if ace.flags & _CONTAINER_INHERIT and ace.inherited_object_type in {None, child_class}
    )


def check(
    aces: Iterable[Ace],
    token: AbstractSet[str],
    bit: int,
    accepted: AbstractSet[uuid.UUID] = frozenset(),
) -> Presence:
    """Tell whether the first entry that concerns this token and right allows it.

    ``accepted`` are the object GUIDs that stand for the right; an entry without a GUID stands for all.
    UNTOLD when a conditional entry would have to be evaluated first.
    """
    for ace in aces:
        concerned = (
            not ace.flags & _INHERIT_ONLY
            and ace.sid in token
            and ace.grants_bit(bit)
            and (ace.object_type is None or ace.object_type in accepted)
        )
        if not concerned:
            continue
        if ace.kind in _CONDITIONAL:
            return Presence.UNTOLD
        allowed = ace.kind in {_ALLOW, _ALLOW_OBJECT}
        return Presence.PRESENT if allowed else Presence.MISSING
    return Presence.MISSING
