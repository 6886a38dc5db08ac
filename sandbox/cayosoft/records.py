"""What the console knows about rows and drafts."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """One connection row. The password stays in the store."""

    extension: str
    row: str
    account: str
    revision: str
    secret_label: str | None
    saved_at: float | None
    saved_key: str | None
    saves: int
    app_id: str | None
    collecting: int


@dataclass(frozen=True)
class Draft:
    """One edit draft, ``expires_at`` in seconds since the epoch."""

    id: str
    extension: str
    row: str
    account: str
    secret_label: str
    base_revision: str
    expires_at: float


@dataclass(frozen=True)
class Login:
    """An account with its password, for the moment of use."""

    account: str
    password: str = field(repr=False)
