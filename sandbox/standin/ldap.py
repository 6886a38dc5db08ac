"""Verified TLS for the sandbox's own LDAP clients, on every Python version."""

from __future__ import annotations

import functools
import socket
import ssl
from pathlib import Path
from typing import Any

import ldap3


class _Tls(ldap3.Tls):
    """TLS in which OpenSSL checks chain and name, with one context for all connections.

    ldap3's own would read the CA anew for each one, and from Python 3.12 on it compares host names but no
    addresses. Every certificate of the sandbox also says ``localhost`` (``Authority.issue``).
    """

    def __init__(self, ca_file: str) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._ca_file = ca_file

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:  # noqa: ARG002
        """Wrap the connection's socket and shake hands; what follows is sent at once."""
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.socket = _context(self._ca_file).wrap_socket(
            connection.socket, server_hostname="localhost"
        )


@functools.lru_cache(maxsize=8)
def _context(ca_file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)


def verified_tls(ca_file: Path | str) -> ldap3.Tls:
    """Return TLS that trusts ``ca_file`` only, for a server whose certificate the sandbox issued."""
    return _Tls(str(ca_file))
