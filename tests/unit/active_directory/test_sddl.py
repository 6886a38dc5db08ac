"""SDDL, as far as a class's default descriptor needs it."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from connectors.active_directory.sddl import parse_sddl_dacl
from connectors.active_directory.security_descriptor import Ace

DOMAIN = "S-1-5-21-1-2-3"


def test_default_of_users():
    """Aliases become SIDs, rights become bits, GUIDs stay with their entry."""
    guid = "00299570-246d-11d0-a768-00aa006e0529"
    text = f"D:AI(A;;RPWPCR;;;DA)(OA;CIIO;CR;{guid};;AO)(D;;0x10000;;;S-1-5-7)S:(AU;SA;WP;;;WD)"

    assert (
        Ace(0, 0, 0x130, f"{DOMAIN}-512"),
        Ace(5, 0xA, 0x100, "S-1-5-32-548", uuid.UUID(guid)),
        Ace(1, 0, 0x10000, "S-1-5-7"),
    ) == parse_sddl_dacl(text, DOMAIN)


def test_unknown_parts():
    """Entries with an alias, right or kind that is not known are left out, the others stay."""
    text = "D:(A;;CC;;;QQ)(A;;QQ;;;DA)(Q;;CC;;;DA)(A;;CC)(OA;;CC;no-guid;;DA)(A;;CC;;;SY)"

    assert (Ace(0, 0, 1, "S-1-5-18"),) == parse_sddl_dacl(text, DOMAIN)


@given(st.text(alphabet="D:(A;)CSYx0-1", max_size=60))
def test_any_text(text: str):
    """No text makes it fail."""
    parse_sddl_dacl(text, DOMAIN)
