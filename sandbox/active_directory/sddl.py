"""Security descriptors as text, which is how the schema keeps the default ACEs of a class (MS-DTYP 2.5.1)."""

from __future__ import annotations

import re
import uuid

from sandbox.active_directory.security import Ace

_RIGHTS = {
    "CC": 0x1, "DC": 0x2, "LC": 0x4, "SW": 0x8, "RP": 0x10, "WP": 0x20, "DT": 0x40, "LO": 0x80,
    "CR": 0x100, "SD": 0x10000, "RC": 0x20000, "WD": 0x40000, "WO": 0x80000,
    "GA": 0xF01FF, "GR": 0x20094, "GW": 0x20028,
}  # fmt: skip
_FLAGS = {"OI": 0x01, "CI": 0x02, "NP": 0x04, "IO": 0x08, "ID": 0x10}
_SIDS = {
    "WD": "S-1-1-0", "CO": "S-1-3-0", "PS": "S-1-5-10", "AU": "S-1-5-11", "SY": "S-1-5-18", "AO": "S-1-5-32-548",
}  # fmt: skip
_RIDS = {"DA": 512, "DU": 513}
_ACE = re.compile(r"\((O?[AD]);(\w*);(\w*);([\w-]*);([\w-]*);([\w-]*)\)")


def read(text: str, domain_sid: str) -> list[Ace]:
    """Read the ACEs of a DACL; KeyError for a word that is not known here."""
    return [
        Ace(
            _sid(trustee, domain_sid),
            sum(_RIGHTS[word] for word in re.findall("..", rights)),
            sum(_FLAGS[word] for word in re.findall("..", flags)),
            uuid.UUID(named) if named else None,
            uuid.UUID(applies_to) if applies_to else None,
            allow=kind.endswith("A"),
        )
        for kind, flags, rights, named, applies_to, trustee in _ACE.findall(text)
    ]


def _sid(trustee: str, domain_sid: str) -> str:
    if trustee.startswith("S-1-"):
        return trustee
    return _SIDS.get(trustee) or f"{domain_sid}-{_RIDS[trustee]}"
