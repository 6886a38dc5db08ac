"""The little of a Vault that a console driver needs, with secrets made at run time."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.errors import NotFound
from connectors.models import Credential, SecretHandle
from connectors.secret import Secret


class FakeVault:
    """Keeps ``connectors.protocols.SecretSource`` in memory and counts the reads."""

    def __init__(self) -> None:
        self._documents: dict[tuple[str, str], dict[str, str]] = {}
        self.reads: list[SecretHandle] = []

    def put(self, handle: SecretHandle, **fields: str) -> SecretHandle:
        """Write a document."""
        self._documents[handle.mount, handle.path] = fields
        return handle

    def document(self, handle: SecretHandle) -> Mapping[str, Secret]:
        """Read every field."""
        self.reads.append(handle)
        found = self._documents.get((handle.mount, handle.path))
        if found is None:
            raise NotFound("vault", "read", secret=handle)
        return {name: Secret(value) for name, value in found.items()}

    def credential(self, handle: SecretHandle) -> Credential:
        """Read username and password."""
        document = self.document(handle)
        return Credential(handle, document["username"].reveal(), document["password"])
