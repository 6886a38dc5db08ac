"""The nouns of the LDAP secrets engine: its configuration, static roles, and passwords not yet settled."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.vault.values import Fields, timestamp
from sandbox.vault.wire import Refusal

NEVER = "0001-01-01T00:00:00Z"  # how a time that is not there reads in a credential

_GROUP_FILTER = "(|(memberUid={{.Username}})(member={{.UserDN}})(uniqueMember={{.UserDN}}))"
_DEFAULTS: dict[str, Any] = {
    "anonymous_group_search": False, "binddn": "", "bindpass": "", "case_sensitive_names": False,
    "certificate": "", "connection_timeout": 30, "deny_null_bind": True,
    "dereference_aliases": "never", "discoverdn": False, "groupattr": "cn", "groupdn": "",
    "groupfilter": _GROUP_FILTER, "insecure_tls": False, "length": 0, "max_page_size": 0,
    "password_policy": "", "request_timeout": 90, "schema": "openldap",
    "skip_static_role_import_rotation": False, "starttls": False, "tls_max_version": "tls12",
    "tls_min_version": "tls12", "upndomain": "", "url": "ldap://127.0.0.1", "use_token_groups": False,
    "userattr": "cn", "userdn": "", "userfilter": "({{.UserAttr}}={{.Username}})",
    "username_as_alias": False,
}  # fmt: skip
_HIDDEN = ("bindpass",)
_ONLY_IF_SET = ("length", "password_policy")
_DURATIONS = ("connection_timeout", "request_timeout")
_SCHEMAS = ("openldap", "racf", "ad")
_USER_ATTRIBUTES = {"ad": "userPrincipalName", "racf": "racfid", "openldap": "cn"}


@dataclass(frozen=True)
class Configuration:
    """How the engine reaches the directory."""

    values: dict[str, Any] = field(repr=False)

    def text(self, name: str) -> str:
        """Return a text setting."""
        return str(self.values[name])

    def number(self, name: str) -> int:
        """Return a number or a time in seconds."""
        return int(self.values[name])

    def show(self) -> dict[str, Any]:
        """Return what a read answers: everything but the password."""
        return {
            name: value
            for name, value in self.values.items()
            if name not in _HIDDEN and (value or name not in _ONLY_IF_SET)
        }


def configure(known: Configuration | None, data: dict[str, Any]) -> Configuration:
    """Return the configuration that a write makes; refuse what the real engine refuses."""
    fields = Fields(data)
    values = dict(known.values if known else _DEFAULTS)
    for name, default in _DEFAULTS.items():
        if not fields.given(name):
            continue
        if name in _DURATIONS:
            values[name] = fields.duration(name)
        elif isinstance(default, bool):
            values[name] = fields.flag(name)
        elif isinstance(default, int):
            values[name] = fields.number(name)
        else:
            values[name] = fields.text(name)
    values["url"] = values["url"].lower()
    if known is None and not fields.given("userattr"):
        values["userattr"] = _USER_ATTRIBUTES.get(values["schema"], "")
    problem = _problem(values, fields)
    if problem:
        raise Refusal.combined(500, problem)
    return Configuration(values)


def _problem(values: dict[str, Any], fields: Fields) -> str | None:
    if values["certificate"] and "-----BEGIN CERTIFICATE-----" not in values["certificate"]:
        return "failed to parse server tls cert: failed to decode PEM block in the certificate"
    if not (values["binddn"] and values["bindpass"]) and not values["upndomain"] + values["userdn"]:
        return "cannot derive UserBindDN"
    if values["schema"] not in _SCHEMAS:
        supported = " ".join(_SCHEMAS)
        return f"the configured schema {values['schema']} is not valid. Supported schemas: [{supported}]"
    if values["password_policy"] and fields.given("length"):
        return "cannot set both 'password_policy' and 'length'"
    if values["schema"] != "ad":
        return "the stand-in knows schema ad only"
    if values["insecure_tls"] or values["starttls"] or not values["url"].startswith("ldaps://"):
        return "the stand-in speaks LDAPS only, and always verifies the certificate"
    return None


@dataclass(frozen=True)
class Role:
    """One static role. ``rotated`` None: never yet. A rotation replaces the whole role at once."""

    username: str
    dn: str
    period: int
    password: str = field(default="", repr=False)
    last_password: str = field(default="", repr=False)
    rotated: float | None = None
    rotate_on_read: bool = False  # of Vault Enterprise only
    rotations: int = 0
    before: Role | None = field(default=None, repr=False)  # what a lagging standby still shows

    def with_password(self, password: str, now: float) -> Role:
        """Return the role after a rotation."""
        return replace(
            self,
            password=password,
            last_password=self.password,
            rotated=now,
            rotations=self.rotations + 1,
            before=replace(self, before=None),
        )

    def show(self) -> dict[str, Any]:
        """Return what a read of the role answers: no password, and no time before the first rotation."""
        shown: dict[str, Any] = {
            "dn": self.dn,
            "username": self.username,
            "rotation_period": self.period,
        }
        if self.rotated is not None:
            shown["last_vault_rotation"] = timestamp(self.rotated)
        if self.rotate_on_read:
            shown["rotate_on_read"] = True
        return shown

    def credential(self, now: float) -> dict[str, Any]:
        """Return what a read of the credential answers."""
        ends = 0.0 if self.rotated is None else self.rotated + self.period
        return {
            "dn": self.dn,
            "username": self.username,
            "password": self.password,
            "last_password": self.last_password,
            "ttl": max(0, round(ends - now)),
            "rotation_period": self.period,
            "last_vault_rotation": NEVER if self.rotated is None else timestamp(self.rotated),
        }


@dataclass(frozen=True)
class Unsettled:
    """A password that is remembered before the directory hears of it, and until the role has it."""

    password: str = field(repr=False)
    policy: str
