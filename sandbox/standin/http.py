"""A small HTTPS server that can misbehave on purpose, which no well-behaved framework lets one do."""

from __future__ import annotations

import json
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from sandbox.standin.control import Control, Fault


@dataclass
class Request:
    """One request, parsed. ``params`` are the path's, ``query`` the last value of each name."""

    method: str
    path: str
    params: dict[str, str]
    query: dict[str, str]
    headers: dict[str, str]  # lower-case names
    body: bytes
    fault: Fault | None = None

    def json(self) -> Any:
        """Return the JSON body; an empty one is an empty object."""
        return json.loads(self.body) if self.body else {}

    def form(self) -> dict[str, str]:
        """Return the form body."""
        return {k: v[-1] for k, v in parse_qs(self.body.decode(), keep_blank_values=True).items()}

    def cookies(self) -> dict[str, str]:
        """Return the cookies as they were sent. Those of other servers on this host are among them."""
        pairs = (one.partition("=") for one in self.headers.get("cookie", "").split(";"))
        return {name.strip(): value.strip() for name, _, value in pairs}


@dataclass
class Response:
    """One answer. ``payload`` bytes are sent as they are, None is an empty body, the rest is JSON.

    ``note`` goes into the journal: identifiers only, never a secret.
    """

    status: int = 200
    payload: Any = None
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    note: dict[str, Any] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """Return the body as it goes over the wire."""
        if self.payload is None:
            return b""
        if isinstance(self.payload, bytes):
            return self.payload
        if isinstance(self.payload, str):
            return self.payload.encode()
        return json.dumps(self.payload).encode()


Handler = Callable[[Request], Response]


def redirect(location: str, **note: Any) -> Response:
    """Return the answer to a form that was dealt with: go there, with GET (RFC 9110, section 15.4.4)."""
    return Response(303, None, "text/plain", {"Location": location}, note)


class App:
    """Routes of one stand-in. A path template holds ``{name}`` (one segment) or ``{name:path}``."""

    def __init__(self, control: Control) -> None:
        self.control = control
        self._routes: list[tuple[str, re.Pattern[str], str, Handler]] = []
        self.not_found: Handler = lambda _: Response(404, {"error": "not found"})
        self.method_not_allowed: Handler = lambda _: Response(405, {"error": "method not allowed"})
        # Sees every answer before it is sent, an injected fault's too: for headers that all share.
        self.finish: Callable[[Request, Response], Response] = lambda _request, response: response

    def route(self, methods: str, template: str, name: str) -> Callable[[Handler], Handler]:
        """Register a handler; ``name`` is what faults and the journal call it."""
        pattern = re.compile(
            "^"
            + re.sub(
                r"\{(\w+)(:path)?\}",
                lambda m: f"(?P<{m[1]}>{'.+' if m[2] else '[^/]+'})",
                re.sub(r"([.()$'+])", r"\\\1", template),
            )
            + "$"
        )

        def register(handler: Handler) -> Handler:
            for method in methods.split():
                self._routes.append((method, pattern, name, handler))
            return handler

        return register

    def match(self, method: str, path: str) -> tuple[str, Handler, dict[str, str]]:
        """Find the handler of a request; unknown ones get ``not_found`` or ``method_not_allowed``."""
        known_path = False
        for route_method, pattern, name, handler in self._routes:
            found = pattern.match(path)
            if found and route_method == method:
                return name, handler, {k: unquote(v) for k, v in found.groupdict().items()}
            known_path = known_path or bool(found)
        return "unknown", self.method_not_allowed if known_path else self.not_found, {}

    def serve(self, port: int, tls: ssl.SSLContext | None) -> ThreadingHTTPServer:
        """Serve on loopback and return the running server."""
        server = _Server(("127.0.0.1", port), _handler(self), tls)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        handler: type[BaseHTTPRequestHandler],
        tls: ssl.SSLContext | None,
    ) -> None:
        super().__init__(address, handler)
        self._tls = tls

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        if self._tls is not None:
            # The handshake happens on first read, in the connection's own thread.
            connection = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is part of the game."""


class _HungUp(Exception):
    """The fault says: close the connection now."""


def _handler(app: App) -> type[BaseHTTPRequestHandler]:
    class Connection(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet: no wait for a delayed acknowledgement
        disable_nagle_algorithm = True

        def date_time_string(self, timestamp: float | None = None) -> str:
            """Return the Date of an answer, by this stand-in's own clock."""
            return super().date_time_string(app.control.now() if timestamp is None else timestamp)

        def _act(self) -> None:
            parts = urlsplit(self.path)
            name, handler, params = app.match(self.command, parts.path)
            request = Request(
                self.command,
                unquote(parts.path),
                params,
                {k: v[-1] for k, v in parse_qs(parts.query, keep_blank_values=True).items()},
                {k.lower(): v for k, v in self.headers.items()},
                self.rfile.read(int(self.headers.get("Content-Length") or 0)),
            )
            fault = request.fault = app.control.meet(name)
            try:
                response = app.finish(request, self._respond(name, request, handler, fault))
            except _HungUp:
                app.control.record(name, "hung up", fault, method=self.command, path=request.path)
                self._reset()
                return
            detail = {"method": self.command, "path": request.path, **response.note}
            app.control.record(name, str(response.status), fault, **detail)
            self._send(response)

        def _respond(
            self, name: str, request: Request, handler: Handler, fault: Fault | None
        ) -> Response:
            kind = fault.kind if fault else None
            if fault and kind == "delay":
                time.sleep(fault.seconds)
            if kind == "unreachable":
                raise _HungUp
            if fault and kind == "status":
                return _fault_response(fault)
            if fault and kind == "html":
                page = b"<html><body>Bad gateway</body></html>"
                return Response(fault.status, page, "text/html")
            self._hold(name, kind, "hold_before")
            response = handler(request)
            self._hold(name, kind, "hold_after")
            if kind == "answer_lost":
                raise _HungUp
            return _fault_response(fault) if fault and kind == "status_after" else response

        def _hold(self, name: str, kind: str | None, moment: str) -> None:
            """Keep the client waiting at this moment, if that is the fault."""
            if kind == moment and not app.control.holds.hold(name, moment, self.connection):
                raise _HungUp

        def _send(self, response: Response) -> None:
            body = response.encoded()
            self.send_response(response.status)
            if body or response.status not in (204, 304):
                self.send_header("Content-Type", response.content_type)
                self.send_header("Content-Length", str(len(body)))
            for header, value in response.headers.items():
                self.send_header(header, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _reset(self) -> None:
            self.close_connection = True
            raw: socket.socket = self.connection
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.close()

        def __getattr__(self, name: str) -> Any:
            if name.startswith("do_"):
                return self._act
            raise AttributeError(name)

        def log_message(self, *_: object) -> None:
            """Stay quiet; the journal is the log."""

    return Connection


def _fault_response(fault: Fault) -> Response:
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    return Response(fault.status, fault.body if fault.body is not None else {}, headers=headers)
