"""What Vault says about a secret without giving it out, and about itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from connectors.models import SecretVersion
from connectors.secret import Secret


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


@dataclass(frozen=True, slots=True)
class Staged:
    """A password that waits at its own path; ``made_now`` False: it was there already."""

    version: SecretVersion
    made_now: bool


@dataclass(frozen=True, slots=True)
class Approval:
    """What a person has written below the own folder about one form or plan."""

    by: str
    answer: str
    at: datetime


@dataclass(frozen=True, slots=True)
class WrappingToken:
    """A token that gives out what was wrapped, once, within ``seconds``."""

    token: Secret
    accessor: str
    seconds: int
    creation_path: str


class NodeState(StrEnum):
    """What one node of Vault says that it is."""

    ACTIVE = "active"
    STANDBY = "standby"
    PERFORMANCE_STANDBY = "performance standby"
    DISASTER_RECOVERY_SECONDARY = "disaster-recovery secondary"
    CUT_OFF = "cut off from the active node"
    NOT_INITIALISED = "not initialised"
    SEALED = "sealed"
    REMOVED = "removed from the cluster"


@dataclass(frozen=True, slots=True)
class VaultHealth:
    """The health of the node that answered. Version and cluster name are empty when it hides them.

    ``clock`` is its time in UTC, to the second; None when it does not say.
    """

    state: NodeState
    version: str
    cluster: str
    clock: datetime | None = None

    @property
    def serves(self) -> bool:
        """Say whether this node answers reads and passes writes on."""
        return self.state in (NodeState.ACTIVE, NodeState.STANDBY, NodeState.PERFORMANCE_STANDBY)


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What Vault says about the token that this product uses now. ``seconds`` None: it does not end."""

    policies: tuple[str, ...]
    seconds: float | None
    renewable: bool
