"""The line to Vault: one hvac client per call that is under way, and every failure explained."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import hvac
from requests.adapters import BaseAdapter

from connectors.errors import InvalidInput, RotationError, Unknown, Unreachable
from connectors.http import Effect
from connectors.secret import Secret
from connectors.tls import tls_context
from connectors.vault.adapter import Answered, VerifyingTransport, build
from connectors.vault.call import Answer, Call
from connectors.vault.failures import FAILURES, explain
from connectors.vault.settings import VaultSettings

_log = logging.getLogger(__name__)

Send = Callable[[hvac.Client], object]


class Line:
    """Send calls to Vault. Thread-safe: hvac is not, so each call borrows a client of its own.

    ``transport`` is the test seam. Raises InvalidInput when the CA file cannot be read.
    """

    def __init__(
        self, settings: VaultSettings, transport: Callable[[], BaseAdapter] | None = None
    ) -> None:
        self.settings = settings
        context = tls_context(settings.ca_file, "vault")
        self._transport = transport or (lambda: VerifyingTransport(context))
        self._lock = threading.Lock()
        self._idle: dict[str | None, list[hvac.Client]] = {}
        self._closed = False

    def ask(
        self, call: Call, send: Send, token: Secret | None = None, *, in_namespace: bool = True
    ) -> Answer:
        """Send once with the given token, or none; return an answer that the call can read.

        Raises Unreachable, Unknown, NotPermitted, NotFound or InvalidInput.
        """
        _log.debug("vault: %s: %s", call.operation, call.path)
        problem: RotationError
        with self._borrow(call, self.settings.namespace if in_namespace else None) as client:
            client.adapter.token = token.reveal() if token else ""
            try:
                return _answer(200, send(client))
            except Answered as answered:
                if answered.status in call.answers:
                    return _answer(answered.status, answered.body)
                problem = explain(answered, call)
            except FAILURES as error:
                problem = explain(error, call)
        # Raised out here so that no exception of the transport, which holds the request, hangs on.
        raise problem

    def close(self) -> None:
        """Close every connection; a call after this is refused."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, {}
        for client in (client for clients in idle.values() for client in clients):
            client.adapter.close()

    @contextmanager
    def _borrow(self, call: Call, namespace: str | None) -> Iterator[hvac.Client]:
        with self._lock:
            over = self._closed
            clients = self._idle.setdefault(namespace, [])
            client = clients.pop() if clients else None
        if over:
            raise closed(call.operation)
        client = client or build(self.settings, self._transport(), namespace)
        try:
            yield client
        finally:
            with self._lock:
                keep = not self._closed
                if keep:
                    self._idle.setdefault(namespace, []).append(client)
            if not keep:
                client.adapter.close()


def closed(operation: str) -> InvalidInput:
    """Return the error for a call after the client was closed."""
    return InvalidInput("vault", operation, advice="This client was closed; build another one.")


def _answer(status: int, body: object) -> Answer:
    return Answer(status, body if isinstance(body, dict) else {})


def not_vault(call: Call) -> RotationError:
    """Return the error for an answer that does not have Vault's form: something else answered."""
    advice = "Check that no proxy between this machine and Vault changes the answers of Vault."
    if call.effect is Effect.CHANGE:
        return Unknown("vault", call.operation, cause="answer of another form", **call.about)
    return Unreachable(
        "vault", call.operation, advice=advice, cause="answer of another form", **call.about
    )
