"""Why a certificate is not believed, told apart; and that one which ends soon is a warning."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.doctor import vault
from cli.doctor.model import Wrong
from cli.doctor.site import Choices, Site
from cli.doctor.tls import Door
from connectors import certificates
from connectors.certificates import Doubt, authority_dates, certificate_of, knock
from connectors.errors import Unreachable
from sandbox.standin.tls import Authority, server_context

SITE = Site(Choices())
CHECKS = vault.DOORS


@contextmanager
def _door(
    authority: Authority, certificate: tuple[Path, Path] | None, host: str = "127.0.0.1"
) -> Iterator[Door]:
    """Listen with a certificate, or without TLS, until the end."""
    with socket.create_server((host, 0)) as server:
        thread = threading.Thread(target=_listen, args=(server, certificate), daemon=True)
        thread.start()
        port = server.getsockname()[1]
        yield Door(host, port, authority.ca_file, "ROTATION_VAULT_CA_FILE", "ROTATION_VAULT_ADDR")
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def _listen(server: socket.socket, certificate: tuple[Path, Path] | None) -> None:
    context = server_context(*certificate) if certificate else None
    while True:
        try:
            raw, _ = server.accept()
        except OSError:
            return
        raw.settimeout(5)
        with contextlib.suppress(OSError), raw:
            if context is None:
                raw.sendall(b"220 mail.example.test ESMTP\r\n")
                raw.recv(1024)
            else:
                with context.wrap_socket(raw, server_side=True) as line:
                    line.recv(1)


def _wrong(door: Door) -> Wrong:
    with pytest.raises(Wrong) as told:
        CHECKS.trusted.look(SITE, door)
    return told.value


def test_trusted(authority: Authority) -> None:
    """A certificate of the authority, with the name, is believed, and lasts."""
    with _door(authority, authority.issue("good")) as door:
        assert "127.0.0.1" in CHECKS.trusted.look(SITE, door)
        assert "days" in CHECKS.lasting.look(SITE, door)
        assert CHECKS.reachable.look(SITE, door) == f"127.0.0.1:{door.port}"


def test_ends_soon(authority: Authority) -> None:
    """One that ends in less than three weeks is still believed, and warned of."""
    with _door(authority, authority.issue("soon", days=10)) as door:
        assert CHECKS.trusted.look(SITE, door)
        with pytest.raises(Wrong, match=r"ends in 9 days, on \d{4}-") as told:
            CHECKS.lasting.look(SITE, door)
    assert CHECKS.lasting.warns
    assert "openssl x509 -noout -dates" in told.value.fix


def test_expired(authority: Authority) -> None:
    """One that has expired says so, and asks for this machine's date too."""
    with _door(authority, authority.issue("expired", days=-1)) as door:
        wrong = _wrong(door)
    assert "it has expired" in wrong.fault
    assert "timedatectl" in wrong.fix


def test_another_authority(authority: Authority, tmp_path: Path) -> None:
    """One of another authority names the setting in which the right one belongs."""
    other = Authority.create(tmp_path / "other")
    with _door(authority, other.issue("other")) as door:
        wrong = _wrong(door)
    assert "no trusted authority has issued it" in wrong.fault
    assert "Set ROTATION_VAULT_CA_FILE to the PEM file" in wrong.fix


def test_another_name(authority: Authority) -> None:
    """One with another name says so, with the command that shows its names; another expected name is taken."""
    with _door(authority, authority.issue("named", "vault.example.test"), host="127.0.0.2") as door:
        wrong = _wrong(door)
        shown = certificate_of(
            door.host, door.port, door.ca_file, system="vault", seconds=5, other_names=["localhost"]
        )
    assert "it carries another name" in wrong.fault
    assert "-ext subjectAltName" in wrong.fix
    assert "ROTATION_VAULT_ADDR" in wrong.fix
    assert shown.doubt is None


def test_no_tls(authority: Authority) -> None:
    """A port where something else answers is told from a certificate that is wrong."""
    with _door(authority, None) as door:
        assert "does not speak TLS" in _wrong(door).fault


def test_silence(authority: Authority) -> None:
    """A port that takes the connection and says nothing is given up in time."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(Unreachable, match=r"no TLS within 0\.2 s"):
            certificate_of("127.0.0.1", port, authority.ca_file, system="vault", seconds=0.2)


def test_nobody(authority: Authority) -> None:
    """A closed port, and a name that does not resolve, are told apart; the command to look with is exact."""
    door = Door("127.0.0.1", 9, authority.ca_file, "ca_file", "controllers[0]")
    with pytest.raises(Wrong, match="connection is refused") as told:
        CHECKS.reachable.look(SITE, door)
    assert told.value.fix.endswith("nc -vz 127.0.0.1 9")
    assert "controllers[0]" in told.value.fix
    nowhere = replace(door, host="nobody.invalid")
    with pytest.raises(Wrong, match="the name does not resolve"):
        CHECKS.reachable.look(SITE, nowhere)
    with pytest.raises(Unreachable, match=r"host=127\.0\.0\.1, port=9"):
        knock("127.0.0.1", 9, system="vault", seconds=1)


def test_nothing_is_sent(authority: Authority) -> None:
    """Looking sends not one byte over TLS, whoever answers."""
    heard: list[bytes] = []
    context = server_context(*authority.issue("listening"))
    with socket.create_server(("127.0.0.1", 0)) as server:

        def listen() -> None:
            raw, _ = server.accept()
            with contextlib.suppress(OSError), context.wrap_socket(raw, server_side=True) as line:
                heard.append(line.recv(1024))

        thread = threading.Thread(target=listen)
        thread.start()
        port = server.getsockname()[1]
        assert (
            certificate_of("127.0.0.1", port, authority.ca_file, system="vault", seconds=5).doubt
            is None
        )
        thread.join(10)
    assert heard in ([b""], [])


def test_authority_file(authority: Authority) -> None:
    """The dates of a CA file are read, and another file is refused."""
    (ends,) = authority_dates(authority.ca_file.read_bytes())
    assert ends - datetime.now(UTC) > timedelta(days=1)
    with pytest.raises(ValueError):
        authority_dates(b"not a certificate")


def test_every_doubt_is_told() -> None:
    """Every reason that OpenSSL has for a refusal is one of ours; a code that is not known is no trust."""
    assert certificates._doubt(10) is Doubt.EXPIRED
    assert certificates._doubt(9) is Doubt.NOT_YET
    assert {certificates._doubt(code) for code in (62, 63, 64)} == {Doubt.WRONG_NAME}
    assert certificates._doubt(4711) is Doubt.NOT_TRUSTED
    assert ssl.SSLCertVerificationError.__mro__[1] is ssl.SSLError
