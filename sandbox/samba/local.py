"""What can only be done with Samba's own Python bindings, which belong to the machine's interpreter.

Run as ``/usr/bin/python3 -m sandbox.samba.local``: one JSON job on standard input, its answer as the last
line of standard output. Nothing is on the command line, because a job holds passwords.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import samba.provision
from samba.netcmd.main import cmd_sambatool

from sandbox.samba.database import DISABLED, Config, Database

POLICY = {
    "lockout_threshold": 0,
    "lockout_window": 1800,
    "lockout_duration": 1800,
    "minimum_password_age": 0,
    "min_password_length": 7,
}
OPTIONAL_POLICY = ("maximum_password_age", "password_history", "complexity")


def provision(tree: str, domain: str, netbios: str, host: str) -> None:
    """Make a new domain in the folder ``tree``; its administrator gets a random password nobody keeps."""
    # Only the SMB share needs these ACLs, and setting them needs root and a VFS module.
    samba.provision.setsysvolacl = lambda *_args, **_options: None
    arguments = [
        "domain", "provision", "-s", "/dev/null", f"--targetdir={tree}",
        f"--realm={domain.upper()}", f"--domain={netbios}", "--server-role=dc",
        "--dns-backend=NONE", f"--host-name={host}", "--host-ip=127.0.0.1", "--quiet",
        "--option=interfaces=127.0.0.1/8", "--option=bind interfaces only=yes",
        "--option=ldb:nosync=yes",  # nor does the server wait for the disk: see tree.py
    ]  # fmt: skip
    if cmd_sambatool()._run("samba-tool", *arguments):
        raise SystemExit("samba-tool domain provision failed")


def seed(database: Database, config: Config) -> None:
    """Bring a fresh domain into the state that the configuration asks for."""
    wanted = {name: config[name] for name in (*POLICY, *OPTIONAL_POLICY) if name in config}
    database.set_policy(**{**POLICY, **wanted})
    database.set_administrator(**config["administrator"])
    # Outer ones first.
    for name in sorted(config.get("organizational_units", ()), key=lambda dn: dn.count(",")):
        database.add_organizational_unit(name)
    for user in config.get("users", ()):
        database.add_user(**user)
    for group in config.get("groups", ()):
        database.add_group(**group)
    for settings in config.get("password_settings", ()):
        database.add_password_settings(**settings)
    for delegation in config.get("delegations", ()):
        database.delegate(**delegation)
    for entries in config.get("access_entries", ()):
        database.add_entries(**entries)


def must_change(database: Database, username: str) -> None:
    """Let an account change its password before it signs in again."""
    database.replace(database.find(username).dn, {"pwdLastSet": 0})


def unlock(database: Database, username: str) -> None:
    """Unlock an account as an administrator would."""
    database.replace(database.find(username).dn, {"lockoutTime": 0})


def set_enabled(database: Database, username: str, enabled: bool) -> None:
    """Enable or disable an account."""
    database.set_flag(username, DISABLED, on=not enabled)


JOBS: dict[str, Callable[..., Any]] = {
    "seed": seed,
    "users": Database.users,
    "set_password": Database.set_password,
    "set_enabled": set_enabled,
    "enable": lambda database, username: set_enabled(database, username, enabled=True),
    "disable": lambda database, username: set_enabled(database, username, enabled=False),
    "unlock": unlock,
    "must_change": must_change,
    "age_password": Database.age_password,
    "expire_account": Database.expire_account,
    "add_user": Database.add_user,
    "add_group": Database.add_group,
    "add_password_settings": Database.add_password_settings,
    "delegate": Database.delegate,
    "revoke": Database.revoke,
    "add_entries": Database.add_entries,
    "add_organizational_unit": Database.add_organizational_unit,
    "set_policy": Database.set_policy,
}


def main() -> None:
    """Do one job and print its answer as the last line."""
    order: Config = json.load(sys.stdin)
    job = order.pop("job")
    if job == "provision":
        provision(**order)
        print("null")
    elif job not in JOBS:
        raise SystemExit(f"no command {job}; there are {sorted(JOBS)}")
    else:
        database = Database(order.pop("configuration"))
        print(json.dumps(JOBS[job](database, **order)))


if __name__ == "__main__":
    main()
