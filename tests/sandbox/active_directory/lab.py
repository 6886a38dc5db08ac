"""A directory under test with what the tests need to talk to it: unmodified ldap3, users, answers."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import ldap3

from sandbox.standin.ldap import verified_tls
from sandbox.standin.process import StandIn

BASE = "DC=corp,DC=example,DC=test"
MANAGED = f"OU=Validation,{BASE}"
OTHER = f"OU=Other,{BASE}"
SERVICE = f"OU=Service Accounts,{BASE}"
ADMINISTRATOR = "Administrator@corp.example.test"
RIGHTS = {
    "svc-full": ["create users", "reset passwords", "write user attributes", "delete users"],
    "svc-create": ["create users"],
    "svc-reset": ["reset passwords"],
    "svc-write": ["write user attributes"],
    "svc-delete": ["delete users"],
    "plain": [],
}
Answer = tuple[int, str]


def quoted(password: str) -> bytes:
    """Return the form in which unicodePwd takes a password."""
    return f'"{password}"'.encode("utf-16-le")


def replaced(value: str | bytes) -> list[tuple[str, list[str | bytes]]]:
    """Return the change that replaces an attribute's values by one."""
    return [(ldap3.MODIFY_REPLACE, [value])]


def answer(connection: ldap3.Connection) -> Answer:
    """Return result code and machine code of the last operation; the data code of a bind."""
    said = connection.result
    if said["type"] == "bindResponse":
        found = re.search(r"data ([0-9a-f]+)", said["message"])
        return said["result"], found[1] if found else ""
    leading = re.match(r"[0-9A-F]{8}", said["message"])
    return said["result"], leading[0] if leading and said["result"] else ""


@dataclass
class User:
    """A user made for one test."""

    dn: str
    username: str
    password: str

    @property
    def upn(self) -> str:
        """The name that it signs in with."""
        return f"{self.username}@corp.example.test"


@dataclass
class Lab:
    """One running directory. ``real`` when it is Samba."""

    standin: StandIn
    ca_file: str
    passwords: dict[str, str]
    new_password: Callable[[], str]
    real: bool = False
    _held: dict[str, Any] = field(default_factory=dict)
    _closing: ExitStack = field(default_factory=ExitStack)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def server(self, url: str | None = None) -> ldap3.Server:
        """Return where to connect, with verified TLS."""
        tls = verified_tls(self.ca_file)
        target = url or self.standin.url
        return ldap3.Server(target, tls=tls, get_info=ldap3.NONE, connect_timeout=10)

    @contextmanager
    def connected(self, name: str | None = None, password: str = "", url: str | None = None) -> Any:
        """Yield a connection after one attempt to bind, successful or not."""
        connection = ldap3.Connection(
            self.server(url),
            name,
            password.encode() or None,
            receive_timeout=20,
            auto_referrals=False,
        )
        connection.bind()
        try:
            yield connection
        finally:
            connection.unbind()

    @contextmanager
    def acting_as(self, username: str) -> Any:
        """Yield the connection that this lab holds for a seeded account."""
        if username not in self._held:
            held = self.connected(f"{username}@corp.example.test", self.passwords[username])
            self._held[username] = self._closing.enter_context(held)
        yield self._held[username]

    def close(self) -> None:
        """End the connections that are held."""
        self._closing.close()

    def sign_in(self, name: str, password: str, url: str | None = None) -> Answer:
        """Bind once on a fresh connection and return the answer."""
        with self.connected(name, password, url) as connection:
            return answer(connection)

    def user(self, container: str = MANAGED, **attributes: object) -> User:
        """Create an enabled user as the administrator."""
        username, password = f"u{next(self._numbers):04d}-x", self.new_password()
        user = User(f"CN={username},{container}", username, password)
        with self.acting_as("Administrator") as admin:
            admin.add(
                user.dn,
                ["user"],
                {
                    "sAMAccountName": username,
                    "userPrincipalName": user.upn,
                    "userAccountControl": 512,
                    "unicodePwd": quoted(password),
                    **attributes,
                },
            )
            assert answer(admin) == (0, "")
        return user

    def modify(self, who: str, dn: str, **values: str | bytes) -> Answer:
        """Replace attributes, as a seeded account."""
        with self.acting_as(who) as connection:
            connection.modify(dn, {name: replaced(value) for name, value in values.items()})
            return answer(connection)

    def reset(self, who: str, dn: str, password: str) -> Answer:
        """Reset a password, as a seeded account."""
        return self.modify(who, dn, unicodePwd=quoted(password))

    def change(self, who: str, dn: str, old: str, new: str) -> Answer:
        """Change a password by giving the old one, as a seeded account."""
        change = [(ldap3.MODIFY_DELETE, [quoted(old)]), (ldap3.MODIFY_ADD, [quoted(new)])]
        with self.acting_as(who) as connection:
            connection.modify(dn, {"unicodePwd": change})
            return answer(connection)

    def read(self, dn: str, *attributes: str, who: str = "plain") -> dict[str, list[bytes]]:
        """Read attributes of one entry, as a seeded account."""
        with self.acting_as(who) as connection:
            connection.search(dn, "(objectClass=*)", ldap3.BASE, attributes=list(attributes))
            return dict(connection.response[0]["raw_attributes"])

    def number(self, dn: str, attribute: str) -> int:
        """Read one numeric attribute; 0 where there is none."""
        values = self.read(dn, attribute).get(attribute)
        return int(values[0]) if values else 0


def configuration(
    certificate: tuple[object, object], new_password: Callable[[], str], **more: object
) -> dict[str, Any]:
    """Return the configuration that every directory here is started with."""
    return {
        "port": 0,
        "tls": {"cert": str(certificate[0]), "key": str(certificate[1])},
        "domain": "corp.example.test",
        "netbios": "CORP",
        "administrator": {"username": "Administrator", "password": new_password()},
        "organizational_units": ["OU=Service Accounts", "OU=Validation", "OU=Other"],
        "users": [
            {"username": name, "password": new_password(), "container": "OU=Service Accounts"}
            for name in RIGHTS
        ],
        "delegations": [
            {"trustee": name, "container": "OU=Validation", "rights": rights}
            for name, rights in RIGHTS.items()
            if rights
        ],
        "lockout_threshold": 3,
        "lockout_window": 600,
        "lockout_duration": 600,
        "min_password_length": 7,
        **more,
    }


def passwords_of(config: dict[str, Any]) -> dict[str, str]:
    """Return the seeded passwords by username."""
    return {
        user["username"]: user["password"] for user in [config["administrator"], *config["users"]]
    }
