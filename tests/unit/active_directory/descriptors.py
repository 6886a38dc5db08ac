"""A tiny writer of security descriptors, for tests of the reader."""

from __future__ import annotations

import struct

from connectors.active_directory.security_descriptor import Ace

_OBJECT_TYPES = {5, 6, 11, 12}


def write_sid(text: str) -> bytes:
    """Return the wire form of a SID (MS-DTYP 2.4.2.2)."""
    _, revision, authority, *parts = text.split("-")
    head = struct.pack("<BB", int(revision), len(parts)) + int(authority).to_bytes(6, "big")
    return head + b"".join(struct.pack("<I", int(part)) for part in parts)


def write_ace(ace: Ace) -> bytes:
    """Return the wire form of an entry (MS-DTYP 2.4.4)."""
    body = struct.pack("<I", ace.mask)
    if ace.kind in _OBJECT_TYPES:
        guids = (ace.object_type, ace.inherited_object_type)
        body += struct.pack("<I", sum(1 << i for i, guid in enumerate(guids) if guid))
        body += b"".join(guid.bytes_le for guid in guids if guid)
    body += write_sid(ace.sid)
    return struct.pack("<BBH", ace.kind, ace.flags, len(body) + 4) + body


def write_descriptor(aces: tuple[Ace, ...] | None, *, protected: bool = False) -> bytes:
    """Return a self-relative descriptor with this DACL; None writes the NULL DACL."""
    control = 0x9004 if protected else 0x8004
    if aces is None:
        return struct.pack("<BBHIIII", 1, 0, control, 0, 0, 0, 0)
    entries = b"".join(write_ace(ace) for ace in aces)
    acl = struct.pack("<BBHHH", 4, 0, len(entries) + 8, len(aces), 0) + entries
    return struct.pack("<BBHIIII", 1, 0, control, 0, 0, 0, 20) + acl
