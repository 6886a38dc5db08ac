"""One connection to one controller, for one job: every answer judged, nothing of ldap3 let out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self

import ldap3
from ldap3.protocol.microsoft import security_descriptor_control

from connectors.active_directory import errors, refusals
from connectors.active_directory.errors import SIZE_LIMIT_EXCEEDED, SUCCESS
from connectors.active_directory.values import Entry
from connectors.errors import NotFound
from connectors.models import Credential

_log = logging.getLogger(__name__)

_DACL_ONLY = 4  # without this control a plain user gets no descriptor at all, and no error
_ANYTHING = "(objectClass=*)"
_USER_CLASSES = ["top", "person", "organizationalPerson", "user"]

Values = Mapping[str, Sequence[str | bytes]]


class Session:
    """Operations over one connection. ``where`` is the controller; close it, or use it in ``with``.

    Every method raises an error of ``connectors.errors`` only. A change whose answer is lost is Unknown.
    """

    def __init__(self, connection: ldap3.Connection, where: str, directory: str) -> None:
        self._connection = connection
        self.where = where
        self._identifiers = {"directory": directory, "controller": where}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Session({self.where})"

    def close(self) -> None:
        """End the session; a connection that is already gone is success."""
        try:
            self._connection.unbind()
        except Exception:  # noqa: BLE001 - whatever it is, nothing can be lost by it any more
            _log.debug("active directory: connection was gone: controller=%s", self.where)
        if self._connection.socket is not None:
            self._connection.socket.close()

    def bind(self, credential: Credential, name: str, operation: str) -> None:
        """Sign in, with exactly one bind; raise SignInRefused with the reason, or Unreachable."""
        connection = self._connection
        connection.user = name
        # Bytes: ldap3 would change a text password by SASLprep, and it would be refused.
        connection.password = credential.password.reveal_bytes()
        connection.authentication = ldap3.SIMPLE
        try:
            answer = self._exchange(
                operation,
                lambda: connection.bind(read_server_info=False),
                changes=False,
                account=credential.username,
                secret=credential.handle,
            )
        finally:
            connection.password = None
        if answer["result"] != SUCCESS:
            raise refusals.from_bind(
                answer["result"],
                answer["message"],
                operation,
                account=credential.username,
                secret=credential.handle,
                **self._identifiers,
            )

    def read(
        self, dn: str, attributes: Sequence[str], operation: str, *, dacl: bool = False
    ) -> Entry:
        """Read one object, an empty DN being the rootDSE; raise NotFound when it is not there."""
        controls = security_descriptor_control(sdflags=_DACL_ONLY) if dacl else None
        entries, _ = self._search(
            dn, ldap3.BASE, _ANYTHING, attributes, operation=operation, controls=controls
        )
        if entries:
            return entries[0]
        raise NotFound(errors.SYSTEM, operation, dn=dn, **self._identifiers)

    def search(
        self,
        base: str,
        query: str,
        attributes: Sequence[str],
        operation: str,
        scope: Literal["LEVEL", "SUBTREE"] = "SUBTREE",
    ) -> tuple[tuple[Entry, ...], bool]:
        """Return the entries found, and whether that is all of them."""
        return self._search(base, scope, query, attributes, operation=operation, controls=None)

    def _search(
        self,
        base: str,
        scope: Literal["BASE", "LEVEL", "SUBTREE"],
        query: str,
        attributes: Sequence[str],
        *,
        operation: str,
        controls: Any,
    ) -> tuple[tuple[Entry, ...], bool]:
        connection = self._connection
        answer = self._exchange(
            operation,
            lambda: connection.search(
                base, query, scope, attributes=list(attributes), controls=controls
            ),
            changes=False,
            base=base,
        )
        if answer["result"] not in {SUCCESS, SIZE_LIMIT_EXCEEDED}:
            raise errors.from_result(
                answer["result"], answer["message"], operation,
                changes=False, base=base, **self._identifiers,
            )  # fmt: skip
        entries = tuple(
            Entry(
                found["dn"],
                {name.lower(): tuple(v) for name, v in found["raw_attributes"].items()},
            )
            # At a domain's root there are referrals among the entries.
            for found in connection.response or ()
            if found["type"] == "searchResEntry"
        )
        return entries, answer["result"] == SUCCESS

    def add_user(self, dn: str, values: Values, operation: str) -> None:
        """Add a user object."""
        content = {name: list(value) for name, value in values.items()}
        add: Callable[..., object] = self._connection.add
        self._change(operation, dn, lambda: add(dn, _USER_CLASSES, content))

    def replace(self, dn: str, values: Values, operation: str) -> None:
        """Replace attributes in one request: all of them or none."""
        changes = {name: [(ldap3.MODIFY_REPLACE, list(v))] for name, v in values.items()}
        modify: Callable[..., object] = self._connection.modify
        self._change(operation, dn, lambda: modify(dn, changes))

    def delete(self, dn: str, operation: str) -> None:
        """Delete one object without children."""
        delete: Callable[..., object] = self._connection.delete
        self._change(operation, dn, lambda: delete(dn))

    def _change(self, operation: str, dn: str, request: Callable[[], object]) -> None:
        answer = self._exchange(operation, request, changes=True, dn=dn)
        if answer["result"] != SUCCESS:
            raise errors.from_result(
                answer["result"], answer["message"], operation,
                changes=True, dn=dn, **self._identifiers,
            )  # fmt: skip

    def _exchange(
        self, operation: str, request: Callable[[], Any], *, changes: bool, **identifiers: object
    ) -> Mapping[str, Any]:
        """Send one request and return the controller's result."""
        _log.debug("active directory: %s: controller=%s", operation, self.where)
        try:
            request()
        except Exception as error:  # noqa: BLE001 - a broken answer makes ldap3's decoder raise anything
            problem = errors.from_exception(
                error, operation, changes=changes, **identifiers, **self._identifiers
            )
        else:
            result = self._connection.result
            if isinstance(result, dict) and isinstance(result.get("result"), int):
                return result
            problem = errors.from_exception(
                ValueError(), operation, changes=changes, **identifiers, **self._identifiers
            )
        # Raised out here so that no exception of ldap3, whose frames hold requests, hangs on as context.
        raise problem
