"""What is asked of a request before its body is believed: room, pace, type, size, time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection

from starlette.requests import ClientDisconnect, Request

from intake.problems import Problem


class Pace:
    """A bucket of tokens: so many requests at once, so many a second in the long run."""

    def __init__(
        self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._lock = threading.Lock()
        self._left = float(burst)
        self._at = clock()

    def take(self) -> None:
        """Use one token; raises Problem 429 that says when there will be one."""
        with self._lock:
            now = self._clock()
            self._left = min(self._burst, self._left + (now - self._at) * self._rate)
            self._at = now
            if self._left < 1:
                raise Problem(429, retry_after=(1 - self._left) / self._rate)
            self._left -= 1


def require_type(request: Request, wanted: Collection[str], *, may_be_absent: bool) -> None:
    """Raise Problem 415 for a body of another type, 400 for one that is packed."""
    told = request.headers.getlist("content-type")
    kind = told[0].partition(";")[0].strip().casefold() if len(told) == 1 else ""
    if (told or not may_be_absent) and kind not in wanted:
        raise Problem(415, f"Send one of: {', '.join(sorted(wanted))}.")
    if request.headers.get("content-encoding", "identity").casefold() != "identity":
        raise Problem(415, "Send the body without a content encoding.")


async def read_body(request: Request, largest: int, patience: float) -> bytes:
    """Return the body, of which never more than ``largest`` bytes and one piece are held.

    Raises Problem 413 before reading when the length says so, and while reading when it lied.
    """
    told = request.headers.getlist("content-length")
    if told:
        if len(told) > 1 or not (told[0].isascii() and told[0].isdigit()):
            raise Problem(400, "The content length is no number.")
        # So many digits are too many, whatever they say; Python refuses to read thousands of them.
        if len(told[0]) > 15 or int(told[0]) > largest:
            raise Problem(413, f"At most {largest} bytes.")
    held = bytearray()
    gone = False
    try:
        async with asyncio.timeout(patience):
            async for piece in request.stream():
                if len(held) + len(piece) > largest:
                    raise Problem(413, f"At most {largest} bytes.")
                held += piece
    except (TimeoutError, ClientDisconnect):
        gone = True
    if gone:
        raise Problem(408)
    return bytes(held)
