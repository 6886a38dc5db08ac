"""One connection's requests: who is bound, what each one does, what the journal says of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.active_directory import messages
from sandbox.active_directory.accounts import Accounts
from sandbox.active_directory.directory import Directory
from sandbox.active_directory.messages import Message
from sandbox.active_directory.operations import Operations
from sandbox.active_directory.results import (
    AUTH_METHOD_NOT_SUPPORTED,
    OK,
    PROTOCOL_ERROR,
    WRONG_PASSWORD,
    Refusal,
    Result,
    bind_refused,
    not_bound,
)
from sandbox.active_directory.search import Searcher, refuse_unknown
from sandbox.active_directory.security import Token
from sandbox.active_directory.view import PERMISSIVE, TREE_DELETE

ROUTES = {
    messages.BIND: "bind", messages.SEARCH: "search", messages.ADD: "add",
    messages.MODIFY: "modify", messages.DELETE: "delete", messages.MODIFY_DN: "rename",
    messages.EXTENDED: "extended", messages.COMPARE: "compare",
}  # fmt: skip


@dataclass
class Domain:
    """What every connection shares. ``lock`` is held around each operation."""

    directory: Directory
    accounts: Accounts
    operations: Operations
    lock: threading.RLock


@dataclass
class Outcome:
    """What one request came to: the bytes to send, and what the journal may know."""

    sent: bytes
    result: Result
    who: str
    dn: str


class Session:
    """One connection. A refused bind leaves the identity before it, as Samba does."""

    def __init__(self, domain: Domain, replica: int) -> None:
        self._domain = domain
        self._replica = replica
        self._token: Token | None = None
        self._who = "anonymous"
        self._searcher = Searcher(domain.directory, domain.accounts, replica)
        self._actions: dict[int, Callable[[Message], None]] = {
            messages.ADD: self._add,
            messages.MODIFY: self._modify,
            messages.DELETE: self._delete,
            messages.MODIFY_DN: self._rename,
            messages.COMPARE: self._unknown,
            messages.EXTENDED: self._unknown,
        }

    def handle(self, message: Message) -> Outcome:
        """Do what one request asks; every refusal becomes an answer."""
        tag = message.operation.tag
        with self._domain.lock:
            if tag == messages.BIND:
                result, who, dn = self._bind(message)
                return Outcome(self._answer(message, result), result, who, dn)
            dn = _target(message)
            try:
                if tag == messages.SEARCH:
                    return self._search(message, dn)
                refuse_unknown(message)
                if self._token is None and tag != messages.EXTENDED:
                    raise not_bound()
                self._actions[tag](message)
                result = OK
            except Refusal as refusal:
                result = refusal.result
            return Outcome(self._answer(message, result), result, self._who, dn)

    def refuse(self, message: Message, result: Result) -> Outcome:
        """Answer without doing anything."""
        return Outcome(self._answer(message, result), result, self._who, _target(message))

    @staticmethod
    def _answer(message: Message, result: Result) -> bytes:
        return messages.answer(message.number, messages.ANSWERS[message.operation.tag], result)

    # -- bind ----------------------------------------------------------------------------------

    def _bind(self, message: Message) -> tuple[Result, str, str]:
        version, name, password = messages.read_bind(message.operation)
        if version not in (2, 3):
            return Result(PROTOCOL_ERROR, "000020A0: LdapErr: version", "000020A0"), name, ""
        if password is None:
            text = "00002027: LdapErr: only simple binds here"
            return Result(AUTH_METHOD_NOT_SUPPORTED, text, "00002027"), name, ""
        if not password:
            # A name without a password is an anonymous bind that succeeds: the classic trap.
            self._become(None, "anonymous")
            return OK, name or "anonymous", ""
        user = self._domain.directory.account(name)
        if user is None:
            return bind_refused(WRONG_PASSWORD), name, ""
        answer = self._domain.accounts.sign_in(user, password, self._replica)
        if answer.data is not None:
            return bind_refused(answer.data), name, str(user.dn)
        self._become(self._domain.directory.token(user), name)
        return OK, name, str(user.dn)

    def _become(self, token: Token | None, who: str) -> None:
        self._token, self._who = token, who
        self._searcher = Searcher(
            self._domain.directory, self._domain.accounts, self._replica, token
        )

    # -- the rest ------------------------------------------------------------------------------

    def _search(self, message: Message, dn: str) -> Outcome:
        request = messages.read_search(message.operation)
        try:
            answers = list(self._searcher.run(message, request))
        except Refusal as refusal:
            return Outcome(self._answer(message, refusal.result), refusal.result, self._who, dn)
        return Outcome(b"".join(answers), self._searcher.result, self._who, dn)

    def _caller(self) -> Token:
        if self._token is None:
            raise not_bound()
        return self._token

    def _add(self, message: Message) -> None:
        name, attributes = messages.read_add(message.operation)
        self._domain.operations.add(self._caller(), name, attributes, self._replica)

    def _modify(self, message: Message) -> None:
        name, changes = messages.read_modify(message.operation)
        self._domain.operations.modify(
            self._caller(), name, changes, self._replica, permissive=PERMISSIVE in message.controls
        )

    def _delete(self, message: Message) -> None:
        name = message.operation.text()
        self._domain.operations.delete(self._caller(), name, tree=TREE_DELETE in message.controls)

    def _rename(self, message: Message) -> None:
        name, rdn, above = messages.read_modify_dn(message.operation)
        self._domain.operations.rename(self._caller(), name, rdn, above)

    def _unknown(self, _message: Message) -> None:
        raise Refusal(PROTOCOL_ERROR, "0000203D", "LdapErr: not supported")


def _target(message: Message) -> str:
    """Return the name that a request is about, for the journal."""
    operation = message.operation
    if operation.tag == messages.DELETE:
        return operation.text()
    if operation.tag in (messages.BIND, messages.EXTENDED) or not operation.children:
        return ""
    return operation.children[0].text()
