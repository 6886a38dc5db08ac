"""A client in a process of its own, which a test can kill: it binds, and resets a password when told to.

Standard input has one JSON order and then one line for "now"; standard output says "bound", and at the end
what the directory said, or "no answer".
"""

from __future__ import annotations

import json
import sys

import ldap3
from ldap3.core.exceptions import LDAPCommunicationError

from sandbox.standin.ldap import verified_tls


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Obey one order."""
    order = json.loads(sys.stdin.readline())
    server = ldap3.Server(order["url"], tls=verified_tls(order["ca_file"]), get_info=ldap3.NONE)
    connection = ldap3.Connection(server, order["user"], order["password"].encode())
    if connection.bind():
        _say("bound")
    sys.stdin.readline()
    quoted = f'"{order["new_password"]}"'.encode("utf-16-le")
    try:
        connection.modify(order["dn"], {"unicodePwd": [(ldap3.MODIFY_REPLACE, [quoted])]})
        _say(connection.result["description"])
    except LDAPCommunicationError:
        _say("no answer")


if __name__ == "__main__":
    main()
