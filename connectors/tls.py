"""TLS as every connector speaks it: verified, 1.2 or later, and no socket left open when the peer goes away."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

from connectors.errors import InvalidInput


class PromptSocket(ssl.SSLSocket):
    """A TLS socket that closes itself when its peer was gone before TLS began.

    NOTE: Python 3.11.7 returns such a socket as if it were connected, or raises and leaves it to the garbage collector.
    """

    def getpeername(self) -> Any:
        """Return the peer's address; close the socket where there is no peer any more."""
        try:
            return super().getpeername()
        except OSError:
            self.close()
            raise


def tls_context(ca_file: Path | None, system: str, **identifiers: object) -> ssl.SSLContext:
    """Return a context that requires a certificate and its name: of the given authority, or of the machine's own.

    Raises InvalidInput, with ``identifiers``, when the file cannot be read or holds no certificate.
    """
    context = None
    with suppress(OSError):
        context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    if context is None:
        raise InvalidInput(
            system,
            "load CA certificate",
            **identifiers,
            ca_file=ca_file,
            advice=f"Give a readable PEM file as ca_file; {ca_file} is not.",
        )
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # Debian's Python itself sets none
    context.sslsocket_class = PromptSocket
    return context
