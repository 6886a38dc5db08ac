"""Where one console bridge is, and where its client secret lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from connectors.errors import InvalidInput
from connectors.models import SecretHandle


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeSettings:
    """The bridge of one Administrator service. Times are in seconds.

    ``client`` names the Vault document with the fields ``client_id`` and ``client_secret``. ``ca_file`` None
    means the machine's own trust store; ``token_url`` None means ``url`` + ``/oauth2/token``.

    Raises InvalidInput for an address that is not https: also loopback carries passwords.
    """

    url: str
    client: SecretHandle
    ca_file: Path | None = None
    token_url: str | None = None
    connect_timeout: float = 5.0
    answer_timeout: float = 60.0  # Validate and the operations wait for a directory

    def __post_init__(self) -> None:
        _check_address("url", self.url)
        if self.token_url is not None:
            _check_address("token_url", self.token_url)
        for field in ("connect_timeout", "answer_timeout"):
            if not getattr(self, field) > 0:
                raise InvalidInput(
                    "cayosoft",
                    "read settings",
                    field=field,
                    advice=f"Give {field} as a number of seconds above 0.",
                )

    @property
    def token_address(self) -> str:
        """Where the client signs in."""
        return self.token_url or f"{self.url.rstrip('/')}/oauth2/token"


def _check_address(field: str, value: str) -> None:
    """Accept https addresses that hold nothing but host, port and path."""
    try:
        parts = urlsplit(value)
        usable = (
            parts.scheme == "https"
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
            and parts.username is None
            and parts.password is None
            and not (parts.query or parts.fragment)
        )
    except ValueError:
        usable = False
    if not usable:
        # The value itself stays out of the message: it could hold a password.
        raise InvalidInput(
            "cayosoft",
            "read settings",
            field=field,
            advice=f"Give {field} as https://host[:port][/path], without user, password or query.",
        )
