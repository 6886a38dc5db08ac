"""Faults, journal and clock of one stand-in, and the side door through which a test reaches them.

The side door is plain HTTP on its own loopback port:

    GET    /journal            what was called, oldest first; never a secret
    DELETE /journal
    GET    /faults             the faults still armed
    POST   /faults             arm one: {"route": "kv.*", "kind": "status", "status": 503, "times": 2}
    DELETE /faults             disarm all
    GET    /held               the calls that are held right now
    POST   /release            let them go on
    GET    /state              the system's own view for assertions (it decides what is shown)
    POST   /state              {"do": "...", ...}: set-up commands of the system
    POST   /clock              {"advance": seconds}: move this stand-in's clock forward
"""

from __future__ import annotations

import fnmatch
import itertools
import json
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sandbox.standin.holding import Holds


@dataclass
class Fault:
    """One armed fault. ``skip`` calls pass first, then ``times`` calls meet it (0: until disarmed).

    Kinds that every HTTP stand-in knows: ``unreachable`` (closed before anything is done),
    ``answer_lost`` (done, then closed), ``status`` (``status``, ``retry_after``, ``body``),
    ``status_after`` (done, then answered with ``status``), ``html`` (``status``), ``delay``
    (``seconds``), ``hold_before`` and ``hold_after`` (kept waiting before or after it is done, until
    released or the client is gone). Other kinds are handed to the system's handler as ``request.fault``.
    """

    route: str
    kind: str
    times: int = 1
    skip: int = 0
    status: int = 503
    retry_after: float | None = None
    seconds: float = 0.0
    body: Any = None
    args: dict[str, Any] = field(default_factory=dict)
    id: int = 0


@dataclass(frozen=True)
class Entry:
    """One call as the journal keeps it."""

    number: int
    at: float
    route: str
    detail: dict[str, Any]
    outcome: str
    fault: str | None


class Control:
    """The switches of one stand-in. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._faults: list[Fault] = []
        self._journal: list[Entry] = []
        self._offset = 0.0
        self.holds = Holds()
        self.show_state: Callable[[], Any] = dict
        self.change_state: Callable[[dict[str, Any]], Any] = lambda _command: {}

    def now(self) -> float:
        """Return this stand-in's time in seconds since the epoch."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Move this stand-in's clock."""
        with self._lock:
            self._offset += seconds

    def arm(self, fault: Fault) -> int:
        """Arm a fault and return its number."""
        with self._lock:
            fault.id = next(self._numbers)
            self._faults.append(fault)
            return fault.id

    def disarm(self) -> None:
        """Disarm every fault."""
        with self._lock:
            self._faults.clear()

    def faults(self) -> list[Fault]:
        """Return the faults still armed."""
        with self._lock:
            return list(self._faults)

    def meet(self, route: str) -> Fault | None:
        """Return the fault that this call meets, counting it down; None when it meets none."""
        with self._lock:
            for fault in self._faults:
                if not fnmatch.fnmatchcase(route, fault.route):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if fault.times > 0:
                    fault.times -= 1
                    if fault.times == 0:
                        self._faults.remove(fault)
                return fault
        return None

    def record(self, route: str, outcome: str, fault: Fault | None = None, **detail: Any) -> None:
        """Write one call into the journal. Pass identifiers only, never a secret."""
        with self._lock:
            self._journal.append(
                Entry(
                    next(self._numbers),
                    self.now(),
                    route,
                    detail,
                    outcome,
                    fault.kind if fault else None,
                )
            )

    def journal(self) -> list[dict[str, Any]]:
        """Return the journal, oldest first."""
        with self._lock:
            return [asdict(entry) for entry in self._journal]

    def forget(self) -> None:
        """Empty the journal."""
        with self._lock:
            self._journal.clear()

    def serve(self, port: int = 0) -> ThreadingHTTPServer:
        """Open the side door on loopback and return its running server."""
        server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


def _handler(control: Control) -> type[BaseHTTPRequestHandler]:
    def arm(body: dict[str, Any]) -> dict[str, Any]:
        return {"id": control.arm(Fault(**body))}

    def advance(body: dict[str, Any]) -> dict[str, Any]:
        control.advance(float(body["advance"]))
        return {"now": control.now()}

    actions: dict[tuple[str, str], Callable[[dict[str, Any]], Any]] = {
        ("GET", "/journal"): lambda _: control.journal(),
        ("DELETE", "/journal"): lambda _: control.forget(),
        ("GET", "/faults"): lambda _: [asdict(fault) for fault in control.faults()],
        ("POST", "/faults"): arm,
        ("DELETE", "/faults"): lambda _: control.disarm(),
        ("GET", "/held"): lambda _: control.holds.held(),
        ("POST", "/release"): lambda _: {"released": control.holds.release()},
        ("GET", "/state"): lambda _: control.show_state(),
        ("POST", "/state"): control.change_state,
        ("POST", "/clock"): advance,
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def _act(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            action = actions.get((self.command, self.path))
            if action is None:
                status, answer = 404, {"error": f"no {self.command} {self.path}"}
            else:
                try:
                    status, answer = 200, action(json.loads(raw) if raw else {})
                except (KeyError, TypeError, ValueError, LookupError) as problem:
                    status, answer = 400, {"error": f"{type(problem).__name__}: {problem}"}
            payload = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_DELETE = _act

        def log_message(self, *_: object) -> None:
            """Stay quiet; the journal is the log."""

    return Handler
