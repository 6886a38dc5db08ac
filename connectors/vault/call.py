"""One request to Vault described in words: enough to log it, to explain its failure, and no secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.http import Effect


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked of Vault. ``path`` is the API path without ``/v1``, as a policy names it.

    ``needs`` are the policy capabilities. ``answers`` are statuses besides 200 and 204 that the caller
    reads itself; every other status becomes an error.
    """

    operation: str
    path: str
    effect: Effect = Effect.READ
    needs: tuple[str, ...] = ("read",)
    answers: frozenset[int] = frozenset()
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What Vault answered. ``body`` may hold secrets, so this never shows itself."""

    status: int
    body: Mapping[str, Any]

    @property
    def data(self) -> Mapping[str, Any]:
        """The ``data`` object of the answer; empty when there is none."""
        data = self.body.get("data")
        return data if isinstance(data, dict) else {}

    def says(self, text: str) -> bool:
        """Look for a text among the error messages and warnings, which are never shown."""
        told = [*(self.body.get("errors") or ()), *(self.body.get("warnings") or ())]
        return any(text in line for line in told if isinstance(line, str))


def at(index: str | None) -> dict[str, str]:
    """Return the headers of a read that must include a state of Vault Enterprise; none without an index.

    A node that has not reached it hands the request on to the active one, or answers 412 where it may not
    (Vault documentation, "Vault eventual consistency").
    """
    if index is None:
        return {}
    return {"X-Vault-Index": index, "X-Vault-Inconsistent": "forward-active-node"}
