"""Tokens: who calls, with which policies, until when, and which tokens hang on which."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.vault.values import short_duration, timestamp
from sandbox.vault.wire import Refusal

DEFAULT_TTL = MAX_TTL = 768 * 3600
_BASE62 = string.ascii_letters + string.digits


def random_id(length: int = 24) -> str:
    """Return random letters and digits."""
    return "".join(secrets.choice(_BASE62) for _ in range(length))


@dataclass
class Token:
    """One token. Times are seconds since the epoch, lengths are seconds; ``expires`` None is never."""

    id: str
    accessor: str
    policies: list[str]
    path: str
    created: float
    display_name: str = "token"
    meta: dict[str, str] | None = None
    num_uses: int = 0
    parent: str = ""
    ttl: int = 0
    expires: float | None = None
    explicit_max_ttl: int = 0
    period: int = 0
    renewable: bool = False
    type: str = "service"
    entity_id: str = ""
    renewed: float | None = None
    role: str = ""
    limits: Callable[[], tuple[int, int, int]] | None = None  # ttl, max ttl, period of its role
    cubbyhole: dict[str, Any] = field(default_factory=dict)

    @property
    def is_root(self) -> bool:
        """Tell whether this token may do everything."""
        return self.policies == ["root"]

    @property
    def is_wrapping(self) -> bool:
        """Tell whether this token only carries a wrapped response."""
        return self.policies == ["response-wrapping"]

    def left(self, now: float) -> int:
        """Return the whole seconds that it still lives."""
        return 0 if self.expires is None else max(0, int(self.expires - now))


def capped_ttl(
    now: float, created: float, ttl: int, *, period: int = 0, max_ttl: int = 0, explicit: int = 0
) -> tuple[int, list[str]]:
    """Return the lease that a token gets and the warnings that go with it; Refusal past the end."""
    warnings: list[str] = []
    limit = min(x for x in (MAX_TTL, max_ttl, explicit) if x > 0)
    if period > 0:
        if period > limit:
            warnings.append(_capped("period", "period value", period, limit))
        ttl, end = min(period, limit), int(created) + explicit if explicit else None
    else:
        ttl, end = ttl or DEFAULT_TTL, int(created) + limit
    if end is not None:
        left = end - int(now)
        if left <= 0:
            raise Refusal(500, "past the max TTL, cannot renew")
        if ttl > left:
            warnings.append(_capped("TTL", "TTL value", ttl, left))
            ttl = left
    return ttl, warnings


def _capped(what: str, value: str, asked: int, limit: int) -> str:
    return (
        f'{what} of "{short_duration(asked)}" exceeded the effective max_ttl of '
        f'"{short_duration(limit)}"; {value} is capped accordingly'
    )


class Tokens:
    """All living tokens. The caller holds Vault's lock."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._by_id: dict[str, Token] = {}

    def add(self, policies: list[str], path: str, ttl: int, **fields: Any) -> Token:
        """Make a token; ``ttl`` 0 never expires."""
        now = self._now()
        kind = fields.get("type", "service")
        token = Token(
            id=fields.pop("id", "") or ("b." if kind == "batch" else "s.") + random_id(),
            accessor="" if kind == "batch" else random_id(),
            policies=policies,
            path=path,
            created=now,
            ttl=ttl,
            expires=now + ttl if ttl else None,
            **fields,
        )
        self._by_id[token.id] = token
        return token

    def find(self, token_id: str) -> Token | None:
        """Return a living token; one that has expired takes its children along."""
        token = self._by_id.get(token_id)
        if token and token.parent and self.find(token.parent) is None:
            self.revoke(token_id)
            return None
        if token and token.expires is not None and token.expires <= self._now():
            self.revoke(token_id)
            return None
        return token

    def by_accessor(self, accessor: str) -> Token | None:
        """Return a living token by its accessor."""
        for token in list(self._by_id.values()):
            if accessor and token.accessor == accessor:
                return self.find(token.id)
        return None

    def use(self, token: Token) -> bool:
        """Count one use and tell whether it was the last: the token ends with this call."""
        if token.num_uses == 0:
            return False
        token.num_uses = token.num_uses - 1 or -1  # -1: in its last call
        return token.num_uses < 0

    def revoke(self, token_id: str, *, orphan_children: bool = False) -> None:
        """End a token, and its children unless they become orphans."""
        self._by_id.pop(token_id, None)
        for child in [t for t in self._by_id.values() if t.parent == token_id]:
            if orphan_children:
                child.parent = ""
            else:
                self.revoke(child.id)

    def extend(self, token: Token, increment: int) -> tuple[int, list[str]]:
        """Renew a token and return its new lease and the warnings; Refusal when it cannot be."""
        if token.type == "batch":
            raise Refusal(400, "batch tokens cannot be renewed")
        if not token.renewable:
            raise Refusal(400, "lease is not renewable")
        ttl, maximum, period = token.limits() if token.limits else (token.ttl, 0, token.period)
        ttl, warnings = capped_ttl(
            self._now(), token.created, increment or ttl,
            period=period, max_ttl=maximum, explicit=token.explicit_max_ttl,
        )  # fmt: skip
        token.renewed = self._now()
        token.expires = token.renewed + ttl
        return ttl, warnings

    def living(self) -> list[Token]:
        """Return every living token."""
        return [token for name in list(self._by_id) if (token := self.find(name))]

    def show(self, token: Token) -> dict[str, Any]:
        """Return what lookup says about a token."""
        data: dict[str, Any] = {
            "id": token.id,
            "accessor": token.accessor,
            "policies": token.policies,
            "path": token.path,
            "meta": token.meta,
            "display_name": token.display_name,
            "num_uses": token.num_uses,
            "orphan": not token.parent,
            "creation_time": int(token.created),
            "creation_ttl": token.ttl,
            "expire_time": None,
            "ttl": token.left(self._now()),
            "explicit_max_ttl": token.explicit_max_ttl,
            "entity_id": token.entity_id,
            "type": token.type,
        }
        if token.period:
            data["period"] = token.period
        if token.role:
            data["role"] = token.role
        if token.renewed is not None:
            data["last_renewal_time"] = int(token.renewed)
            data["last_renewal"] = timestamp(token.renewed)
        if token.expires is not None:
            data["expire_time"] = timestamp(token.expires)
        data["issue_time"] = timestamp(token.created)
        data["renewable"] = token.renewable
        return data

    def auth(self, token: Token, lease: int) -> dict[str, Any]:
        """Return the ``auth`` block of an answer that hands out or renews a token for ``lease``."""
        return {
            "client_token": token.id,
            "accessor": token.accessor,
            "policies": token.policies,
            "token_policies": token.policies,
            "metadata": token.meta,
            "lease_duration": lease,
            "renewable": token.renewable,
            "entity_id": token.entity_id,
            "token_type": token.type,
            "orphan": not token.parent,
            "mfa_requirement": None,
            "num_uses": token.num_uses,
        }
