"""What stands between a client and a controller when the network is bad."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Self
from urllib.parse import urlsplit


class LossyLine:
    """A line to a controller that carries requests, and on demand loses the next answer and hangs up."""

    def __init__(self, url: str) -> None:
        target = urlsplit(url)
        self._target = (target.hostname or "", target.port or 0)
        self._losing = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self._sockets = [self._server]
        self._threads: list[threading.Thread] = []
        self._run(self._accept)

    @property
    def url(self) -> str:
        """Where the client goes."""
        return f"ldaps://127.0.0.1:{self._server.getsockname()[1]}"

    def lose_answers(self) -> None:
        """From now on requests arrive and answers do not."""
        self._losing.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(5)

    def _run(self, task: object, *arguments: socket.socket) -> None:
        """Start a thread and remember it."""
        thread = threading.Thread(target=task, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        """Open a way to the controller for every client."""
        while True:
            try:
                client, _ = self._server.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            self._sockets += [client, server]
            self._run(self._carry, client, server)
            self._run(self._answer, server, client)

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        """Carry requests."""
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)

    def _answer(self, source: socket.socket, sink: socket.socket) -> None:
        """Carry answers, until they are to be lost."""
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self._losing.is_set():
                    break
                sink.sendall(data)
            sink.shutdown(socket.SHUT_RDWR)
