"""The connection account, and the test users that validation leaves or needs."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from connectors.entra.endpoints import (
    BINNED_USERS,
    CREATE_USER,
    DELETE_USER,
    FIND_USER,
    LIST_USERS,
    MODIFY_USER,
    READ_ACCOUNT,
)
from connectors.entra.graph import Graph, quoted
from connectors.entra.models import EntraAccount, EntraUser
from connectors.entra.polling import Timing, settled
from connectors.entra.settings import SYSTEM
from connectors.entra.shapes import Account, User
from connectors.errors import Conflict, InvalidInput, NotFound, RotationError
from connectors.secret import Secret

_log = logging.getLogger(__name__)

SHORTEST_PREFIX = 4
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
# What a test user may be changed in. Sign-in name, password and state are not among them.
PLAIN_ATTRIBUTES = frozenset(
    {"department", "displayName", "jobTitle", "officeLocation", "companyName", "city", "country"}
)


def read_account(graph: Graph, upn: str) -> EntraAccount:
    """Read the connection account. Raises NotFound, NotPermitted, Unreachable."""
    try:
        return graph.read(READ_ACCOUNT, Account, user=upn).noun()
    except NotFound as missing:
        problem = missing.sealed()
    problem.advice = (
        f"Correct the user name in Vault or the tenant in the inventory: {upn} is not a user here."
    )
    raise problem


def find_user(graph: Graph, upn: str) -> EntraUser | None:
    """Look for one user once; None when the directory does not show it (yet, or any more)."""
    try:
        return graph.read(FIND_USER, User, user=upn).noun()
    except NotFound:
        return None


def test_users(graph: Graph, domain: str, prefix: str) -> tuple[EntraUser, ...]:
    """List the users of this very domain whose name starts with the prefix, every page.

    Raises InvalidInput, before anything is sent, for a prefix under four characters or without a domain.
    """
    if len(prefix) < SHORTEST_PREFIX or not prefix.isprintable() or not domain:
        raise InvalidInput(
            SYSTEM,
            LIST_USERS.operation,
            prefix=prefix,
            domain=domain,
            advice=f"Give a domain and a prefix of at least {SHORTEST_PREFIX} characters.",
        )
    where = f"startsWith(userPrincipalName,{quoted(prefix)})"
    listed = (shape.noun() for shape in graph.pages(LIST_USERS, User, where=where))
    # NOTE: what is listed is deleted, so a filter that let others through must not be believed.
    return tuple(user for user in listed if _is_test_user(user, domain, prefix))


def deleted_user(graph: Graph, upn: str, display_name: str) -> EntraUser | None:
    """Look for a deleted user in the recycle bin, by the name it was shown under; the newest of several.

    There its UPN begins with its object id, so that the name is free again. Not tried on a real tenant.
    """
    where = f"startsWith(displayName,{quoted(display_name)})"
    found = [shape.noun() for shape in graph.pages(BINNED_USERS, User, where=where)]
    named = [
        user
        for user in found
        if user.upn.casefold().removeprefix(user.id.replace("-", "").casefold()) == upn.casefold()
    ]
    return max(named, key=lambda user: user.deleted or _LONG_AGO, default=None)


def _is_test_user(user: EntraUser, domain: str, prefix: str) -> bool:
    local, _, of = user.upn.casefold().rpartition("@")
    return of == domain.casefold() and local.startswith(prefix.casefold())


class Users:
    """Create, change and remove test users as the validator.

    A write's own answer is trusted; then reads are repeated until two in a row show it. A directory
    that has not caught up after two minutes is logged, not raised: the write happened.
    """

    def __init__(self, graph: Graph, timing: Timing) -> None:
        self._graph = graph
        self._timing = timing
        self._unseen: set[str] = set()  # created by us, and never visible to a reader

    def create(self, upn: str, display_name: str) -> EntraUser:
        """Create an enabled user with a random password that nobody keeps.

        Raises Conflict when the name is taken, Unknown when the answer was lost: look for the user.
        """
        body = {
            "accountEnabled": True,
            "displayName": display_name,
            "mailNickname": _nickname(upn),
            "userPrincipalName": upn,
            "passwordProfile": {
                "forceChangePasswordNextSignIn": False,
                "password": random_password().reveal(),
            },
        }
        try:
            user = self._graph.create(CREATE_USER, User, body).noun()
        except InvalidInput as refused:
            problem: RotationError = refused.sealed()
        else:
            if not self._wait("create user", lambda: find_user(self._graph, user.id) is not None):
                self._unseen.add(user.id)
            return user
        # Graph has one code for a bad request and for a name that is taken; the directory tells.
        if find_user(self._graph, upn) is not None:
            problem = Conflict(SYSTEM, CREATE_USER.operation, user=upn, reason="the name is taken")
        raise problem

    def modify(self, user_id: str, attributes: Mapping[str, str]) -> None:
        """Set plain attributes. Raises InvalidInput for any other, NotFound, Unreachable."""
        other = sorted(set(attributes) - PLAIN_ATTRIBUTES)
        if other or not attributes:
            raise InvalidInput(
                SYSTEM,
                MODIFY_USER.operation,
                user=user_id,
                attributes=" ".join(other) or "none",
                advice=f"Change one of {', '.join(sorted(PLAIN_ATTRIBUTES))}.",
            )
        self._graph.write(MODIFY_USER, dict(attributes), user=user_id)
        self._wait("modify user", lambda: self._shows(user_id, attributes))

    def delete(self, user_id: str) -> None:
        """Soft-delete the user; one that is already gone is success.

        It stays in the recycle bin for 30 days: no application may purge it. Raises Unknown when the
        answer was lost: look for the user, then delete it again.
        """
        if self._delete_once(user_id):
            return
        # "Not found" may only mean that this replica has not heard of a user that we made.
        for wait in self._timing.schedule if user_id in self._unseen else ():
            self._timing.sleep(wait)
            if self._delete_once(user_id):
                return

    def delete_listed(self, listed: Callable[[], tuple[EntraUser, ...]]) -> tuple[str, ...]:
        """Delete what is listed, until two lists in a row show nothing else; return the UPNs.

        Raises Unknown when the answer to a deletion was lost: call it again, it looks first.
        """
        gone: dict[str, str] = {}

        def nothing_left() -> bool:
            # A replica may go on showing what is deleted; that is not deleted twice.
            left = [user for user in listed() if user.id not in gone]
            for user in left:
                if self._delete_once(user.id):
                    gone[user.id] = user.upn
            return not left

        if not settled(nothing_left, self._timing):
            _log.warning("entra: delete test users: some are still listed")
        return tuple(gone.values())

    def _delete_once(self, user_id: str) -> bool:
        """Return False when the directory said that there is no such user."""
        try:
            self._graph.write(DELETE_USER, None, user=user_id)
        except NotFound:
            return False
        self._unseen.discard(user_id)
        self._wait("delete user", lambda: find_user(self._graph, user_id) is None)
        return True

    def _shows(self, user_id: str, attributes: Mapping[str, str]) -> bool:
        user = find_user(self._graph, user_id)
        if user is None:
            return False
        seen = {"department": user.department, "displayName": user.display_name}
        return all(seen.get(name, value) == value for name, value in attributes.items())

    def _wait(self, operation: str, seen: Callable[[], bool]) -> bool:
        def quietly() -> bool:
            try:
                return seen()
            except RotationError as error:
                # The change itself was answered; a read that fails must not make it look undone.
                _log.info("entra: %s: cannot be seen: %s", operation, type(error).__name__)
                return False

        visible = settled(quietly, self._timing)
        if not visible:
            _log.warning("entra: %s: done, but not visible to readers yet", operation)
        return visible


def random_password() -> Secret:
    """Return a password that satisfies Entra's rules and that nobody keeps."""
    return Secret(f"Aa1!{secrets.token_urlsafe(32)}")


def _nickname(upn: str) -> str:
    local = upn.partition("@")[0]
    return re.sub(r"[^A-Za-z0-9._-]", "", local)[:64] or "user"
