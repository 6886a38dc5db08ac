"""What can only be done with Samba's own Python bindings, which belong to the machine's interpreter.

Run as ``/usr/bin/python3 -I local.py``: one JSON job on standard input, nothing on the command line,
because a job holds passwords. Works on the database files as SYSTEM, also while the server runs.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import ldb
import samba.provision
from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_unpack
from samba.netcmd.main import cmd_sambatool
from samba.param import LoadParm
from samba.samdb import SamDB
from samba.sd_utils import SDUtils

Job = dict[str, Any]

USER_CLASS = "bf967aba-0de6-11d0-a285-00aa003049e2"
RESET_PASSWORD = "00299570-246d-11d0-a768-00aa006e0529"
ACES = {
    "create users": f"(OA;CI;CC;{USER_CLASS};;{{sid}})",
    "delete users": f"(OA;CI;DC;{USER_CLASS};;{{sid}})",
    "reset passwords": f"(OA;CIIO;CR;{RESET_PASSWORD};{USER_CLASS};{{sid}})",
    "write user attributes": f"(OA;CIIO;RPWP;;{USER_CLASS};{{sid}})",
}
DISABLED = 0x2
LOCKED = 0x10
COMPUTED = "msDS-User-Account-Control-Computed"
# Offered locally only: lets pwdLastSet take a value of our own.
BYPASS_LAST_SET = "local_oid:1.3.6.1.4.1.7165.4.3.20:0"
TICKS = 10_000_000  # of 100 ns in a second
UNIX_EPOCH = 11_644_473_600  # in seconds since 1601


def provision(tree: str, domain: str, netbios: str, host: str) -> None:
    """Make a new domain in the folder ``tree``; its administrator gets a random password nobody keeps."""
    # Only the SMB share needs these ACLs, and setting them needs root and a VFS module.
    samba.provision.setsysvolacl = lambda *_args, **_options: None
    arguments = [
        "domain", "provision", "-s", "/dev/null", f"--targetdir={tree}",
        f"--realm={domain.upper()}", f"--domain={netbios}", "--server-role=dc",
        "--dns-backend=NONE", f"--host-name={host}", "--host-ip=127.0.0.1", "--quiet",
        "--option=interfaces=127.0.0.1/8", "--option=bind interfaces only=yes",
    ]  # fmt: skip
    if cmd_sambatool()._run("samba-tool", *arguments):
        raise SystemExit("samba-tool domain provision failed")


class Directory:
    """The directory's database, opened as SYSTEM."""

    def __init__(self, configuration: str) -> None:
        parameters = LoadParm()
        parameters.load(configuration)
        self.sam = SamDB(
            url=parameters.private_path("sam.ldb"),
            session_info=system_session(parameters),
            lp=parameters,
        )
        self.base: str = str(self.sam.domain_dn())

    def find(self, username: str) -> Any:
        """Return the DN and SID of an account; LookupError when there is none."""
        found = self.sam.search(
            base=self.base,
            scope=ldb.SCOPE_SUBTREE,
            expression=f"(sAMAccountName={ldb.binary_encode(username)})",
            attrs=["objectSid", "userAccountControl"],
        )
        if len(found) != 1:
            raise LookupError(f"no account {username}")
        return found[0]

    def replace(
        self, dn: Any, values: dict[str, object], controls: list[str] | None = None
    ) -> None:
        """Replace attributes of one object."""
        message = ldb.Message(dn if isinstance(dn, ldb.Dn) else ldb.Dn(self.sam, dn))
        for name, value in values.items():
            message[name] = ldb.MessageElement(str(value), ldb.FLAG_MOD_REPLACE, name)
        self.sam.modify(message, controls=controls or [])

    def set_password(self, username: str, password: str) -> None:
        """Set a password as an administrator would."""
        self.sam.setpassword(f"(sAMAccountName={ldb.binary_encode(username)})", password)

    def set_enabled(self, username: str, enabled: bool) -> None:
        """Enable or disable an account."""
        account = self.find(username)
        flags = int(str(account["userAccountControl"]))
        flags = flags & ~DISABLED if enabled else flags | DISABLED
        self.replace(account.dn, {"userAccountControl": flags})

    def set_policy(self, policy: Job) -> None:
        """Set the domain's password and lockout policy; times in seconds, minimum age always 0."""
        self.replace(
            self.base,
            {
                "minPwdAge": 0,
                "minPwdLength": policy.get("min_password_length", 7),
                "lockoutThreshold": policy.get("lockout_threshold", 0),
                "lockOutObservationWindow": -TICKS * int(policy.get("lockout_window", 1800)),
                "lockoutDuration": -TICKS * int(policy.get("lockout_duration", 1800)),
            },
        )

    def add_organizational_unit(self, name: str) -> None:
        """Create one OU, given relative to the base, unless it is there."""
        dn = f"{name},{self.base}"
        try:
            self.sam.search(base=dn, scope=ldb.SCOPE_BASE, attrs=["dn"])
        except ldb.LdbError:
            self.sam.create_ou(dn)

    def add_user(self, user: Job) -> None:
        """Create one user as the configuration describes it."""
        self.sam.newuser(
            user["username"],
            user["password"],
            userou=user.get("container"),
            description=user.get("description"),
            force_password_change_at_next_login_req=user.get("must_change", False),
        )
        if "upn" in user:
            self.replace(self.find(user["username"]).dn, {"userPrincipalName": user["upn"]})
        if not user.get("enabled", True):
            self.set_enabled(user["username"], enabled=False)

    def delegate(self, delegation: Job) -> None:
        """Give one account rights on one OU and the users below it."""
        trustee = self.find(delegation["trustee"])["objectSid"][0]
        sid = str(ndr_unpack(security.dom_sid, trustee))
        aces = "".join(ACES[right].format(sid=sid) for right in delegation["rights"])
        SDUtils(self.sam).dacl_add_ace(f"{delegation['container']},{self.base}", aces)

    def set_administrator(self, username: str, password: str) -> None:
        """Make the administrator of the configuration able to sign in, for ever."""
        if username.casefold() == "administrator":
            self.set_password(username, password)
        else:
            self.sam.newuser(username, password)
            self.sam.add_remove_group_members("Domain Admins", [username])
        self.sam.setexpiry(f"(sAMAccountName={ldb.binary_encode(username)})", 0, no_expiry_req=True)

    def age_password(self, username: str, days: float) -> None:
        """Make a password look ``days`` old."""
        moment = int((time.time() - days * 86_400 + UNIX_EPOCH) * TICKS)
        self.replace(self.find(username).dn, {"pwdLastSet": moment}, [BYPASS_LAST_SET])

    def unlock(self, username: str) -> None:
        """Unlock an account as an administrator would."""
        self.replace(self.find(username).dn, {"lockoutTime": 0})

    def users(self) -> list[Job]:
        """Describe every user account, without anything secret."""
        shown = ["sAMAccountName", "userPrincipalName", "pwdLastSet", "badPwdCount", COMPUTED]
        found = self.sam.search(
            base=self.base,
            scope=ldb.SCOPE_SUBTREE,
            expression="(&(objectCategory=person)(objectClass=user))",
            attrs=[*shown, "userAccountControl"],
        )
        return [
            {
                "dn": str(user.dn),
                "username": str(user["sAMAccountName"]),
                "upn": str(user["userPrincipalName"]) if "userPrincipalName" in user else None,
                "enabled": not int(str(user["userAccountControl"])) & DISABLED,
                "locked": bool(int(str(user[COMPUTED])) & LOCKED),
                "bad_passwords": int(str(user.get("badPwdCount", 0))),
                "password_last_set": int(str(user["pwdLastSet"])) / TICKS - UNIX_EPOCH,
            }
            for user in found
        ]


def seed(directory: Directory, config: Job) -> None:
    """Bring a fresh domain into the state that the configuration asks for."""
    directory.set_policy(config)
    directory.set_administrator(**config["administrator"])
    for name in config.get("organizational_units", ()):
        directory.add_organizational_unit(name)
    for user in config.get("users", ()):
        directory.add_user(user)
    for delegation in config.get("delegations", ()):
        directory.delegate(delegation)


JOBS: dict[str, Callable[..., Any]] = {
    "seed": seed,
    "users": Directory.users,
    "set_password": Directory.set_password,
    "set_enabled": Directory.set_enabled,
    "age_password": Directory.age_password,
    "unlock": Directory.unlock,
}


def main() -> None:
    """Do one job and print its answer as the last line."""
    order: Job = json.load(sys.stdin)
    job = order.pop("job")
    if job == "provision":
        provision(**order)
        print("null")
    else:
        directory = Directory(order.pop("configuration"))
        print(json.dumps(JOBS[job](directory, **order)))


if __name__ == "__main__":
    main()
