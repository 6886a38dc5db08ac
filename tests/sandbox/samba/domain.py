"""One domain controller that runs, as the tests of this folder see it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import ldap3
import pytest
from ldap3.core.exceptions import LDAPCommunicationError

from sandbox.samba import available
from sandbox.standin.ldap import verified_tls
from sandbox.standin.process import StandIn

NEEDS_SAMBA = [
    pytest.mark.samba,
    pytest.mark.skipif(available() is not None, reason=f"samba: {available()}"),
]

Config = dict[str, Any]


@dataclass
class Running:
    """One domain controller with the configuration it was started from."""

    standin: StandIn
    config: Config

    @contextmanager
    def bound(self, username: str, password: str) -> Iterator[ldap3.Connection]:
        """Yield a connection over verified TLS after one attempt to bind."""
        tls = verified_tls(self.config["ca_file"])
        server = ldap3.Server(self.standin.url, tls=tls, get_info=ldap3.NONE, connect_timeout=10)
        connection = ldap3.Connection(
            server, f"CORP\\{username}", password.encode(), receive_timeout=30, auto_referrals=False
        )
        try:
            connection.bind()
            yield connection
        finally:
            with suppress(LDAPCommunicationError):  # a fault may have ended it
                connection.unbind()
            if connection.socket is not None:
                connection.socket.close()

    def sign_in(self, username: str, password: str | None = None) -> str:
        """Bind once and return "success" or the directory's three digits for why not."""
        with self.bound(username, password or self.password(username)) as connection:
            said = connection.result
        return said["message"].partition("data ")[2][:3] or said["description"]

    def password(self, username: str) -> str:
        """Return the password that the configuration gave a user."""
        users = [*self.config["users"], self.config["administrator"]]
        return next(user["password"] for user in users if user["username"] == username)
