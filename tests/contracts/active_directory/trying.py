"""Really do what a right is for, as an account, with plain ldap3; an administrator sets the scene and clears it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ldap3

from connectors.active_directory.models import DOCUMENTED_RIGHTS, VALIDATION_RIGHTS, Right
from sandbox.standin.ldap import verified_tls
from tests.contracts.active_directory.lab import DOMAIN, Lab

CLASSES = ("user", "contact", "group", "computer")
# One attribute of every property set that people delegate, and one that is in none.
OF_USERS = {
    "description": "d", "displayName": "n", "telephoneNumber": "1", "wWWHomePage": "w", "accountExpires": "0",
    "scriptPath": "s", "info": "i",
}  # fmt: skip
_DONE, _NO_RIGHT, _NOT_THERE = 0, 50, 32
_numbers = itertools.count(1)


class Actor:
    """One account that is signed in; a refusal for want of a right is False, any other is an error."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def does(self, request: Callable[[Any], object]) -> bool:
        """Send one request; return whether the directory let it happen."""
        request(self._connection)
        result = self._connection.result
        if result["result"] in (_DONE, _NO_RIGHT):
            return bool(result["result"] == _DONE)
        raise AssertionError(result)

    def creates(self, dn: str, kind: str, **values: object) -> bool:
        """Create an object with what its class cannot do without."""
        name = dn.partition(",")[0].partition("=")[2]
        content: dict[str, object] = dict(values)
        if kind in ("user", "group"):
            content["sAMAccountName"] = name
        if kind == "computer":
            content |= {"sAMAccountName": f"{name}$", "userAccountControl": 4098}
        return self.does(lambda c: c.add(dn, [kind], content))

    def deletes(self, dn: str) -> bool:
        """Delete an object."""
        return self.does(lambda c: c.delete(dn))

    def writes(self, dn: str, attribute: str, value: str | bytes) -> bool:
        """Replace an attribute."""
        return self.does(lambda c: c.modify(dn, {attribute: [(ldap3.MODIFY_REPLACE, [value])]}))

    def resets(self, dn: str, password: str) -> bool:
        """Reset a password."""
        return self.writes(dn, "unicodePwd", f'"{password}"'.encode("utf-16-le"))

    def sees(self, dn: str, *attributes: str) -> bool:
        """Read attributes; one that is not shown, or an object that is not, is not seen."""
        self._connection.search(dn, "(objectClass=*)", ldap3.BASE, attributes=list(attributes))
        assert self._connection.result["result"] in (_DONE, _NOT_THERE)
        found = [e for e in self._connection.response if e["type"] == "searchResEntry"]
        return bool(found) and all(found[0]["raw_attributes"].get(name) for name in attributes)


@contextmanager
def acting(lab: Lab, username: str) -> Iterator[Actor]:
    """Sign in as an account of the lab."""
    server = ldap3.Server(
        lab.standin.url, tls=verified_tls(lab.settings.ca_file), get_info=ldap3.NONE
    )
    password = lab.secrets.credential(lab.handle(username)).password.reveal_bytes()
    connection = ldap3.Connection(server, f"{username}@{DOMAIN}", password, auto_referrals=False)
    assert connection.bind()
    try:
        yield Actor(connection)
    finally:
        connection.unbind()


@contextmanager
def _subjects(admin: Actor, container: str) -> Iterator[Mapping[str, str]]:
    """Make one object of each class, with every attribute that is looked at later."""
    mark = f"t{next(_numbers)}"
    made = {kind: f"CN={mark}{kind[:3]},{container}" for kind in CLASSES}
    for kind, dn in made.items():
        values = OF_USERS if kind == "user" else {"description": "d"}
        assert admin.creates(dn, kind, **values)
    try:
        yield made
    finally:
        for dn in made.values():
            _gone(admin, dn)


def _gone(admin: Actor, dn: str) -> None:
    if admin.sees(dn):
        assert admin.deletes(dn)


def documented(lab: Lab, username: str, container: str, password: str) -> dict[Right, bool]:
    """Try every documented right on what is in one container."""
    with acting(lab, "Administrator") as admin, acting(lab, username) as actor:
        assert admin.writes(container, "description", "d")
        happened: dict[Right, bool] = {}
        with _subjects(admin, container) as it:
            seen = [actor.sees(dn, "description") for k, dn in it.items() if k != "user"]
            happened[Right.READ_EVERYTHING] = all(seen) and actor.sees(container, "description")
            happened[Right.READ_USER] = actor.sees(it["user"], *OF_USERS)
            wrote = [actor.writes(it["user"], name, value) for name, value in OF_USERS.items()]
            happened[Right.RESET_PASSWORD] = actor.resets(it["user"], password)
            happened[Right.FORCE_CHANGE] = actor.writes(it["user"], "pwdLastSet", "0")
            happened[Right.MANAGE_USER] = all(wrote) and happened[Right.FORCE_CHANGE]
            happened[Right.CHANGE_MEMBERS] = actor.writes(it["group"], "member", it["contact"])
            for kind, dn in it.items():
                new = dn.replace("CN=t", "CN=n", 1)
                happened[Right(f"create {kind}s")] = actor.creates(new, kind)
                happened[Right(f"delete {kind}s")] = actor.deletes(dn)
                _gone(admin, new)
    assert set(happened) == set(DOCUMENTED_RIGHTS)
    return happened


def needed(lab: Lab, username: str, container: str, password: str) -> dict[Right, bool]:
    """Try what validation does, on a user that the account itself has created if it may."""
    dn = f"CN=validated{next(_numbers)},{container}"
    with acting(lab, "Administrator") as admin, acting(lab, username) as actor:
        created = actor.creates(dn, "user")
        assert created or admin.creates(dn, "user")
        try:
            happened = {
                Right.CREATE_USER: created,
                Right.RESET_PASSWORD: actor.resets(dn, password),
                Right.WRITE_ATTRIBUTES: actor.writes(dn, "description", "tried"),
                Right.DELETE_USER: actor.deletes(dn),
            }
        finally:
            _gone(admin, dn)
    assert set(happened) == set(VALIDATION_RIGHTS)
    return happened
