"""The domain's database files, changed as SYSTEM through Samba's own Python bindings.

Works while the server runs and while it does not. Only ``/usr/bin/python3`` can import this.
"""

from __future__ import annotations

import re
import time
from typing import Any

import ldb
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB
from samba.sd_utils import SDUtils

Config = dict[str, Any]

USER_CLASS = "bf967aba-0de6-11d0-a285-00aa003049e2"
RESET_PASSWORD = "00299570-246d-11d0-a768-00aa006e0529"
ACES = {
    "create users": f"(OA;CI;CC;{USER_CLASS};;{{sid}})",
    "delete users": f"(OA;CI;DC;{USER_CLASS};;{{sid}})",
    "reset passwords": f"(OA;CIIO;CR;{RESET_PASSWORD};{USER_CLASS};{{sid}})",
    "write user attributes": f"(OA;CIIO;RPWP;;{USER_CLASS};{{sid}})",
}
DISABLED, NO_EXPIRY = 0x2, 0x10000
_ENTRY = re.compile(r"\([^()]*\)")
LOCKED, EXPIRED = 0x10, 0x800000
COMPUTED = "msDS-User-Account-Control-Computed"
# Offered locally only: lets pwdLastSet take a value of our own.
BYPASS_LAST_SET = "local_oid:1.3.6.1.4.1.7165.4.3.20:0"
TICKS = 10_000_000  # of 100 ns in a second
UNIX_EPOCH = 11_644_473_600  # in seconds since 1601
DAY = 86_400
NEVER = -0x8000000000000000


def ticks(seconds: float, zero: int = 0) -> int:
    """Return a duration as the directory keeps it: negative; ``zero`` is what 0 seconds mean."""
    return -int(seconds * TICKS) if seconds else zero


