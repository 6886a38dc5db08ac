"""Verified TLS for the sandbox's own LDAP clients, on every Python version."""

from __future__ import annotations

import ssl
from pathlib import Path

import ldap3


def verified_tls(ca_file: Path | str) -> ldap3.Tls:
    """Return TLS that trusts ``ca_file`` only, for a server whose certificate the sandbox issued.

    From Python 3.12 on ldap3 compares host names but no addresses; every certificate of the sandbox also
    says ``localhost`` (``Authority.issue``).
    """
    return ldap3.Tls(
        validate=ssl.CERT_REQUIRED, ca_certs_file=str(ca_file), valid_names=["localhost"]
    )
