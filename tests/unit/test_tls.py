"""The context that every connector verifies with: what it demands, and what it does where something is missing."""

from __future__ import annotations

import gc
import select
import socket
import ssl
import struct
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connectors.errors import InvalidInput
from connectors.tls import tls_context

_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


@pytest.fixture
def abandoned() -> Iterator[socket.socket]:
    """Return a connection whose peer has reset it."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        line = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
        peer.close()
        poll = select.poll()
        poll.register(line, 0)
        assert poll.poll(10_000)  # the reset has arrived
        with closing(line):
            yield line


def test_a_peer_that_is_gone(abandoned: socket.socket) -> None:
    """It is refused like any line that was cut, and nothing is left open."""
    with warnings.catch_warnings(record=True) as left:
        warnings.simplefilter("always")
        with pytest.raises(OSError, match=r".") as refused:
            tls_context(None, "test").wrap_socket(abandoned, server_hostname="localhost")
        assert not isinstance(refused.value, ssl.SSLCertVerificationError)
        del refused
        gc.collect()
    assert not left


def test_what_is_demanded() -> None:
    """A certificate with the right name, and TLS 1.2."""
    context = tls_context(None, "test")
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("content", [None, "no certificate\n"])
def test_a_ca_file_that_is_none(tmp_path: Path, content: str | None) -> None:
    """Whether it is missing or holds something else: its name is told, and whose it is."""
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)

    with pytest.raises(InvalidInput) as refused:
        tls_context(file, "active directory", directory="corp")

    assert (refused.value.system, refused.value.identifiers["directory"]) == (
        "active directory",
        "corp",
    )
    assert str(file) in refused.value.what_to_do()
    assert refused.value.__context__ is None
