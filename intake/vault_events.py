"""Vault Enterprise's event notifications: a WebSocket that stays open, and hints for the spool.

Vault keeps no backlog: what happens while nobody is connected is told to nobody, and reconcile finds it.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.sync.client import connect

from connectors.errors import (
    InvalidInput,
    NotFound,
    NotPermitted,
    RotationError,
    Unreachable,
)
from connectors.loggers import silence
from connectors.secret import Secret
from connectors.tls import tls_context
from connectors.vault.auth import method
from connectors.vault.clock import Clock
from connectors.vault.line import Line
from connectors.vault.settings import VaultSettings
from connectors.vault.tokens import TokenKeeper
from intake.dispatcher import Patience
from intake.hints import Hint, from_cloud_event, read_json
from intake.signatures import ID
from intake.spool import Spool

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

# At DEBUG it writes the headers of the handshake, and the token is one of them.
silence("websockets")

_log = logging.getLogger(__name__)
LARGEST = 256 * 1024


class EventStream:
    """One subscription. ``run`` goes on until ``stop``, whatever becomes of the connection.

    ``token`` is asked before every connection; ``wanted`` says which places hints are kept for.
    """

    def __init__(
        self,
        settings: VaultSettings,
        token: Callable[[], Secret],
        event_type: str,
        spool: Spool,
        wanted: Callable[[str, str], bool],
        patience: Patience,
    ) -> None:
        self._settings = settings
        self._token = token
        self._type = event_type
        self._spool = spool
        self._wanted = wanted
        self._patience = patience
        self._stopping = threading.Event()
        self._failures = 0
        base = settings.addr.replace("http", "ws", 1)
        self._address = f"{base}/v1/sys/events/subscribe/{quote(event_type, safe='*/-')}?json=true"
        secure = base.startswith("wss:")
        self._context = tls_context(settings.ca_file, "vault") if secure else None

    def stop(self) -> None:
        """End after the message that is being worked on."""
        self._stopping.set()

    def run(self) -> None:
        """Listen, and connect again after a wait that doubles; raises NotFound when Vault has no events."""
        while not self._stopping.is_set():
            problem: RotationError
            try:
                self._listen()
            except NotFound:
                raise
            except RotationError as error:
                problem = error.sealed()
            else:
                continue  # stopped, or closed in order
            _log.warning("vault: events %s: %s %s", self._type, problem, problem.what_to_do())
            self._wait()

    def _wait(self) -> None:
        self._stopping.wait(self._patience.after(self._failures))
        self._failures += 1

    def _listen(self) -> None:
        """Keep hints of one connection until it ends."""
        connection = self._connect()
        _log.info("vault: events %s: connected", self._type)
        with connection:
            while not self._stopping.is_set():
                message: str | bytes | None = None
                lost = False
                try:
                    message = connection.recv(timeout=1.0)
                except TimeoutError:
                    continue
                except (WebSocketException, OSError):
                    lost = True
                if lost or message is None:
                    raise Unreachable("vault", "receive events", type=self._type)
                self._failures = 0
                self._take(message)

    def _connect(self) -> ClientConnection:
        headers = {"X-Vault-Token": self._token().reveal(), "X-Vault-Request": "true"}
        if self._settings.namespace:
            headers["X-Vault-Namespace"] = self._settings.namespace
        status: int | None = None
        try:
            return connect(
                self._address,
                additional_headers=headers,
                ssl=self._context,
                proxy=None,
                open_timeout=self._settings.connect_timeout,
                max_size=LARGEST,
                compression=None,
            )
        except InvalidStatus as refused:
            status = refused.response.status_code
        except (WebSocketException, OSError):
            pass
        raise _refusal(status, self._type)

    def _take(self, message: str | bytes) -> None:
        """Keep the hint of a message; what is none, or about no connection, is passed over."""
        raw = message.encode("utf-8", "replace") if isinstance(message, str) else message
        hint: Hint | None = None
        try:
            document = read_json(raw)
            if isinstance(document, Mapping):
                told = document.get("id")
                fine = isinstance(told, str) and ID.fullmatch(told)
                name = str(told) if fine else hashlib.sha256(raw).hexdigest()
                hint = from_cloud_event(document, name)
        except InvalidInput as error:
            _log.warning("vault: events %s: passed over a message: %s", self._type, error)
        if hint and self._wanted(hint.mount, hint.path):
            self._keep(hint)

    def _keep(self, hint: Hint) -> None:
        """Wait for the spool rather than lose what was told only once."""
        while not self._stopping.is_set():
            try:
                self._spool.add([hint])
            except Unreachable as error:
                _log.warning("intake: %s", error)
                self._wait()
            else:
                return


def _refusal(status: int | None, event_type: str) -> RotationError:
    if status == 404:
        return NotFound(
            "vault",
            "subscribe to events",
            type=event_type,
            advice="This Vault has no event notifications: they are part of Vault Enterprise 1.16 and later. "
            "Use signed webhooks or an audit device instead (docs/intake.md).",
        )
    if status in (400, 401, 403):
        return NotPermitted(
            "vault",
            "subscribe to events",
            type=event_type,
            status=status,
            advice=f"Let this identity read sys/events/subscribe/{event_type}, and give it the capabilities list "
            'and subscribe with subscribe_event_types = ["*"] on the secrets.',
        )
    return Unreachable("vault", "subscribe to events", type=event_type, status=status)


def listen(
    settings: VaultSettings,
    event_types: tuple[str, ...],
    spool: Spool,
    wanted: Callable[[str, str], bool],
    stopping: threading.Event,
) -> None:
    """Subscribe to every type until stopped; raises what ended one subscription for good."""
    line = Line(settings)
    tokens = TokenKeeper(line, method(settings), Clock())
    streams = [
        EventStream(settings, tokens.current, name, spool, wanted, Patience())
        for name in event_types
    ]
    ended: list[RotationError] = []

    def run(stream: EventStream) -> None:
        try:
            stream.run()
        except RotationError as error:
            ended.append(error.sealed())
        finally:
            stopping.set()

    threads = [threading.Thread(target=run, args=(stream,), daemon=True) for stream in streams]
    for thread in threads:
        thread.start()
    stopping.wait()
    for stream in streams:
        stream.stop()
    for thread in threads:
        thread.join(10)
    with suppress(RotationError):
        tokens.close()
    line.close()
    if ended:
        raise ended[0]
