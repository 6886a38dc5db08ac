"""Active Directory as the console's service reaches it: a fresh LDAPS bind for everything it does."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import ldap3
from ldap3.core.exceptions import LDAPException
from ldap3.utils.dn import escape_rdn

from sandbox.cayosoft.problems import DirectoryRefused, DirectorySilent
from sandbox.cayosoft.records import Login
from sandbox.standin.ldap import verified_tls

_BIND_CODE = re.compile(r"\bdata ([0-9a-f]+)")
_NO_ANSWER = ("busy", "unavailable")


@dataclass(frozen=True)
class ActiveDirectory:
    """One domain. Every method signs in anew with the credential it is given."""

    url: str
    base_dn: str
    domain: str
    ca_file: str

    def sign_in(self, login: Login) -> None:
        """Bind once; raise DirectoryRefused with the sub-code (52e, 775, ...)."""
        with self._bound(login):
            pass

    def create_user(
        self, login: Login, container: str, username: str, description: str | None, password: str
    ) -> str:
        """Create an enabled user and return its DN."""
        dn = f"CN={escape_rdn(username)},{container}"
        attributes = {
            "sAMAccountName": username,
            "userPrincipalName": f"{username}@{self.domain}",
            "userAccountControl": "512",
            "unicodePwd": _quoted(password),
        } | ({"description": description} if description else {})
        classes = ["top", "person", "organizationalPerson", "user"]
        with self._bound(login) as connection:
            connection.add(dn, classes, attributes)  # type: ignore[no-untyped-call]
            _demand_success(connection.result)
        return dn

    def set_password(self, login: Login, dn: str, password: str) -> None:
        """Reset a user's password."""
        self.modify(login, dn, {"unicodePwd": _quoted(password)})

    def modify(self, login: Login, dn: str, attributes: Mapping[str, str | bytes]) -> None:
        """Replace attributes; an empty text takes the attribute away."""
        changes = {
            name: [(ldap3.MODIFY_REPLACE, [value] if value else [])]
            for name, value in attributes.items()
        }
        with self._bound(login) as connection:
            connection.modify(dn, changes)  # type: ignore[no-untyped-call]
            _demand_success(connection.result)

    def delete(self, login: Login, dn: str) -> None:
        """Delete a user; one that is gone is fine."""
        with self._bound(login) as connection:
            connection.delete(dn)  # type: ignore[no-untyped-call]
            if connection.result["description"] != "noSuchObject":
                _demand_success(connection.result)

    @contextlib.contextmanager
    def _bound(self, login: Login) -> Iterator[ldap3.Connection]:
        tls = verified_tls(self.ca_file)
        server = ldap3.Server(self.url, tls=tls, connect_timeout=5, get_info=ldap3.NONE)
        connection = ldap3.Connection(
            server,
            user=login.account,
            # As bytes: ldap3 changes some texts on the way.
            password=login.password.encode(),  # type: ignore[arg-type]
            authentication=ldap3.SIMPLE,
            receive_timeout=20,
            auto_referrals=False,
        )
        try:
            if not connection.bind():
                code = _BIND_CODE.search(connection.result["message"] or "")
                if connection.result["description"] in _NO_ANSWER:
                    raise DirectorySilent(self.url)
                raise DirectoryRefused(code[1] if code else connection.result["description"])
            yield connection
        except LDAPException:
            silent = True
        else:
            silent = False
        finally:
            with contextlib.suppress(LDAPException, OSError):
                connection.unbind()
        if silent:
            raise DirectorySilent(self.url)


def _demand_success(result: Mapping[str, Any]) -> None:
    if result["description"] in _NO_ANSWER:
        raise DirectorySilent(result["description"])
    if result["result"] != 0:
        raise DirectoryRefused(result["description"])


def _quoted(password: str) -> bytes:
    return f'"{password}"'.encode("utf-16-le")
