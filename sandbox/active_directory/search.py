"""Searches: scope, filter, paging and size limits, as one connection's caller."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from sandbox.active_directory import ber, messages, names
from sandbox.active_directory.accounts import Accounts
from sandbox.active_directory.directory import Directory, Entry
from sandbox.active_directory.messages import Message, SearchRequest
from sandbox.active_directory.results import (
    OK,
    OPERATIONS_ERROR,
    PROTOCOL_ERROR,
    SIZE_LIMIT_EXCEEDED,
    UNAVAILABLE_CRITICAL_EXTENSION,
    Refusal,
    Result,
    no_such_object,
    not_bound,
)
from sandbox.active_directory.security import Token
from sandbox.active_directory.view import (
    CONTROLS,
    DOMAIN_SCOPE,
    PAGED,
    SD_FLAGS,
    View,
    root,
    select_root,
)

_LARGEST_PAGE = 1000
_IGNORED = {"2.16.840.1.113730.3.4.2"}  # ManageDsaIT


@dataclass
class Searcher:
    """The searches of one connection; it remembers the pages that are still to come."""

    directory: Directory
    accounts: Accounts
    replica: int
    token: Token | None = None
    result: Result = OK  # of the last search
    _pages: dict[bytes, list[Entry]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def run(self, message: Message, request: SearchRequest) -> Iterator[bytes]:
        """Return the messages that answer a search."""
        self.result = OK
        refuse_unknown(message)
        flags = message.controls.get(SD_FLAGS)
        number = message.number
        if not request.base and request.scope == messages.BASE:
            yield from self._root(number, request)
            return
        if self.token is None:
            raise not_bound()
        sd_flags = None if flags is None else read_flags(flags[1])
        view = View(self.directory, self.accounts, self.token, self.replica, sd_flags)
        controls = b""
        paged = PAGED in message.controls
        size, cookie = 0, b""
        if paged:
            size, cookie = messages.read_paging(message.controls[PAGED][1])
        if cookie:
            if cookie not in self._pages:
                raise Refusal(OPERATIONS_ERROR, "00000057", "LdapErr: not a cookie of ours")
            found = self._pages.pop(cookie)
        else:
            found = self._find(view, request)
        limit = min(request.size_limit or _LARGEST_PAGE, _LARGEST_PAGE)
        if paged:
            page = min(size or _LARGEST_PAGE, _LARGEST_PAGE)
            found, rest = found[:page], found[page:]
            controls = messages.paging(self._keep(rest) if rest and size else b"")
        elif len(found) > limit:
            found = found[:limit]
            self.result = Result(SIZE_LIMIT_EXCEEDED, "", None)
        for entry in found:
            attributes = view.select(entry, request.attributes)
            yield messages.entry(number, str(entry.dn), attributes, types_only=request.types_only)
        if not cookie and self._crosses(message, request):
            url = f"ldaps://{self.directory.domain}/{self.directory.configuration}"
            yield messages.reference(number, url)
        yield messages.answer(number, messages.ANSWERS[messages.SEARCH], self.result, controls)

    def _root(self, number: int, request: SearchRequest) -> Iterator[bytes]:
        found = root(self.directory, self.token, self.replica)
        attributes = select_root(found, request.attributes)
        yield messages.entry(number, "", attributes, types_only=request.types_only)
        yield messages.answer(number, messages.ANSWERS[messages.SEARCH], OK)

    def _keep(self, rest: list[Entry]) -> bytes:
        cookie = f"page-{next(self._numbers)}".encode()
        self._pages[cookie] = rest
        return cookie

    def _crosses(self, message: Message, request: SearchRequest) -> bool:
        """Whether the search covers the place where another naming context begins."""
        if request.scope == messages.BASE or DOMAIN_SCOPE in message.controls:
            return False
        return names.parse(request.base).key == self.directory.base.key

    def _find(self, view: View, request: SearchRequest) -> list[Entry]:
        dn = names.parse(request.base)
        if not dn.is_under(self.directory.base):
            raise no_such_object(dn)
        top = self.directory.get(dn)
        if not view.visible(top):
            raise no_such_object(dn, dn.parent)
        if request.scope == messages.BASE:
            among: Iterator[Entry] = iter([top])
        elif request.scope == messages.ONE:
            among = self.directory.children(dn)
        elif request.scope == messages.SUBTREE:
            among = self.directory.below(dn)
        else:
            raise Refusal(PROTOCOL_ERROR, "00000057", "LdapErr: unknown scope")
        if request.scope != messages.BASE and "tokengroups" in map(str.lower, request.attributes):
            # The real directory computes it for one named object only.
            raise Refusal(OPERATIONS_ERROR, "00002020", "SvcErr: tokenGroups needs a base search")
        return [
            entry for entry in among if view.visible(entry) and request.filter(view.matched(entry))
        ]


def refuse_unknown(message: Message) -> None:
    """Raise result 12 when a critical control is not known."""
    for oid, (critical, _) in message.controls.items():
        if critical and oid not in CONTROLS and oid not in _IGNORED:
            text = f"LdapErr: unknown critical control {oid}"
            raise Refusal(UNAVAILABLE_CRITICAL_EXTENSION, "00002040", text)


def read_flags(value: bytes) -> int:
    """Read the security descriptor flags control; an empty value means every part."""
    return ber.decode_all(value).parts(1, 1)[0].integer() if value else 15
