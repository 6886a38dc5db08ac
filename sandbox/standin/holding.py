"""Calls that a test holds: ``hold_before`` and ``hold_after`` keep a client waiting until it is let go.

A held call shows at ``GET /held``, so that a test waits for the condition and not for time. Its end is
``POST /release``, or that the client is gone; the call of a client that is gone is not carried out.
"""

from __future__ import annotations

import itertools
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_LOOK_EVERY = 10  # milliseconds between two looks whether the client is still there


class Holds:
    """The calls that are held right now. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._held: dict[int, tuple[dict[str, Any], threading.Event]] = {}

    def held(self) -> list[dict[str, Any]]:
        """Return what is held, oldest first: its number, route and kind of fault."""
        with self._lock:
            return [shown for shown, _ in self._held.values()]

    def release(self) -> int:
        """Let every held call go on; return how many there were."""
        with self._lock:
            for _, let_go in self._held.values():
                let_go.set()
            return len(self._held)

    def hold(self, route: str, kind: str, connection: socket.socket) -> bool:
        """Keep this call waiting; return True when it was let go, False when its client is gone."""
        with self._listed(route, kind) as let_go:
            watch = select.poll()
            watch.register(connection.fileno(), select.POLLRDHUP)
            while not let_go.is_set():
                if watch.poll(_LOOK_EVERY):
                    return False
            return True

    @contextmanager
    def _listed(self, route: str, kind: str) -> Iterator[threading.Event]:
        number, let_go = next(self._numbers), threading.Event()
        with self._lock:
            self._held[number] = ({"id": number, "route": route, "kind": kind}, let_go)
        try:
            yield let_go
        finally:
            with self._lock:
                del self._held[number]
