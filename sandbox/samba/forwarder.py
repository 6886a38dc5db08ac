"""The port that clients use: it carries their bytes on to the guard, and keeps or cuts them when told to.

The bytes are TLS, so no LDAP operation is seen here. A fault on ``request`` meets whatever the next client
sends after it was armed, and what Samba then answers on that connection; a test therefore arms it when the
client it means is about to send.
"""

from __future__ import annotations

import contextlib
import select
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.standin.control import Control, Fault

KINDS = {
    "connect": ("unreachable", "delay"),
    "request": ("unreachable", "answer_lost", "delay", "hold_before", "hold_after"),
}
_RESET = struct.pack("ii", 1, 0)
_PIECE = 65536


class ByteFaults(Control):
    """The switches of a system that is seen as bytes only; a fault that nothing could meet is refused."""

    def arm(self, fault: Fault) -> int:
        """Arm a fault and return its number; ValueError when there is no such fault here."""
        if fault.kind not in KINDS.get(fault.route, ()):
            raise ValueError(f"no {fault.kind} on {fault.route}; there are {KINDS}")
        return super().arm(fault)


class Forwarder(socketserver.ThreadingTCPServer):
    """Listens on loopback and carries every connection on to the Unix socket ``onward``."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, onward: Path, control: Control) -> None:
        self.onward, self.control = str(onward), control
        self._lock = threading.Lock()
        self._open: set[_Connection] = set()
        super().__init__(("127.0.0.1", port), _Connection)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def cut(self) -> int:
        """Reset every connection that is open now; return how many there were."""
        with self._lock:
            for connection in self._open:
                connection.cut()
            return len(self._open)

    @contextmanager
    def listed(self, connection: _Connection) -> Iterator[None]:
        """Keep a connection among the open ones; it closes its sockets afterwards, never before."""
        with self._lock:
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.remove(connection)


class _HungUp(Exception):
    """The connection is to be reset."""


class _Connection(socketserver.BaseRequestHandler):
    """One client."""

    server: Forwarder

    def setup(self) -> None:
        """Begin with nothing owed to the client."""
        self._client: socket.socket = self.request
        self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._owed: Fault | None = None  # what the next answer meets
        self._cut = False

    def handle(self) -> None:
        """Carry bytes in both directions until either side is done, or a fault ends it."""
        with socket.socket(socket.AF_UNIX) as samba:
            try:
                with self.server.listed(self):
                    self._meet("connect")
                    samba.connect(self.server.onward)
                    self._carry(samba)
            except _HungUp:
                self._cut = True
            except OSError:
                pass  # one side is gone, and the other one goes with it
        if self._cut:
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._client.close()

    def cut(self) -> None:
        """Let this connection end; called from another thread, which keeps it listed meanwhile."""
        self._cut = True
        with contextlib.suppress(OSError):
            self._client.shutdown(
                socket.SHUT_RD
            )  # wakes its thread; the client sees the reset only

    def _carry(self, samba: socket.socket) -> None:
        watch = select.poll()
        watch.register(self._client, select.POLLIN)
        watch.register(samba, select.POLLIN)
        while True:
            ready = {number for number, _ in watch.poll()}
            if self._cut:
                return
            # Answers first: what Samba sent before a request came is no answer to it.
            if samba.fileno() in ready:
                answer = samba.recv(_PIECE)
                if not answer:
                    return
                self._answer()
                self._client.sendall(answer)
            if self._client.fileno() in ready:
                request = self._client.recv(_PIECE)
                if not request:
                    return
                owed = self._request()
                samba.sendall(request)
                self._owed = owed or self._owed

    def _request(self) -> Fault | None:
        """Meet the fault that is armed, if any; return it when it waits for the answer."""
        # The last words of a client that has gone are passed on, and use up no fault.
        fault = None if self._client_gone() else self._meet("request")
        if fault is None or fault.kind in ("answer_lost", "hold_after"):
            return fault
        if fault.kind == "hold_before":
            self._hold(fault)
        return None

    def _answer(self) -> None:
        """Meet the fault that waited for the answer, if any."""
        fault, self._owed = self._owed, None
        if fault is None:
            return
        if fault.kind == "hold_after":
            self._hold(fault)
            return
        self._end(fault, "answer lost")

    def _meet(self, route: str) -> Fault | None:
        fault = self.server.control.meet(route)
        if fault and fault.kind == "unreachable":
            self._end(fault, "hung up")
        if fault and fault.kind == "delay":
            time.sleep(fault.seconds)
        return fault

    def _hold(self, fault: Fault) -> None:
        control = self.server.control
        if not control.holds.hold(fault.route, fault.kind, self._client):
            self._end(fault, "cut" if self._cut else "client gone")
        control.record(fault.route, "released", fault)

    def _end(self, fault: Fault, outcome: str) -> None:
        self.server.control.record(fault.route, outcome, fault)
        raise _HungUp

    def _client_gone(self) -> bool:
        watch = select.poll()
        watch.register(self._client, select.POLLRDHUP)
        return bool(watch.poll(0))
