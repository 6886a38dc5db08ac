"""Ports for servers that are to be found at the same place again."""

from __future__ import annotations

import random
import socket
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_WIDEST = range(10_000, 65_000)


def lasting_port() -> int:
    """Return a free port that the kernel gives to nobody else meanwhile.

    One that it chose itself, as for port 0, is free for every outgoing connection of the machine as soon as its server
    is away for a moment.
    """
    low, high = map(int, _RANGE.read_text().split())
    ours = [port for port in _WIDEST if not low <= port <= high] or list(_WIDEST)
    random.shuffle(ours)
    for port in ours:
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
    raise RuntimeError("no port is free")
