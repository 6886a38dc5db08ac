"""Accounts that are delegated in every way that trips a prediction up, each in a place of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.delegation import (
    COMPUTER,
    CONTACT,
    GROUP,
    RESET,
    USER,
    VENDOR,
)

DESCRIPTION = "bf967950-0de6-11d0-a285-00aa003049e2"
PUBLIC_INFORMATION = "e48d0154-bcf8-11d1-8702-00c04fb96050"
ACCOUNT_RESTRICTIONS = "4c164200-20c0-11d0-a768-00aa006e0529"
MEMBERSHIP = "bc0ac240-79a9-11d0-9020-00c04fc2d4cf"


@dataclass(frozen=True)
class Case:
    """One account and what was given to it, or kept from it, in its place (None: the whole domain).

    ``above`` is what the unit above the place holds; ``trustee`` is whom the entries name, if not the account.
    """

    entries: str = ""
    above: str = ""
    trustee: str | None = None
    whole_domain: bool = False
    blocks: bool = False


CASES: Mapping[str, Case] = {
    "vendor": Case(VENDOR, whole_domain=True),
    "nothing": Case(whole_domain=True),
    "nested": Case(VENDOR, trustee="D Outer"),
    "primary": Case(
        f"(OA;CI;CC;{USER};;{{sid}})(OA;CIIO;CR;{RESET};{USER};{{sid}})", trustee="Domain Users"
    ),
    # A denial comes before what allows, also of a whole property set, and of one class only.
    "denied": Case(
        VENDOR
        + f"(OD;CIIO;CR;{RESET};{USER};{{sid}})(OD;CIIO;WP;{PUBLIC_INFORMATION};{USER};{{sid}})"
        f"(OD;CI;DC;{GROUP};;{{sid}})"
    ),
    # Rights under a property set, under an attribute, and every extended right at once.
    "sets": Case(
        f"(OA;CIIO;RPWP;{PUBLIC_INFORMATION};{USER};{{sid}})(OA;CIIO;WP;{ACCOUNT_RESTRICTIONS};{USER};{{sid}})"
        f"(OA;CIIO;WP;{MEMBERSHIP};{GROUP};{{sid}})(A;CIIO;CR;;;{{sid}})"
    ),
    # Entries that are there and do not apply: object-inherit, one level only, below only, another class.
    "flags": Case(
        f"(OA;OI;CC;{USER};;{{sid}})(OA;CINP;CC;{CONTACT};;{{sid}})(OA;CIIO;CC;{GROUP};;{{sid}})"
        f"(OA;;CC;{COMPUTER};;{{sid}})(OA;CIIO;CR;{RESET};{GROUP};{{sid}})"
        f"(OA;CIIONP;RPWP;;{USER};{{sid}})(A;;WP;;;{{sid}})(OA;OIIO;SD;;{USER};{{sid}})"
    ),
    # DELETE on the object or DELETE_CHILD on the container; the denial that a protected unit leaves above it.
    "deletes": Case(
        f"(OA;CIIO;SD;;{USER};{{sid}})(OA;CI;DC;{CONTACT};;{{sid}})(OA;CIIO;SD;;{COMPUTER};{{sid}})"
        f"(OA;CI;DC;{COMPUTER};;{{sid}})(OD;CIIO;SD;;{GROUP};{{sid}})(OA;CIIO;WP;{DESCRIPTION};{USER};{{sid}})"
        "(D;;DC;;;WD)"
    ),
    "deletes-child": Case(
        f"(OA;CI;DC;{USER};;{{sid}})(OD;CIIO;SD;;{USER};{{sid}})(OA;CIIO;SD;;{GROUP};{{sid}})"
        f"(OD;CI;DC;{GROUP};;{{sid}})"
    ),
    # What is nearer comes first: a grant here outweighs a denial from above, and the other way round.
    "outweighed": Case(
        f"(OA;CI;CC;{USER};;{{sid}})(OA;CIIO;CR;{RESET};{USER};{{sid}})(OD;CI;DC;{USER};;{{sid}})",
        above=f"(OD;CI;CC;{USER};;{{sid}})(OD;CIIO;CR;{RESET};{USER};{{sid}})(OA;CI;DC;{USER};;{{sid}})",
    ),
    "blocked": Case(above=VENDOR, blocks=True),
    # What is given to creators reaches what the account itself creates, and nothing else.
    "owner": Case(
        f"(OA;CI;CC;{USER};;{{sid}})(OA;CIIO;CR;{RESET};{USER};CO)"
        f"(OA;CIIO;WP;{DESCRIPTION};{USER};CO)(A;CIIO;SD;;;CO)"
    ),
    # Nothing of its own, denials from above, and a protected unit below: what advice must get around.
    "advised": Case(
        "(D;;DC;;;WD)",
        above=f"(OD;CI;CCDC;{USER};;{{sid}})(OD;CIIO;CR;{RESET};{USER};{{sid}})"
        f"(OD;CIIO;WP;;{USER};{{sid}})",
    ),
    # The descriptor may not be read.
    "dark": Case("(D;;RC;;;{sid})"),
}

ACCOUNTS = tuple(f"svc-d-{name}" for name in CASES)


def account(name: str) -> str:
    """Return the account of a case."""
    return f"svc-d-{name}"


def unit(name: str) -> str:
    """Return where a case's entries are, or, where that is the whole domain, a unit below its head."""
    return f"OU=D {name},{above(name)}"


def above(name: str) -> str:
    """Return the unit above it."""
    return f"OU=Above {name}"


UNITS = [u for name in CASES for u in (above(name), unit(name), f"OU=Below,{unit(name)}")]
GROUPS: list[dict[str, Any]] = [
    {"name": "D Inner", "members": [account("nested")]},
    {"name": "D Outer", "members": ["D Inner"]},
]


def _entries(name: str, case: Case) -> list[dict[str, Any]]:
    trustee = case.trustee or account(name)
    place = "" if case.whole_domain else unit(name)
    found = []
    if case.above:
        found.append({"container": above(name), "sddl": case.above, "trustee": trustee})
    if case.entries or case.blocks:
        entry = {"container": place, "sddl": case.entries, "trustee": trustee}
        found.append({**entry, "protect": case.blocks})
    return found


ENTRIES = [entry for name, case in CASES.items() for entry in _entries(name, case)]
