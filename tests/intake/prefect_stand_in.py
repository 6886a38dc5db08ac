"""The few addresses of Prefect's API that the intake uses, in this process, with faults."""

from __future__ import annotations

import json
import threading
import uuid
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

DEPLOYMENT = "/api/deployments/name/update_account_credentials/update"


class PrefectStandIn:
    """One deployment and its flow runs, by idempotency key.

    ``down``: no request is answered. ``losing``: every so many created runs, the answer is lost.
    """

    def __init__(self) -> None:
        self.runs: dict[str, dict[str, Any]] = {}
        self.asked: Counter[str] = Counter()
        self.events: list[str] = []
        self.down = False
        self.deployed = True
        self.losing = 0
        self.refused = 0
        self._lock = threading.Lock()
        self._ids: set[str] = set()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # or every answer waits for the client's acknowledgement

            def do_GET(self) -> None:
                stand_in._answer(self, None)

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", 0))
                stand_in._answer(self, json.loads(self.rfile.read(length)))

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    @property
    def url(self) -> str:
        """The address of the API."""
        return f"http://127.0.0.1:{self._server.server_port}/api"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _answer(self, request: BaseHTTPRequestHandler, body: Any) -> None:
        with self._lock:
            if self.down:
                self.refused += 1
                request.close_connection = True
                return
            status, document, lost = self._act(request.path, body)
        if lost:
            request.close_connection = True
            return
        text = json.dumps(document).encode()
        request.send_response(status)
        request.send_header("content-type", "application/json")
        request.send_header("content-length", str(len(text)))
        request.end_headers()
        request.wfile.write(text)

    def _act(self, path: str, body: Any) -> tuple[int, Any, bool]:
        if path == DEPLOYMENT:
            return (200, {"id": "d-1"}, False) if self.deployed else (404, {}, False)
        if path == "/api/deployments/d-1/create_flow_run":
            key = body["idempotency_key"]
            self.asked[key] += 1
            known = key in self.runs
            run = self.runs.setdefault(
                key, {"id": str(uuid.uuid4()), "parameters": body["parameters"]}
            )
            self._ids.add(run["id"])
            lost = bool(self.losing) and not known and len(self.runs) % self.losing == 0
            return 200 if known else 201, run, lost
        if path == "/api/events":
            self.events += [event["id"] for event in body]
            return 201, {}, False
        name = path.removeprefix("/api/flow_runs/")
        return (200, {"id": name}, False) if name in self._ids else (404, {}, False)
