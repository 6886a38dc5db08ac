"""What Vault says about a secret without giving it out."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.models import SecretVersion


@dataclass(frozen=True, slots=True)
class SecretMetadata:
    """The metadata of one KV v2 secret: its versions, never its values."""

    mount: str
    path: str
    current: SecretVersion
    oldest_version: int
    versions: tuple[SecretVersion, ...]
    max_versions: int
    check_and_set_required: bool
