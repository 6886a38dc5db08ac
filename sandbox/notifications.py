"""Somebody's chat: a webhook on loopback that keeps the notifications which Prefect sends, and the block that leads there."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

BLOCK = "custom-webhook/sandbox"
"""The notification block as ``account-rotation deploy --notify-block`` names it."""


@dataclass(frozen=True)
class Message:
    """What somebody was told."""

    subject: str
    body: str


class Chat:
    """Everything that arrived, oldest first; ``on_message`` hears of each."""

    def __init__(self, on_message: Callable[[Message], None] = lambda _: None) -> None:
        self.messages: list[Message] = []
        self._on_message = on_message
        self._arrived = threading.Condition()

    def keep(self, message: Message) -> None:
        """Keep a message."""
        with self._arrived:
            self.messages.append(message)
            self._arrived.notify_all()
        self._on_message(message)

    def about(self, what: str, within: float = 30.0) -> Message | None:
        """Wait for a message with this in its subject; None when none arrives."""
        deadline = time.monotonic() + within
        with self._arrived:
            while True:
                for message in self.messages:
                    if what in message.subject:
                        return message
                if not self._arrived.wait(deadline - time.monotonic()):
                    return None


@contextmanager
def listening(
    prefect: str, on_message: Callable[[Message], None] = lambda _: None
) -> Iterator[Chat]:
    """Listen on loopback, and tell the Prefect server at this address by a notification block where."""
    chat = Chat(on_message)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            chat.keep(Message(str(told["subject"]), str(told["body"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay quiet; the chat is the log."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _save_block(prefect, f"http://127.0.0.1:{server.server_port}/")
        yield chat
        server.shutdown()


def _save_block(prefect: str, url: str) -> None:
    """Make the block, as a person would under Blocks in the Prefect UI."""
    kind, name = BLOCK.split("/")
    with httpx.Client(base_url=f"{prefect}/api", trust_env=False, timeout=30) as api:
        block_type = api.get(f"/block_types/slug/{kind}").raise_for_status().json()["id"]
        wanted = {"block_schemas": {"block_type_id": {"any_": [block_type]}}}
        schemas = api.post("/block_schemas/filter", json=wanted).raise_for_status().json()
        document = {
            "name": name,
            "block_type_id": block_type,
            "block_schema_id": schemas[0]["id"],
            "data": {
                "name": name,
                "url": url,
                "json_data": {"subject": "{{subject}}", "body": "{{body}}"},
            },
        }
        api.post("/block_documents/", json=document).raise_for_status()
