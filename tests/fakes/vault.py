"""A Vault in memory: versions with and without a value."""

from __future__ import annotations

from datetime import timedelta

from connectors.errors import NotFound
from connectors.models import Credential, SecretHandle, SecretVersion
from connectors.secret import Secret
from connectors.vault.models import Approval, SecretMetadata
from tests.fakes.directory import START
from tests.fakes.telling import Told


class FakeVault(Told):
    """One Vault. ``gone`` are versions that were deleted or destroyed."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[SecretHandle, tuple[str, Secret]] = {}
        self.gone: set[SecretHandle] = set()
        self.indexes: list[str | None] = []
        self.said: dict[str, tuple[Approval, ...]] = {}

    def write(self, mount: str, path: str, username: str, password: str) -> SecretHandle:
        """Write another version and return its handle."""
        count = sum(1 for h in self.values if (h.mount, h.path) == (mount, path))
        handle = SecretHandle(mount, path, count + 1)
        self.values[handle] = username, Secret(password)
        return handle

    def approvals(self, place: SecretHandle, key: str) -> tuple[Approval, ...]:
        """Read what people have written about a form or plan."""
        return self.act("approvals", lambda: self.said.get(key, ()))

    def metadata(self, handle: SecretHandle, *, index: str | None = None) -> SecretMetadata:
        """Read versions and dates of a secret; the handle's own version is ignored."""

        def read() -> SecretMetadata:
            place = (handle.mount, handle.path)
            versions = tuple(
                SecretVersion(h, START + timedelta(days=h.version or 0), h not in self.gone)
                for h in self.values
                if (h.mount, h.path) == place
            )
            if not versions:
                raise NotFound("vault", "read metadata", secret=handle)
            return SecretMetadata(*place, versions[-1], 1, versions, 10, False)

        self.indexes.append(index)
        return self.act("metadata", read)

    def credential(self, handle: SecretHandle) -> Credential:
        """Read ``username`` and ``password`` of one version, or of the latest."""
        username, password = self.values[handle]
        return self.act("credential", lambda: Credential(handle, username, password))
