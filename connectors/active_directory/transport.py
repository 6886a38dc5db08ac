"""Getting a verified connection to one controller: our own failover, TLS that always checks the name.

ldap3's own ServerPool and RESTARTABLE strategies are not used: they repeat requests, and a controller
that hangs or shows a bad certificate is chosen again every time.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Iterator
from enum import Enum, auto
from typing import Any

import ldap3

from connectors.active_directory.errors import SYSTEM
from connectors.active_directory.session import Session
from connectors.active_directory.settings import DirectorySettings, endpoint
from connectors.errors import InvalidInput, RotationError, Unreachable
from connectors.loggers import silence
from connectors.tls import tls_context

_log = logging.getLogger(__name__)

silence("ldap3")

# OpenSSL's verification results for a good chain and the wrong name (X509_V_ERR_..._MISMATCH).
_NAME_MISMATCHES = {62, 63, 64}


class _Trouble(Enum):
    NO_ANSWER = auto()
    NOT_TRUSTED = auto()
    WRONG_NAME = auto()


class VerifiedTls(ldap3.Tls):
    """TLS in which OpenSSL itself checks chain and host name, on every Python version.

    NOTE: ldap3's own check needs ``ssl.match_hostname``, gone in Python 3.12, and its replacement does
    not know IP addresses; without a Tls object ldap3 accepts any certificate.
    """

    def __init__(self, context: ssl.SSLContext, name: str) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = context
        self._name = name
        self.refused: int | None = None  # OpenSSL's reason for refusing the certificate

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:  # noqa: ARG002
        """Wrap the connection's socket and shake hands, whatever ldap3 asks for."""
        # The bind follows the handshake at once; with Nagle's algorithm it would wait 40 ms.
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            connection.socket = self._context.wrap_socket(
                connection.socket, server_hostname=self._name
            )
        except ssl.SSLCertVerificationError as error:
            # ldap3 builds its own exception from the text alone: the reason is kept here.
            self.refused = error.verify_code
            raise


class Transport:
    """Opens sessions, which are not signed in yet, to the controllers of one directory."""

    def __init__(self, settings: DirectorySettings) -> None:
        self._settings = settings
        self._context = tls_context(settings.ca_file, SYSTEM, directory=settings.name)
        self._names: dict[str, str] = {}  # the TLS name that each controller's certificate carries

    def sessions(self, operation: str, where: str | None = None) -> Iterator[Session]:
        """Yield a session to each controller that can be reached, in order; the caller closes it.

        ``where`` pins one controller. Raises Unreachable when none is left to yield.
        """
        urls = self._settings.controllers if where is None else (self._pinned(where),)
        untrusted = []
        for url in urls:
            _log.debug("active directory: connecting: controller=%s", url)
            opened = self._open(url)
            if isinstance(opened, Session):
                yield opened
                continue
            _log.info("active directory: not connected: controller=%s", url)
            if opened is not _Trouble.NO_ANSWER:
                untrusted.append(url)
        raise self._none_left(operation, urls, untrusted)

    def _pinned(self, where: str) -> str:
        if where in self._settings.controllers:
            return where
        raise InvalidInput(
            SYSTEM,
            "choose controller",
            directory=self._settings.name,
            where=where,
            advice="Name one of the directory's own controllers, exactly as in the inventory.",
        )

    def _none_left(self, operation: str, urls: tuple[str, ...], bad: list[str]) -> RotationError:
        advice = None
        if bad:
            advice = (
                f"The certificate of {', '.join(bad)} is not trusted or carries another name: set "
                "ca_file to the authority that issued it, or the name it carries in tls_names. Show "
                "it with: openssl s_client -connect HOST:PORT -showcerts"
            )
        return Unreachable(
            SYSTEM,
            operation,
            directory=self._settings.name,
            controllers=" ".join(urls),
            untrusted=" ".join(bad) or None,
            advice=advice,
        )

    def _open(self, url: str) -> Session | _Trouble:
        host, port = endpoint(url)
        known = self._names.get(url)
        names = (known,) if known else (host, *self._settings.tls_names)
        trouble = _Trouble.NO_ANSWER
        for address in _resolve(host, port):
            for name in names:
                opened = self._open_one(url, address, port, name)
                if isinstance(opened, Session):
                    self._names[url] = name
                    return opened
                trouble = opened
                if trouble is not _Trouble.WRONG_NAME:
                    break
        return trouble

    def _open_one(self, url: str, address: str, port: int, name: str) -> Session | _Trouble:
        tls = VerifiedTls(self._context, name)
        connection = ldap3.Connection(
            ldap3.Server(
                address,
                port=port,
                use_ssl=True,
                tls=tls,
                get_info=ldap3.NONE,
                connect_timeout=self._settings.connect_timeout,
            ),
            client_strategy=ldap3.SYNC,
            auto_bind=False,
            auto_referrals=False,
            raise_exceptions=False,
            check_names=False,
            return_empty_attributes=False,
            receive_timeout=self._settings.receive_timeout,
        )
        try:
            connection.open(read_server_info=False)
        except Exception:  # noqa: BLE001 - nothing was sent, so all of them mean: not this controller
            if connection.socket is not None:
                connection.socket.close()
            return _trouble(tls.refused)
        return Session(connection, url, self._settings.name)


def _trouble(refused: int | None) -> _Trouble:
    if refused is None:
        return _Trouble.NO_ANSWER
    return _Trouble.WRONG_NAME if refused in _NAME_MISMATCHES else _Trouble.NOT_TRUSTED


def _resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a host, each once; none when the name does not resolve."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return list(dict.fromkeys(str(item[4][0]) for item in found))
