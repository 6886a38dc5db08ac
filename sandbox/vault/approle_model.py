"""The nouns of the AppRole auth method: a role and its secret ids."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from sandbox.vault.values import timestamp
from sandbox.vault.wire import Refusal

NUMBERS = ("secret_id_num_uses", "token_num_uses")
DURATIONS = (
    "secret_id_ttl", "token_ttl", "token_max_ttl", "token_explicit_max_ttl", "token_period",
)  # fmt: skip


@dataclass
class SecretId:
    """One secret id. ``expires`` None is never; ``uses`` 0 is without limit."""

    value: str
    accessor: str
    uses: int
    ttl: int
    created: float
    updated: float
    expires: float | None
    metadata: dict[str, str]

    def show(self) -> dict[str, Any]:
        """Return what a lookup says; the value itself is not told again."""
        never = "0001-01-01T00:00:00Z"
        return {
            "cidr_list": [],
            "creation_time": timestamp(self.created),
            "expiration_time": never if self.expires is None else timestamp(self.expires),
            "last_updated_time": timestamp(self.updated),
            "metadata": self.metadata,
            "secret_id_accessor": self.accessor,
            "secret_id_num_uses": self.uses,
            "secret_id_ttl": self.ttl,
            "token_bound_cidrs": [],
        }


@dataclass
class Role:
    """One role. Lengths are seconds."""

    name: str
    role_id: str
    policies: list[str] = field(default_factory=list)
    bind_secret_id: bool = True
    no_default_policy: bool = False
    token_type: str = "default"
    numbers: dict[str, int] = field(default_factory=lambda: dict.fromkeys(NUMBERS + DURATIONS, 0))
    entity_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    secret_ids: dict[str, SecretId] = field(default_factory=dict)

    def show(self) -> dict[str, Any]:
        """Return what a read of the role says."""
        return {
            "bind_secret_id": self.bind_secret_id,
            "local_secret_ids": False,
            "secret_id_bound_cidrs": None,
            "token_bound_cidrs": [],
            "token_no_default_policy": self.no_default_policy,
            "token_policies": self.policies,
            "token_strictly_bind_ip": False,
            "token_type": self.token_type,
            **self.numbers,
        }


def parse_metadata(text: str) -> dict[str, str]:
    """Read the metadata of a secret id: a JSON object or ``key=value`` pairs."""
    if not text:
        return {}
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = dict(pair.split("=", 1) for pair in text.split(",") if "=" in pair)
    if not isinstance(parsed, dict):
        raise Refusal(400, "failed to parse metadata: not a map")
    return {str(k): str(v) for k, v in parsed.items()}
