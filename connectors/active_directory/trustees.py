"""Find the name by which a person knows a SID."""

from __future__ import annotations

from connectors.active_directory.session import Session
from connectors.active_directory.values import Entry
from connectors.errors import RotationError

_WELL_KNOWN = {
    "S-1-1-0": "Everyone",
    "S-1-3-0": "CREATOR OWNER",
    "S-1-5-10": "SELF",
    "S-1-5-11": "Authenticated Users",
}


def name_of(session: Session, root: Entry, sid: str) -> str:
    """Return the name of who a SID is; the SID itself where the directory does not tell."""
    if sid in _WELL_KNOWN:
        return _WELL_KNOWN[sid]
    base = root.text("defaultNamingContext")
    if not base:
        return sid
    raw = "".join(f"\\{byte:02x}" for byte in sid_bytes(sid))
    query = f"(objectSid={raw})"
    try:
        found, _ = session.search(base, query, ("sAMAccountName",), "name a trustee")
    except RotationError:
        return sid
    names = [name for entry in found if (name := entry.text("sAMAccountName"))]
    return names[0] if len(names) == 1 else sid


def sid_bytes(sid: str) -> bytes:
    """Return a SID in its wire form (MS-DTYP 2.4.2.2)."""
    revision, authority, *parts = (int(part) for part in sid.split("-")[1:])
    head = bytes((revision, len(parts))) + authority.to_bytes(6, "big")
    return head + b"".join(part.to_bytes(4, "little") for part in parts)
