"""The sockets: LDAPS only, one thread per connection, and the faults that a test arms."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import struct
import threading
import time

from sandbox.active_directory import ber, messages
from sandbox.active_directory.results import BUSY, Result
from sandbox.active_directory.session import ROUTES, Domain, Outcome, Session
from sandbox.standin.control import Control, Fault

_RESET = struct.pack("ii", 1, 0)
_BUSY = Result(BUSY, "0000200E: SvcErr: comment: the server is busy", "0000200E")


class Server(socketserver.ThreadingTCPServer):
    """One domain controller. ``replica`` counts from 0; faults may name it as ``dc1.bind``."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(
        self, port: int, context: ssl.SSLContext, domain: Domain, control: Control, replica: int
    ) -> None:
        self.context, self.domain, self.control, self.replica = context, domain, control, replica
        super().__init__(("127.0.0.1", port), _Connection)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where clients go."""
        return f"ldaps://127.0.0.1:{self.server_address[1]}"


class _HungUp(Exception):
    """The fault says: reset the connection now."""


class _Connection(socketserver.BaseRequestHandler):
    """One client."""

    server: Server

    def handle(self) -> None:
        """Speak TLS, then answer messages until either side is done."""
        raw: socket.socket = self.request
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        fault = self._fault("connect")
        if fault and fault.kind == "unreachable":
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            raw.close()
            return
        if fault and fault.kind == "delay":
            time.sleep(fault.seconds)
        try:
            self._wire = self.server.context.wrap_socket(raw, server_side=True)
        except OSError:
            return
        try:
            self._converse()
        except _HungUp:
            self._wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        except (OSError, ber.Malformed):
            pass  # gone, or not speaking LDAP: either way the connection ends
        finally:
            with contextlib.suppress(OSError):
                self._wire.close()

    def _converse(self) -> None:
        session = Session(self.server.domain, self.server.replica)
        data = b""
        while True:
            found = ber.decode(data)
            if found is None:
                more = self._wire.recv(65536)
                if not more:
                    return
                data += more
                continue
            element, end = found
            data = data[end:]
            message = messages.read_message(element)
            if message.operation.tag == messages.UNBIND:
                return
            if message.operation.tag == messages.ABANDON:
                continue
            self._wire.sendall(self._serve(session, message))

    def _fault(self, route: str) -> Fault | None:
        control = self.server.control
        return control.meet(route) or control.meet(f"dc{self.server.replica + 1}.{route}")

    def _serve(self, session: Session, message: messages.Message) -> bytes:
        route = ROUTES.get(message.operation.tag)
        if route is None:
            raise ber.Malformed("not an operation")
        fault = self._fault(route)
        kind = fault.kind if fault else None
        if fault and kind == "delay":
            time.sleep(fault.seconds)
        if kind == "unreachable":
            self._record(route, session.refuse(message, _BUSY), fault, "hung up")
            raise _HungUp
        if kind == "hold_before" and not self._hold(route, kind):
            self._record(route, session.refuse(message, _BUSY), fault, "hung up")
            raise _HungUp
        outcome = session.refuse(message, _BUSY) if kind == "busy" else session.handle(message)
        if kind == "hold_after" and not self._hold(route, kind):
            kind = "answer_lost"
        if kind == "answer_lost":
            self._record(route, outcome, fault, "answer lost")
            raise _HungUp
        self._record(route, outcome, fault, str(outcome.result.code))
        return outcome.sent

    def _hold(self, route: str, kind: str) -> bool:
        return self.server.control.holds.hold(route, kind, self._wire)

    def _record(self, route: str, outcome: Outcome, fault: Fault | None, said: str) -> None:
        done = said != "hung up"
        self.server.control.record(
            route,
            said,
            fault,
            who=outcome.who,
            dn=outcome.dn,
            result=outcome.result.code if done else None,
            data=outcome.result.data if done else None,
            replica=self.server.replica + 1,
        )
