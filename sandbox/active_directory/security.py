"""Access rights: SIDs, ACEs, binary self-relative descriptors, and who may do what (MS-DTYP 2.4).

The one list of ACEs serves both: it is what nTSecurityDescriptor shows, and what is enforced.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

CREATE_CHILD, DELETE_CHILD, LIST, SELF_WRITE = 0x1, 0x2, 0x4, 0x8
READ, WRITE, DELETE_TREE, LIST_OBJECT, CONTROL = 0x10, 0x20, 0x40, 0x80, 0x100
DELETE, READ_CONTROL, WRITE_DACL, WRITE_OWNER = 0x10000, 0x20000, 0x40000, 0x80000
FULL = 0xF01FF

INHERIT, NO_PROPAGATE, INHERIT_ONLY, INHERITED = 0x02, 0x04, 0x08, 0x10
OWNER_PART, GROUP_PART, DACL_PART, SACL_PART = 1, 2, 4, 8

EVERYONE, NETWORK, ANONYMOUS = "S-1-1-0", "S-1-5-2", "S-1-5-7"
OPERATORS = "S-1-5-32-548"
CREATOR_OWNER = "S-1-3-0"
SELF, AUTHENTICATED, SYSTEM = "S-1-5-10", "S-1-5-11", "S-1-5-18"
ADMINISTRATORS, USERS, OLD_CLIENTS = "S-1-5-32-544", "S-1-5-32-545", "S-1-5-32-554"


def sid_bytes(sid: str) -> bytes:
    """Write a SID in its binary form."""
    revision, authority, *parts = (int(part) for part in sid.split("-")[1:])
    head = struct.pack("BB", revision, len(parts)) + authority.to_bytes(6, "big")
    return head + struct.pack(f"<{len(parts)}I", *parts)


def sid_text(raw: bytes) -> str:
    """Read a binary SID."""
    parts = struct.unpack(f"<{raw[1]}I", raw[8 : 8 + 4 * raw[1]])
    return "-".join(["S", str(raw[0]), str(int.from_bytes(raw[2:8], "big")), *map(str, parts)])


@dataclass(frozen=True)
class Ace:
    """One entry of a DACL. ``object_type`` narrows the right, ``applies_to`` the class that inherits."""

    sid: str
    mask: int
    flags: int = 0
    object_type: uuid.UUID | None = None
    applies_to: uuid.UUID | None = None
    allow: bool = True

    def encoded(self) -> bytes:
        """Write the ACE in its binary form."""
        body = struct.pack("<I", self.mask)
        of_object = self.object_type is not None or self.applies_to is not None
        if of_object:
            body += struct.pack(
                "<I", (self.object_type is not None) | (self.applies_to is not None) << 1
            )
            body += self.object_type.bytes_le if self.object_type else b""
            body += self.applies_to.bytes_le if self.applies_to else b""
        body += sid_bytes(self.sid)
        kind = (5 if of_object else 0) + (0 if self.allow else 1)
        return struct.pack("<BBH", kind, self.flags, 4 + len(body)) + body

    def inherited_by(self, kind: uuid.UUID, owner: str, *, child: bool = True) -> list[Ace]:
        """Return what an entry of class ``kind`` gets from this ACE: a child, or one further below.

        What is given to CREATOR OWNER becomes the owner's, and goes on as it is.
        """
        goes_on = not self.flags & NO_PROPAGATE
        if not self.flags & INHERIT or not (goes_on or child):
            return []
        applies = self.applies_to in (None, kind)
        flags = INHERITED | (INHERIT if goes_on else 0)
        below = [replace(self, flags=flags | INHERIT_ONLY)] if goes_on else []
        if not applies:
            return below
        if self.sid == CREATOR_OWNER:
            return [replace(self, sid=owner, flags=INHERITED), *below]
        return [replace(self, flags=flags)]


@dataclass
class Descriptor:
    """Who owns an entry, and its own ACEs; inherited ones are found when they are needed."""

    owner: str
    group: str
    aces: list[Ace] = field(default_factory=list)
    protected: bool = False


@dataclass(frozen=True)
class Token:
    """Who is asking: the own SID first, then every group."""

    sids: tuple[str, ...]

    @property
    def own(self) -> str:
        """The caller's own SID."""
        return self.sids[0]

    @property
    def is_admin(self) -> bool:
        """Whether the caller is an administrator of the domain."""
        return ADMINISTRATORS in self.sids


def encode(descriptor: Descriptor, dacl: Iterable[Ace], parts: int) -> bytes:
    """Write the asked-for parts of a self-relative descriptor."""
    aces = [ace.encoded() for ace in dacl]
    body = b"".join(aces)
    acl = struct.pack("<BBHHH", 4, 0, 8 + len(body), len(aces), 0) + body
    control = 0x8000
    offsets = [0, 0, 0, 0]
    tail = b""
    if parts & OWNER_PART:
        offsets[0] = 20 + len(tail)
        tail += sid_bytes(descriptor.owner)
    if parts & GROUP_PART:
        offsets[1] = 20 + len(tail)
        tail += sid_bytes(descriptor.group)
    if parts & DACL_PART:
        control |= 0x0004 | 0x0400 | (0x1000 if descriptor.protected else 0)
        offsets[3] = 20 + len(tail)
        tail += acl
    return struct.pack("<BBHIIII", 1, 0, control, *offsets) + tail


def allowed(
    token: Token,
    descriptor: Descriptor,
    dacl: Iterable[Ace],
    own_sid: str | None,
    right: int,
    guids: Collection[uuid.UUID] = (),
) -> bool:
    """Decide one right on one entry; the first ACE that speaks about it decides, none means no.

    ``guids`` are the names under which the right may be given to a part (attribute, class, extended
    right). ``own_sid`` is the SID of the entry, for ACEs given to SELF.
    """
    if descriptor.owner in token.sids and right in (READ_CONTROL, WRITE_DACL):
        return True
    for ace in dacl:
        if ace.flags & INHERIT_ONLY or not ace.mask & right:
            continue
        if ace.sid not in token.sids and not (ace.sid == SELF and own_sid == token.own):
            continue
        if ace.object_type is not None and ace.object_type not in guids:
            continue
        return ace.allow
    return False
