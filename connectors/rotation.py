"""What a ledger remembers of a rotation: how far it came, where its password waits, and what is still due.

A phase is the number of the last finished step of the procedure. No part of it holds a secret.
"""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from connectors.models import SecretHandle, SecretVersion

Phase = Literal["N1", "N2", "N3", "N4", "A5", "E4", "F1"]
"""The steps after which a rotation is written down; any earlier one is repeated, or found already so."""


class Part(BaseModel):
    """Base of every part of a ledger: frozen, and unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Pending(Part):
    """Where the new password waits: written there before any directory hears of it."""

    mount: str
    path: str
    version: int
    created: AwareDatetime

    @classmethod
    def of(cls, version: SecretVersion) -> Pending:
        """Remember a staged version."""
        place = version.handle
        return cls(
            mount=place.mount,
            path=place.path,
            version=place.version or 1,
            created=version.created,
        )

    @property
    def secret(self) -> SecretVersion:
        """The version, as connectors want it."""
        handle = SecretHandle(self.mount, self.path, self.version)
        return SecretVersion(handle, self.created, readable=True)


class Setting(Part):
    """A password change that was begun: what the directory showed before, so that it can be told afterwards."""

    at: AwareDatetime
    before: AwareDatetime | None = Field(description="When the password had last been set.")
    after: AwareDatetime | None = Field(
        default=None,
        description="When it shows as last set since; a later date is somebody else's.",
    )
    where: str | None = Field(default=None, description="The domain controller that is asked.")


class Rotation(Part):
    """One rotation that has begun and not ended. Killed at any point, the next run goes on from here."""

    id: str
    begun: AwareDatetime
    account: str = Field(description="Whose password changes.")
    in_use: str = Field(description="What the console held when it began; the same one in place.")
    base: str = Field(description="Label of the version that consumers read when it began.")
    base_version: int
    phase: Phase = "N1"
    pending: Pending | None = None
    setting: Setting | None = None
    entered_at: AwareDatetime | None = Field(
        default=None, description="When the console was given the new password."
    )

    @property
    def in_place(self) -> bool:
        """Say whether the account in use is the one that changes."""
        return self.account.casefold() == self.in_use.casefold()

    @property
    def may_be_set(self) -> bool:
        """Say whether the directory may hold the new password already."""
        return self.setting is not None


class Retirement(Part):
    """An account that is no longer used, and when it gets a random password that nobody keeps."""

    account: str
    due: AwareDatetime
    setting: Setting | None = None


class Trouble(Part):
    """Failed rotations in a row. A run that a schedule starts waits, or leaves the connection to a person."""

    cycles: int
    since: AwareDatetime
    outcome: str
    reason: str
    what_to_do: str
    not_before: AwareDatetime
    needs_person: bool = False
