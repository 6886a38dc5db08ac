"""How a server introduces itself: whether it takes a connection, and whose certificate it shows.

Every connector verifies by itself before it sends anything. This module tells afterwards, or beforehand, why one
would not: it shakes hands, looks at the certificate, and hangs up. Nothing is ever sent over such a connection.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from cryptography import x509

from connectors.errors import Unreachable
from connectors.tls import tls_context

# OpenSSL's verification results (x509_vfy.h): not yet valid, expired, mismatch of host name, e-mail or address.
_NOT_YET, _EXPIRED = 9, 10
_WRONG_NAME = frozenset({62, 63, 64})


class Doubt(StrEnum):
    """Why a certificate is not believed."""

    NOT_TRUSTED = "no trusted authority has issued it"
    EXPIRED = "it has expired"
    NOT_YET = "it is not valid yet"
    WRONG_NAME = "it carries another name"
    NO_TLS = "the server does not speak TLS 1.2 or later"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A verified certificate; one that is not believed has a ``doubt``, and nothing else is read of it."""

    names: tuple[str, ...]
    issuer: str
    not_after: datetime | None  # UTC
    doubt: Doubt | None = None

    def left(self, now: datetime) -> timedelta:
        """Return how long it is valid from then on; a century where that could not be read."""
        return self.not_after - now if self.not_after else timedelta(days=36_525)


def knock(host: str, port: int, *, system: str, seconds: float) -> str:
    """Open a connection, close it, and return the address that answered; raise Unreachable.

    The error's ``cause`` tells a name that does not resolve from a port where nobody answers.
    """
    with _connected(host, port, system, seconds) as line:
        return f"{line.getpeername()[0]}:{port}"


def certificate_of(
    host: str,
    port: int,
    ca_file: Path | None,
    *,
    system: str,
    seconds: float,
    other_names: Iterable[str] = (),
) -> Certificate:
    """Shake hands as a connector does and return the certificate, with the reason where it is not believed.

    ``ca_file`` None means the machine's own trust store; ``other_names`` may stand in the certificate instead of
    the host. Raises Unreachable when there is no answer, and InvalidInput for a CA file that cannot be read.
    """
    context = tls_context(ca_file, system)
    shown = _shake(host, port, context, host, system, seconds)
    for name in other_names:
        if shown.doubt is not Doubt.WRONG_NAME:
            break
        shown = _shake(host, port, context, name, system, seconds)
    return shown


def authority_dates(pem: bytes) -> tuple[datetime, ...]:
    """Return until when the certificates of a PEM file are valid; raise ValueError for another file."""
    return tuple(item.not_valid_after_utc for item in x509.load_pem_x509_certificates(pem))


def _connected(host: str, port: int, system: str, seconds: float) -> socket.socket:
    try:
        return socket.create_connection((host, port), timeout=seconds)
    except socket.gaierror:
        cause = "the name does not resolve"
    except TimeoutError:
        cause = f"no answer within {seconds:g} s"
    except ConnectionRefusedError:
        cause = "the connection is refused"
    except OSError as error:
        cause = type(error).__name__
    raise Unreachable(system, "connect", host=host, port=port, cause=cause)


def _shake(
    host: str, port: int, context: ssl.SSLContext, name: str, system: str, seconds: float
) -> Certificate:
    silent = False
    doubt: Doubt | None = None
    try:
        with (
            _connected(host, port, system, seconds) as raw,
            context.wrap_socket(raw, server_hostname=name) as line,
        ):
            return _read(line.getpeercert(binary_form=True))
    except ssl.SSLCertVerificationError as error:
        doubt = _doubt(error.verify_code)
    except TimeoutError:
        silent = True
    except OSError:  # ssl.SSLError is one: an answer that is no TLS, or a line that was cut
        doubt = Doubt.NO_TLS
    if silent:
        cause = f"no TLS within {seconds:g} s"
        raise Unreachable(system, "shake hands", host=host, port=port, cause=cause)
    return Certificate((), "", None, doubt)


def _doubt(code: int) -> Doubt:
    if code in _WRONG_NAME:
        return Doubt.WRONG_NAME
    return {_EXPIRED: Doubt.EXPIRED, _NOT_YET: Doubt.NOT_YET}.get(code, Doubt.NOT_TRUSTED)


def _read(der: bytes | None) -> Certificate:
    try:
        parsed = x509.load_der_x509_certificate(der or b"")
        names = _names(parsed)
    except ValueError:  # OpenSSL takes what this parser refuses
        return Certificate((), "", None)
    return Certificate(names, parsed.issuer.rfc4514_string(), parsed.not_valid_after_utc)


def _names(parsed: x509.Certificate) -> tuple[str, ...]:
    try:
        found = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    hosts = found.get_values_for_type(x509.DNSName)
    return (*hosts, *map(str, found.get_values_for_type(x509.IPAddress)))
