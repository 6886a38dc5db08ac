"""What a directory is and how to reach it: values only, checked when made, without touching anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from connectors.active_directory.names import domain_of, parse_dn
from connectors.errors import InvalidInput
from connectors.models import SecretHandle


@dataclass(frozen=True, slots=True)
class DirectorySettings:
    """One Active Directory domain, its controllers in order of preference, and the reader identity.

    ``ca_file`` None means the machine's own trust store. Timeouts are whole seconds: ``connect_timeout``
    for TCP, ``receive_timeout`` for the TLS handshake and for every answer. ``tls_names`` are further
    names that a controller's certificate may carry instead of the host in its URL. ``reserve`` is how
    many wrong passwords must stay unspent before the account locks. ``setter`` may reset the passwords of
    connection accounts; without it nothing here can.

    Raises InvalidInput naming the field and the fix.
    """

    name: str
    base_dn: str
    controllers: tuple[str, ...]
    reader: SecretHandle
    ca_file: Path | None = None
    connect_timeout: int = 5
    receive_timeout: int = 10
    tls_names: tuple[str, ...] = ()
    reserve: int = 2
    setter: SecretHandle | None = None

    def __post_init__(self) -> None:
        """Check what can be checked without asking the directory."""
        parse_dn(self.base_dn, field="base_dn")
        if not domain_of(self.base_dn):
            _refuse("base_dn", self.base_dn, "Give the domain's base, such as DC=corp,DC=example.")
        if not self.controllers:
            _refuse("controllers", "none", "Name at least one controller as ldaps://host:636.")
        for url in self.controllers:
            endpoint(url)
        for name in self.tls_names:
            # A lone asterisk would match every certificate.
            if not name or "*" in name:
                _refuse("tls_names", name, "Give full host names; a wildcard is not a name.")
        for field in ("connect_timeout", "receive_timeout"):
            seconds = getattr(self, field)
            if not isinstance(seconds, int) or seconds < 1:
                _refuse(field, seconds, "Give whole seconds, at least 1.")
        if self.reserve < 0:
            _refuse("reserve", self.reserve, "Give 0 or more.")

    @property
    def domain(self) -> str:
        """The domain's DNS name, taken from ``base_dn``."""
        return domain_of(self.base_dn)


def endpoint(url: str) -> tuple[str, int]:
    """Return host and port of an ``ldaps://`` URL; raise InvalidInput for anything else."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
        parts = urlsplit("")
    if parts.scheme == "ldap":
        _refuse(
            "controllers",
            url,
            "Passwords never travel without TLS: write ldaps://host:636 instead of ldap://.",
        )
    extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    if parts.scheme != "ldaps" or not host or extra:
        _refuse("controllers", url, "Write it as ldaps://host or ldaps://host:port.")
    assert host is not None  # noqa: S101 - told to the type checker; refused above
    return host, port or 636


def _refuse(field: str, value: object, advice: str) -> None:
    raise InvalidInput("active directory", "settings", field=field, value=value, advice=advice)
