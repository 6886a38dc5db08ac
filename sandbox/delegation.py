"""What the vendor has an administrator delegate to the Active Directory account, as entries in SDDL."""

from __future__ import annotations

USER = "bf967aba-0de6-11d0-a285-00aa003049e2"
CONTACT = "5cb41ed0-0e4c-11d0-a286-00aa003049e2"
GROUP = "bf967a9c-0de6-11d0-a285-00aa003049e2"
COMPUTER = "bf967a86-0de6-11d0-a285-00aa003049e2"
RESET = "00299570-246d-11d0-a768-00aa006e0529"
PWD_LAST_SET = "bf967a0a-0de6-11d0-a285-00aa003049e2"
MEMBER = "bf9679c0-0de6-11d0-a285-00aa003049e2"

VENDOR = (
    # First delegation: create, delete and manage users; reset and force a change; read; membership.
    f"(OA;CI;CCDC;{USER};;{{sid}})(OA;CIIO;GA;;{USER};{{sid}})"
    f"(OA;CIIO;CR;{RESET};{USER};{{sid}})(OA;CIIO;RPWP;{PWD_LAST_SET};{USER};{{sid}})"
    f"(OA;CIIO;RP;;{USER};{{sid}})(OA;CIIO;RPWP;{MEMBER};{GROUP};{{sid}})"
    # Second delegation: create and delete computers, contacts and groups. And read everything.
    f"(OA;CI;CCDC;{CONTACT};;{{sid}})(OA;CI;CCDC;{GROUP};;{{sid}})(OA;CI;CCDC;{COMPUTER};;{{sid}})"
    "(A;CI;RPLCLORC;;;{sid})"
)
"""What the two delegations of the vendor's article come to, as the delegation wizard writes it."""