class Database:
    """One domain's database."""

    def __init__(self, configuration: str) -> None:
        parameters = LoadParm()
        parameters.load(configuration)
        self.sam = SamDB(
            url=parameters.private_path("sam.ldb"),
            session_info=system_session(parameters),
            lp=parameters,
        )
        self.base: str = str(self.sam.domain_dn())

    def place(self, name: str) -> str:
        """Return the DN of a container that is given relative to the base, or in full; empty is the base."""
        if not name:
            return self.base
        return name if name.lower().endswith(self.base.lower()) else f"{name},{self.base}"

    def find(self, username: str) -> Any:
        """Return the entry of an account or group; LookupError when there is none."""
        found = self.sam.search(
            base=self.base,
            scope=ldb.SCOPE_SUBTREE,
            expression=_named(username),
            attrs=["objectSid", "userAccountControl"],
        )
        if len(found) != 1:
            raise LookupError(f"no account {username}")
        return found[0]

    def replace(self, dn: Any, values: Config, controls: list[str] | None = None) -> None:
        """Replace attributes of one object."""
        message = ldb.Message(dn if isinstance(dn, ldb.Dn) else ldb.Dn(self.sam, dn))
        for name, value in values.items():
            message[name] = ldb.MessageElement(str(value), ldb.FLAG_MOD_REPLACE, name)
        self.sam.modify(message, controls=controls or [])

    def set_flag(self, username: str, flag: int, on: bool) -> None:
        """Set or clear one bit of userAccountControl."""
        account = self.find(username)
        flags = int(str(account["userAccountControl"]))
        self.replace(account.dn, {"userAccountControl": flags | flag if on else flags & ~flag})

    def set_password(self, username: str, password: str) -> None:
        """Set a password as an administrator would."""
        self.sam.setpassword(_named(username), password)

    def set_policy(self, **policy: float) -> None:
        """Change the domain's password and lockout policy; times in seconds."""
        known: dict[str, tuple[str, Any]] = {
            "lockout_threshold": ("lockoutThreshold", int),
            "lockout_window": ("lockOutObservationWindow", ticks),
            "lockout_duration": ("lockoutDuration", lambda value: ticks(value, NEVER)),
            "maximum_password_age": ("maxPwdAge", lambda value: ticks(value, NEVER)),
            "minimum_password_age": ("minPwdAge", ticks),
            "min_password_length": ("minPwdLength", int),
            "password_history": ("pwdHistoryLength", int),
            "complexity": ("pwdProperties", int),
        }
        values = {known[name][0]: known[name][1](value) for name, value in policy.items()}
        self.replace(self.base, values)

    def add_organizational_unit(self, name: str) -> None:
        """Create one OU unless it is there."""
        dn = self.place(name)
        try:
            self.sam.search(base=dn, scope=ldb.SCOPE_BASE, attrs=["dn"])
        except ldb.LdbError:
            self.sam.create_ou(dn)

    def add_user(self, **user: Any) -> None:
        """Create one user as the configuration describes it."""
        username = user["username"]
        container = self.place(user.get("container", "CN=Users"))
        self.sam.newuser(
            username,
            user["password"],
            userou=container[: -len(self.base) - 1],
            description=user.get("description"),
            force_password_change_at_next_login_req=user.get("must_change", False),
        )
        chosen = {"userPrincipalName": user.get("upn"), "displayName": user.get("display_name")}
        if values := {name: value for name, value in chosen.items() if value is not None}:
            self.replace(self.find(username).dn, values)
        if not user.get("enabled", True):
            self.set_flag(username, DISABLED, on=True)
        if user.get("password_never_expires"):
            self.set_flag(username, NO_EXPIRY, on=True)

    def add_group(self, name: str, container: str = "CN=Users", members: Any = ()) -> None:
        """Create one group; its members are there already."""
        self.sam.newgroup(name, groupou=self.place(container)[: -len(self.base) - 1])
        if members:
            self.sam.add_remove_group_members(name, list(members))

    def add_password_settings(self, name: str, **settings: Any) -> None:
        """Create one password settings object for users or groups."""
        targets = settings.get("applies_to", [])
        targets = [targets] if isinstance(targets, str) else targets
        values = {
            "msDS-PasswordSettingsPrecedence": settings.get("precedence", 1),
            "msDS-LockoutThreshold": settings.get("lockout_threshold", 0),
            "msDS-LockoutDuration": ticks(settings.get("lockout_duration", 1800), NEVER),
            "msDS-LockoutObservationWindow": ticks(settings.get("lockout_window", 1800)),
            "msDS-MaximumPasswordAge": ticks(settings.get("maximum_password_age", 42 * DAY), NEVER),
            "msDS-MinimumPasswordAge": ticks(settings.get("minimum_password_age", 0)),
            "msDS-MinimumPasswordLength": settings.get("min_password_length", 7),
            "msDS-PasswordHistoryLength": settings.get("password_history", 24),
            "msDS-PasswordComplexityEnabled": str(settings.get("complexity", True)).upper(),
            "msDS-PasswordReversibleEncryptionEnabled": "FALSE",
        }
        holder = f"CN=Password Settings Container,CN=System,{self.base}"
        self.sam.add(
            {
                "dn": f"CN={name},{holder}",
                "objectClass": "msDS-PasswordSettings",
                "msDS-PSOAppliesTo": [str(self.find(target).dn) for target in targets],
                **{attribute: str(value) for attribute, value in values.items()},
            }
        )

    def delegate(self, trustee: str, container: str, rights: list[str]) -> None:
        """Give one account rights on one container and the users below it."""
        SDUtils(self.sam).dacl_add_ace(self.place(container), self._aces(trustee, rights))

    def add_entries(
        self, container: str, sddl: str, trustee: str | None = None, *, protect: bool = False
    ) -> None:
        """Add entries, written as SDDL, to a container; ``{sid}`` in it is the trustee's.

        Denials go before what allows, as Windows' own tools order them. ``protect`` lets the container
        inherit nothing any more, and keep nothing of what it inherited.
        """
        utils, dn = SDUtils(self.sam), self.place(container)
        sid = self._sid(trustee) if trustee else None
        head, own = _own_entries(utils.get_sd_as_sddl(dn))
        entries = [*own, *_ENTRY.findall(sddl.format(sid=sid))]
        entries.sort(key=lambda entry: not entry.startswith(("(D;", "(OD;")))
        utils.modify_sd_on_dn(dn, head + ("D:P" if protect else "D:") + "".join(entries))

    def revoke(self, trustee: str, container: str, rights: list[str]) -> None:
        """Take rights away again, also those that only users below the container inherit.

        Samba's own deletion compares entries in a way that overlooks the inherit-only ones, in silence.
        """
        utils, dn = SDUtils(self.sam), self.place(container)
        descriptor = utils.get_sd_as_sddl(dn)
        for entry in self._entries(trustee, rights):
            if entry not in descriptor:
                raise LookupError(f"{trustee} has not been given {rights} on {container}")
            descriptor = descriptor.replace(entry, "")
        utils.modify_sd_on_dn(dn, descriptor)

    def _aces(self, trustee: str, rights: list[str]) -> str:
        return "".join(self._entries(trustee, rights))

    def _entries(self, trustee: str, rights: list[str]) -> list[str]:
        sid = self._sid(trustee)
        return [ACES[right].format(sid=sid) for right in rights]

    def _sid(self, trustee: str) -> str:
        return str(ndr_unpack(security.dom_sid, self.find(trustee)["objectSid"][0]))

    def set_administrator(self, username: str, password: str) -> None:
        """Make the administrator of the configuration able to sign in, for ever."""
        name = username.partition("@")[0].rpartition("\\")[2]
        if name.casefold() == "administrator":
            self.set_password(name, password)
        else:
            self.sam.newuser(name, password)
            self.sam.add_remove_group_members("Domain Admins", [name])
        self.set_flag(name, NO_EXPIRY, on=True)

    def age_password(self, username: str, days: float) -> None:
        """Make a password look ``days`` old."""
        moment = int((time.time() - days * DAY + UNIX_EPOCH) * TICKS)
        self.replace(self.find(username).dn, {"pwdLastSet": moment}, [BYPASS_LAST_SET])

    def expire_account(self, username: str, at: float | None = None) -> None:
        """Let an account end at a time in seconds since the epoch; without one, a day ago."""
        end = time.time() - DAY if at is None else at
        self.replace(self.find(username).dn, {"accountExpires": int((end + UNIX_EPOCH) * TICKS)})

    def users(self) -> dict[str, Config]:
        """Describe every user account by its name, without anything secret."""
        shown = ["sAMAccountName", "userPrincipalName", "description", "pwdLastSet", "badPwdCount"]
        found = self.sam.search(
            base=self.base,
            scope=ldb.SCOPE_SUBTREE,
            expression="(&(objectCategory=person)(objectClass=user))",
            attrs=[*shown, "userAccountControl", COMPUTED],
        )
        return {str(user["sAMAccountName"]): _described(user) for user in found}


def _own_entries(sddl: str) -> tuple[str, list[str]]:
    """Return owner and group of a descriptor, and the entries of its DACL that it does not inherit."""
    head, _, dacl = sddl.partition("D:")
    entries = _ENTRY.findall(dacl.partition("S:")[0])
    return head, [entry for entry in entries if "ID" not in entry.split(";")[1]]


def _named(username: str) -> str:
    return f"(sAMAccountName={ldb.binary_encode(username)})"


def _described(user: Any) -> Config:
    def text(name: str) -> str | None:
        return str(user[name]) if name in user else None

    set_at = int(text("pwdLastSet") or 0)
    computed = int(text(COMPUTED) or 0)
    return {
        "dn": str(user.dn),
        "upn": text("userPrincipalName"),
        "description": text("description"),
        "enabled": not int(text("userAccountControl") or 0) & DISABLED,
        "locked": bool(computed & LOCKED),
        "bad_password_count": int(text("badPwdCount") or 0),
        "must_change": set_at == 0,
        "password_expired": bool(computed & EXPIRED) and set_at != 0,
        "password_changed_at": set_at / TICKS - UNIX_EPOCH if set_at else None,
    }
