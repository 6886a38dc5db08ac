"""Keeps one Samba server, and ends it: with its own standard input, its deadline, or SIGTERM.

Run inside a network namespace of its own, where Samba's fixed ports are free. The listening socket on which
the forwarder hands clients over is a Unix one, opened outside and inherited, so bytes cross over without
another open port. Only the standard library is used. When the server is gone its folder is removed, because
whoever started it may have been killed.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

LDAPS = 636


def raise_loopback() -> None:
    """Switch on ``lo``, which is down in a new network namespace."""
    interface_flags, up_running = 0x8914, 0x1 | 0x40  # SIOCSIFFLAGS, IFF_UP and IFF_RUNNING
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, interface_flags, struct.pack("16sh14x", b"lo", up_running))


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies, however it dies."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction until it ends, then close it."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def forward(host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry one client's connection to the server; a server that refuses closes the client."""
    try:
        onward_reader, onward_writer = await asyncio.open_connection(host, LDAPS)
    except OSError:
        writer.close()
        return
    await asyncio.gather(copy(reader, onward_writer), copy(onward_reader, writer))


async def pipe_closed() -> None:
    """Return when standard input ends."""
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while await reader.read(1024):
        pass


def complain(logs: list[str]) -> None:
    """Say what a failed server had to say; its logs are removed with its folder."""
    for log in logs:
        with suppress(OSError):
            last = Path(log).read_text(errors="replace").splitlines()[-20:]
            print(f"samba: the end of {log}:", *last, sep="\n  ", file=sys.stderr)


async def keep(order: dict[str, Any]) -> None:
    """Start Samba, forward clients to it, and return when it must end or has ended."""
    with open(order["output"], "wb") as output:  # noqa: ASYNC230, PTH123 - once, before serving
        server = await asyncio.create_subprocess_exec(
            *order["command"],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=die_with_parent,
        )
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    clients = socket.socket(fileno=order["listener"])
    listener = await asyncio.start_unix_server(
        lambda r, w: forward(order["host"], r, w), sock=clients
    )
    endings = [asyncio.create_task(c) for c in (server.wait(), pipe_closed(), told.wait())]
    await asyncio.wait(
        endings, timeout=order["maximum_runtime"], return_when=asyncio.FIRST_COMPLETED
    )
    listener.close()
    if endings[0].done():
        complain(order["logs"])
    with suppress(ProcessLookupError):
        server.kill()  # nothing of it is kept, so nothing needs a tidy end
    await server.wait()
    for ending in endings:
        ending.cancel()


def main() -> None:
    """Obey the order on the first line of standard input."""
    # Read byte by byte: what follows the line belongs to the watcher of the pipe.
    line = bytearray()
    while (byte := os.read(sys.stdin.fileno(), 1)) not in (b"", b"\n"):
        line += byte
    order = json.loads(line)
    if order["own_network"]:
        raise_loopback()
    try:
        asyncio.run(keep(order))
    finally:
        shutil.rmtree(order["remove"], ignore_errors=True)


if __name__ == "__main__":
    main()
