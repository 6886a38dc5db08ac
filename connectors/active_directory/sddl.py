"""Read the part of SDDL (MS-DTYP 2.5.1) that a class's default security descriptor is written in."""

from __future__ import annotations

import re
import uuid

from connectors.active_directory.security_descriptor import Ace

_KINDS = {"A": 0, "D": 1, "OA": 5, "OD": 6, "XA": 9, "XD": 10, "ZA": 11}
_RIGHTS = {
    "CC": 0x1, "DC": 0x2, "LC": 0x4, "SW": 0x8, "RP": 0x10, "WP": 0x20, "DT": 0x40, "LO": 0x80,
    "CR": 0x100, "SD": 0x10000, "RC": 0x20000, "WD": 0x40000, "WO": 0x80000,
    "GA": 0x10000000, "GX": 0x20000000, "GW": 0x40000000, "GR": 0x80000000,
}  # fmt: skip
_FLAGS = {"OI": 0x1, "CI": 0x2, "NP": 0x4, "IO": 0x8, "ID": 0x10}
_WELL_KNOWN = {
    "WD": "S-1-1-0", "CO": "S-1-3-0", "ED": "S-1-5-9", "PS": "S-1-5-10", "AU": "S-1-5-11",
    "SY": "S-1-5-18", "BA": "S-1-5-32-544", "BU": "S-1-5-32-545", "AO": "S-1-5-32-548",
    "SO": "S-1-5-32-549", "PO": "S-1-5-32-550", "RU": "S-1-5-32-554",
}  # fmt: skip
_OF_DOMAIN = {"DA": 512, "DU": 513, "DG": 514, "DC": 515, "DD": 516, "CA": 517, "RS": 553}
_DACL = re.compile(r"D:[A-Z]*((?:\([^()]*\))*)")
_ACE = re.compile(r"\(([^()]*)\)")


def parse_sddl_dacl(text: str, domain_sid: str) -> tuple[Ace, ...]:
    """Return the DACL's entries in order; entries for principals that have no fixed SID are left out."""
    dacl = _DACL.search(text)
    if dacl is None:
        return ()
    entries = (_ace(found[1].split(";"), domain_sid) for found in _ACE.finditer(dacl[1]))
    return tuple(entry for entry in entries if entry is not None)


def _ace(fields: list[str], domain_sid: str) -> Ace | None:
    if len(fields) < 6:
        return None
    kind, flags, rights, thing, inherited, trustee = fields[:6]
    sid = _sid(trustee, domain_sid)
    if kind not in _KINDS or sid is None:
        return None
    try:
        mask, flag_bits = _sum(rights, _RIGHTS), _sum(flags, _FLAGS)
        things = (_guid(thing), _guid(inherited))
    except (KeyError, ValueError):
        return None
    return Ace(_KINDS[kind], flag_bits, mask, sid, *things)


def _sid(alias: str, domain_sid: str) -> str | None:
    if alias.startswith("S-1-"):
        return alias
    if alias in _OF_DOMAIN:
        return f"{domain_sid}-{_OF_DOMAIN[alias]}"
    return _WELL_KNOWN.get(alias)


def _sum(text: str, codes: dict[str, int]) -> int:
    """Add up two-letter codes, or read a hexadecimal number; raise KeyError or ValueError otherwise."""
    if text.lower().startswith("0x"):
        return int(text, 16)
    bits = 0
    for start in range(0, len(text), 2):
        bits |= codes[text[start : start + 2]]
    return bits


def _guid(text: str) -> uuid.UUID | None:
    return uuid.UUID(text) if text else None
