"""The LDAP secrets engine: static roles, whose passwords Vault changes in a directory by itself.

The order of a rotation is the real one, and each gap in it can be seen from outside: the new password is
remembered, the directory is told, the role gets it, and it is forgotten as unsettled. After a failure
the same password is tried again 10 seconds later, and whenever somebody asks.
"""

from __future__ import annotations

import secrets
import string
import threading
from contextlib import suppress
from dataclasses import replace
from typing import Any

from sandbox.standin.control import Fault
from sandbox.vault.core import Vault
from sandbox.vault.ldap_directory import DirectoryFailed, reset_password
from sandbox.vault.ldap_model import Configuration, Role, Unsettled, configure
from sandbox.vault.passwords import parse_password_policy
from sandbox.vault.routing import Table
from sandbox.vault.values import Fields
from sandbox.vault.wire import LATE, Answer, Call, Refusal

_NAME = r"(?P<name>\w(?:[\w.-]*\w)?)"
_TICK = 0.1  # seconds; a real one looks every 5
_RETRY = 10.0
_BASE62 = string.digits + string.ascii_letters
_LONG_TEXT = (
    "unable to finish rotating credentials; retries will continue in the background but it is also "
    "safe to retry manually: "
)


class Ldap:
    """One mount of the engine. Handlers hold Vault's lock, and let go of it while the directory works."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._config: Configuration | None = None
        self._roles: dict[str, Role] = {}
        self._unsettled: dict[str, Unsettled] = {}
        self._due: dict[str, float] = {}
        self._rotating = threading.Lock()
        self._stopped = threading.Event()
        self.table = Table()
        self._register()
        threading.Thread(target=self._tick, daemon=True).start()

    def close(self) -> None:
        """End the rotations in the background."""
        self._stopped.set()

    def _register(self) -> None:
        add = self.table.add

        def exists(call: Call) -> bool:
            return call.params["name"].lower() in self._roles

        add("read", "config", "ldap.config", self._read_config)
        add("write", "config", "ldap.config_write", self._configure, exists=self._is_configured)
        add("delete", "config", "ldap.config_delete", self._forget_config)
        add("list", "static-role/?", "ldap.static_roles", self._list)
        add("read", f"static-role/{_NAME}", "ldap.static_role", self._read_role)
        add(
            "write",
            f"static-role/{_NAME}",
            "ldap.static_role_write",
            self._write_role,
            exists=exists,
        )
        add("delete", f"static-role/{_NAME}", "ldap.static_role_delete", self._delete_role)
        add("read", f"static-cred/{_NAME}", "ldap.static_cred", self._read_credential)
        add("write", f"rotate-role/{_NAME}", "ldap.rotate_role", self._rotate_role)

    def _is_configured(self, _call: Call) -> bool:
        return self._config is not None

    def _read_config(self, _call: Call) -> Answer | None:
        return Answer(self._config.show()) if self._config else None

    def _configure(self, call: Call) -> None:
        self._config = configure(self._config, call.data)

    def _forget_config(self, _call: Call) -> None:
        self._config = None

    def _list(self, _call: Call) -> Answer | None:
        return Answer({"keys": sorted(self._roles)}) if self._roles else None

    def _seen(self, call: Call) -> Role | None:
        """Return the role as this call sees it: an armed ``stale`` fault hides the last rotation."""
        role = self._roles.get(call.params["name"].lower())
        fault = call.request.fault
        return role.before if role and fault and fault.kind in LATE else role

    def _read_role(self, call: Call) -> Answer | None:
        role = self._seen(call)
        return Answer(role.show()) if role else None

    def _read_credential(self, call: Call) -> Answer:
        role = self._seen(call)
        if role is None:
            raise Refusal(400, f"unknown role: {call.params['name'].lower()}")
        if role.rotate_on_read:
            name = call.params["name"].lower()
            with self._vault.unlocked():
                role = self._rotate(name, role)
        return Answer(role.credential(self._vault.now()))

    def _rotate_role(self, call: Call) -> None:
        name = call.params["name"]  # NOTE: as written, while roles are stored in lower case
        role = self._roles.get(name)
        if role is None:
            raise Refusal(400, f"role doesn't exist: {name}")
        why = ""
        with self._vault.unlocked():
            try:
                self._rotate(name, role, call.request.fault)
            except DirectoryFailed as problem:
                why = str(problem)
        if why:
            raise Refusal.combined(500, _LONG_TEXT + why)

    def _write_role(self, call: Call) -> None:
        name, fields = call.params["name"].lower(), Fields(call.data)
        known = self._roles.get(name)
        role = _changed(known, fields) if known else self._created(fields)
        if known:
            self._roles[name] = role
            self._due[name] = self._after(role)
            return
        if self._config is None:
            why = "couldn't find configuration for this create operation's endpoint"
            raise Refusal.combined(500, why)
        skip = bool(self._config.values["skip_static_role_import_rotation"])
        if fields.flag("skip_import_rotation", skip):
            self._roles[name] = role
            self._due[name] = self._after(replace(role, rotated=self._vault.now()))
            return
        why = ""
        with self._vault.unlocked():
            try:
                self._rotate(name, role)
            except DirectoryFailed as problem:
                why = str(problem)
        if why:  # the role was not made, and its password is forgotten
            self._unsettled.pop(name, None)
            self._due.pop(name, None)
            raise Refusal.combined(500, why)

    def _created(self, fields: Fields) -> Role:
        if not fields.given("username"):
            raise Refusal(400, "username is a required field to manage a static account")
        username = _username(fields)
        if any(role.username == username for role in self._roles.values()):
            raise Refusal(400, f'"{username}" is already managed by the secrets engine')
        if not fields.given("rotation_period"):
            raise Refusal(400, "rotation_period is required to create static accounts")
        return Role(username, fields.text("dn"), _period(fields))

    def _delete_role(self, call: Call) -> None:
        name = call.params["name"].lower()
        if name not in self._roles:
            raise Refusal.combined(500, "queue is empty")
        for kept in (self._roles, self._unsettled, self._due):
            kept.pop(name, None)

    def _after(self, role: Role) -> float:
        return (role.rotated or 0.0) + role.period

    def _rotate(self, name: str, role: Role, fault: Fault | None = None) -> Role:
        """Change the password; the caller does not hold Vault's lock. Raises DirectoryFailed."""
        with self._rotating:
            role = self._roles.get(name, role)
            self._due[name] = self._vault.now() + _RETRY
            if self._config is None:
                raise DirectoryFailed("the config is currently unset")
            policy = self._config.text("password_policy")
            unsettled = self._unsettled.get(name)
            if unsettled is None or unsettled.policy != policy:
                password = self._password(self._config)
                unsettled = self._unsettled[name] = Unsettled(password, policy)
            reset_password(self._config, role, unsettled.password)
            if fault and fault.kind == "publish_gap":
                raise DirectoryFailed("the storage of the role failed")
            rotated = role.with_password(unsettled.password, self._vault.now())
            self._roles[name] = rotated
            del self._unsettled[name]
            self._due[name] = self._after(rotated)
            return rotated

    def _password(self, config: Configuration) -> str:
        policy = config.text("password_policy")
        if not policy:
            length = config.number("length") or 64
            return "".join(secrets.choice(_BASE62) for _ in range(length))
        if policy not in self._vault.passwords:
            raise DirectoryFailed("unable to generate password: no password policy found")
        return parse_password_policy(self._vault.passwords[policy]).generate()

    def _tick(self) -> None:
        """Rotate what is due, and try again what failed."""
        while not self._stopped.wait(_TICK):
            now = self._vault.now()
            for name in [n for n, due in list(self._due.items()) if due <= now]:
                role = self._roles.get(name)
                if role and not self._vault.sealed:
                    with suppress(DirectoryFailed):
                        self._rotate(name, role)

    def set_rotate_on_read(self, name: str, on: bool) -> None:
        """Make a role one of Vault Enterprise whose password changes whenever it is read."""
        self._roles[name] = replace(self._roles[name], rotate_on_read=on)

    def show_state(self) -> dict[str, Any]:
        """Return every role, and no password. ``unsettled``: a new one is remembered, not yet in the role."""
        now = self._vault.now()
        return {
            name: {
                "username": role.username,
                "last_vault_rotation": role.rotated,
                "rotations": role.rotations,
                "unsettled": name in self._unsettled,
                "overdue": self._due.get(name, now + 1) <= now,
            }
            for name, role in sorted(self._roles.items())
        }


def _changed(role: Role, fields: Fields) -> Role:
    if fields.given("username") and _username(fields) != role.username:
        raise Refusal(400, "cannot update static account username")
    if fields.text("dn") not in {"", role.dn}:
        raise Refusal(400, "cannot update static account distinguished name (dn)")
    dn = fields.text("dn", role.dn)
    period = _period(fields) if fields.given("rotation_period") else role.period
    if fields.given("skip_import_rotation"):
        raise Refusal(400, "skip_import_rotation has no effect on updates")
    return replace(role, dn=dn, period=period)


def _username(fields: Fields) -> str:
    username = fields.text("username")
    if not username:
        raise Refusal(400, "username must not be empty")
    return username


def _period(fields: Fields) -> int:
    period = fields.duration("rotation_period")
    if period < 5:
        raise Refusal(400, "rotation_period must be 5 seconds or more")
    return period
