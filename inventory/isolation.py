"""The vendor's isolation rules: an account belongs to one connection of one service, and never to Guardian too.

Names are compared in all their forms without asking a directory. Where two names cannot be told
apart for certain, they are taken for the same account: sharing one breaks the other service silently.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from inventory.document import Document, Loc
from inventory.problems import Problem

_FIX = "Give each connection of each service an account of its own."
_GUARDIAN_FIX = "Give Guardian an account of its own, and remove this one from one of the two."


@dataclass(frozen=True, slots=True)
class _Account:
    """One use of an account. ``place`` is the directory, None when any could be meant."""

    loc: Loc
    connection: Loc  # guardian's: ("guardian",)
    in_entra: bool
    place: str | None
    local: str  # the name without its domain
    upn: str | None
    exact: bool  # whether ``local`` is a sAMAccountName rather than the first part of some UPN

    def same(self, other: _Account) -> bool:
        """Say whether both names may mean the same account."""
        if self.upn and self.upn == other.upn:
            return True
        if self.in_entra or other.in_entra or self.local != other.local:
            return False
        if self.place and other.place and self.place != other.place:
            return False
        return self.exact or other.exact


def shared_accounts(document: Document) -> Iterator[Problem]:
    """Yield each use of an account that another connection, or Guardian, uses already."""
    by_name: defaultdict[str, list[_Account]] = defaultdict(list)
    for account in _accounts(document):
        by_name[account.local].append(account)
    for accounts in by_name.values():
        # In the order of the file, so that the later use is the one reported; Guardian's go first.
        ordered = sorted(accounts, key=lambda a: (a.connection != ("guardian",), a.loc))
        reported = set()
        for first, second in combinations(ordered, 2):
            if second.loc not in reported and first.same(second):
                reported.add(second.loc)
                yield _shared(document, first, second)


def _shared(document: Document, first: _Account, second: _Account) -> Problem:
    loc = (*second.loc, "username")
    line = document.line((*first.loc, "username"))
    if first.connection == ("guardian",):
        if second.connection == first.connection:
            return document.problem(
                loc, f"is listed in line {line} already", "Remove one of the two."
            )
        message = (
            f"is an account of Cayosoft Guardian (line {line}), and the vendor forbids sharing it"
        )
        return document.problem(loc, message, _GUARDIAN_FIX)
    if first.connection == second.connection:
        return document.problem(
            loc, f"is the same account as in line {line}", "Name two accounts that take turns."
        )
    where = document.field(first.connection)
    message = f"is the account of {where} (line {line}) too"
    parties = {document.text(*a.connection, "rotated_by") for a in (first, second)}
    if parties == {"vault", "orchestrator"}:
        message += ", and vault and orchestrator would both change its password"
    return document.problem(loc, message, _FIX)


def _accounts(document: Document) -> Iterator[_Account]:
    domains = _domains(document)
    for connection in document.connections():
        in_entra = document.text(*connection, "extension") == "microsoft_365"
        home = None if in_entra else document.text(*connection, "directory")
        for loc in document.each(*connection, "accounts"):
            if username := document.text(*loc, "username"):
                yield _account(loc, connection, username, domains, in_entra=in_entra, home=home)
    for loc in document.each("guardian", "accounts"):
        if username := document.text(*loc, "username"):
            yield _account(loc, ("guardian",), username, domains, in_entra=False, home=None)


def _domains(document: Document) -> dict[str, str]:
    """Return the directory of each DNS domain, and of its first label, the usual NetBIOS name."""
    known: dict[str, str] = {}
    for loc in document.each("directories"):
        domain, name = document.text(*loc, "domain"), document.text(*loc, "name")
        if domain and name:
            known[domain.casefold()] = name
            known.setdefault(domain.casefold().partition(".")[0], name)
    return known


def _account(
    loc: Loc,
    connection: Loc,
    username: str,
    domains: dict[str, str],
    *,
    in_entra: bool,
    home: str | None,
) -> _Account:
    folded = username.casefold()
    if "@" in folded and "\\" not in folded:
        local, _, suffix = folded.rpartition("@")
        implicit = domains.get(suffix) if "." in suffix else None
        place = None if in_entra else implicit or home
        return _Account(loc, connection, in_entra, place, local, folded, bool(implicit))
    prefix, backslash, local = folded.rpartition("\\")
    place = (domains.get(prefix) if backslash else None) or home
    return _Account(loc, connection, in_entra, place, local, None, exact=True)
