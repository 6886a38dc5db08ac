"""The token auth method: what a token may learn about itself, renewing, revoking and making others."""

from __future__ import annotations

import re
from typing import Any

from sandbox.vault.core import Vault
from sandbox.vault.routing import Mount, Table
from sandbox.vault.tokens import Token, capped_ttl
from sandbox.vault.values import Fields, seconds
from sandbox.vault.wire import Answer, Call, Refusal

_SUDO = "root or sudo privileges required to"


class TokenApi:
    """The endpoints under ``auth/token/``. The caller holds Vault's lock."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        table = Table()
        add = table.add
        add("read write", "lookup-self", "token.lookup", self._lookup_self)
        add("write", "lookup", "token.lookup", self._lookup)
        add("read", "lookup", "token.lookup", self._lookup)
        add("write", "lookup-accessor/?", "token.lookup", self._lookup_accessor)
        add("write", "renew-self", "token.renew", self._renew_self)
        add("write", "renew", "token.renew", self._renew)
        add("write", "revoke-self", "token.revoke", self._revoke_self)
        add("write", "revoke", "token.revoke", self._revoke)
        add("write", "revoke-accessor/?", "token.revoke", self._revoke_accessor)
        add("write", "revoke-orphan", "token.revoke", self._revoke_orphan, sudo=True)
        add("write", "create(?P<orphan>-orphan)?", "token.create", self._create)
        about = "token based credentials"
        vault.mounts.add(Mount("auth/token/", "token", table, description=about))

    def _named(self, call: Call) -> str:
        return Fields(call.data).text("token")

    def _lookup_self(self, call: Call) -> Answer:
        return Answer(self._vault.tokens.show(call.caller))

    def _lookup(self, call: Call) -> Answer:
        token = self._vault.tokens.find(self._named(call) or call.client_token)
        if token is None:
            raise Refusal(403, "bad token")
        return Answer(self._vault.tokens.show(token))

    def _by_accessor(self, call: Call) -> Token | None:
        accessor = Fields(call.data).text("accessor")
        if not accessor:
            raise Refusal.combined(400, "missing accessor")
        return self._vault.tokens.by_accessor(accessor)

    def _lookup_accessor(self, call: Call) -> Answer:
        token = self._by_accessor(call)
        if token is None:
            raise Refusal.combined(400, "invalid accessor")
        return Answer({**self._vault.tokens.show(token), "id": ""})

    def _renew_self(self, call: Call) -> Answer:
        return self._extended(call.caller, call)

    def _renew(self, call: Call) -> Answer:
        token = self._vault.tokens.find(self._named(call))
        if token is None:
            raise Refusal(400, "token not found")
        return self._extended(token, call)

    def _extended(self, token: Token, call: Call) -> Answer:
        lease, warnings = self._vault.tokens.extend(token, Fields(call.data).duration("increment"))
        return Answer(auth=self._vault.tokens.auth(token, lease), warnings=warnings)

    def _end(self, token: Token | None) -> None:
        if token is None:
            return
        if token.type == "batch":
            raise Refusal(400, "batch tokens cannot be revoked")
        self._vault.tokens.revoke(token.id)

    def _revoke_self(self, call: Call) -> None:
        self._end(call.caller)

    def _revoke(self, call: Call) -> None:
        if not self._named(call):
            raise Refusal(400, "missing token ID")
        self._end(self._vault.tokens.find(self._named(call)))

    def _revoke_accessor(self, call: Call) -> Answer | None:
        token = self._by_accessor(call)
        if token is None:
            return Answer(None, warnings=["No token found with this accessor"])
        self._end(token)
        return None

    def _revoke_orphan(self, call: Call) -> None:
        token = self._vault.tokens.find(self._named(call))
        if token is None:
            raise Refusal(400, "token to revoke not found")
        self._vault.tokens.revoke(token.id, orphan_children=True)

    def _create(self, call: Call) -> Answer:
        parent, fields = call.caller, Fields(call.data)
        if parent.type == "batch":
            raise Refusal(400, "batch tokens cannot create more tokens")
        if parent.num_uses != 0:
            raise Refusal(400, "restricted use token cannot generate child tokens")
        sudo = self._vault.acl(parent).allows("update", call.path, sudo=True)
        policies = self._policies(parent, fields, sudo=sudo)
        orphan = bool(call.params["orphan"]) or fields.flag("no_parent")
        if fields.flag("no_parent") and not sudo:
            raise Refusal(400, f"{_SUDO} create orphan token")
        wanted: dict[str, Any] = {
            "id": self._own_id(fields, sudo=sudo),
            "parent": "" if orphan else parent.id,
            "meta": {k: str(v) for k, v in fields.mapping("meta").items()} or None,
            "display_name": _display_name(fields.text("display_name")),
            "num_uses": _uses(fields),
            "period": _length(fields, "period"),
            "explicit_max_ttl": _length(fields, "explicit_max_ttl"),
            "entity_id": "" if orphan else parent.entity_id,
            "type": _type(fields),
            "renewable": fields.flag("renewable", default=True),
        }
        if wanted["period"] and not sudo:
            raise Refusal(400, f"{_SUDO} create periodic token")
        return self._made(policies, call, wanted, _length(fields, "ttl"))

    def _made(self, policies: list[str], call: Call, wanted: dict[str, Any], ttl: int) -> Answer:
        now, warnings = self._vault.now(), list[str]()
        if ttl or wanted["period"] or "root" not in policies:
            ttl, warnings = capped_ttl(
                now, now, ttl, period=wanted["period"], explicit=wanted["explicit_max_ttl"]
            )
        ttl = ttl or wanted["explicit_max_ttl"]
        if ttl == 0 and call.caller.ttl:
            raise Refusal(400, "expiring root tokens cannot create non-expiring root tokens")
        if ttl == 0 or wanted["type"] == "batch":
            wanted["renewable"] = False
        if not wanted["id"]:
            del wanted["id"]
        token = self._vault.tokens.add(policies, f"auth/token/{call.path[11:]}", ttl, **wanted)
        known = {"root", *self._vault.policies}
        warnings += [f'Policy "{p}" does not exist' for p in policies if p not in known]
        return Answer(auth=self._vault.tokens.auth(token, ttl), warnings=warnings)

    def _policies(self, parent: Token, fields: Fields, *, sudo: bool) -> list[str]:
        asked = {p.lower() for p in fields.names("policies")}
        no_default = fields.flag("no_default_policy")
        if not asked:
            policies = set(parent.policies)
        elif sudo:
            policies = asked | (set() if no_default else {"default"})
        else:
            if not asked <= set(parent.policies):
                raise Refusal(400, "child policies must be subset of parent")
            default = {"default"} & set(parent.policies)
            policies = asked | (set() if no_default else default)
        if "root" in policies:
            policies = {"root"}
            if not parent.is_root:
                raise Refusal(400, "root tokens may not be created without parent token being root")
        if "response-wrapping" in policies:
            raise Refusal(400, 'cannot assign policy "response-wrapping"')
        return sorted(policies - ({"default"} if no_default else set()))

    @staticmethod
    def _own_id(fields: Fields, *, sudo: bool) -> str:
        given = fields.text("id")
        if given and not sudo:
            raise Refusal(400, f"{_SUDO} specify token id")
        return given


def _display_name(given: str) -> str:
    return re.sub(r"[^a-zA-Z0-9-]", "-", f"token-{given}").removesuffix("-") if given else "token"


def _uses(fields: Fields) -> int:
    uses = fields.number("num_uses")
    if uses < 0:
        raise Refusal(400, "number of uses cannot be negative")
    return uses


def _length(fields: Fields, name: str) -> int:
    given = fields.text(name)
    try:
        length = seconds(given)
    except ValueError:
        raise Refusal(400, f'time: invalid duration "{given}"') from None
    if length < 0:
        raise Refusal(400, f"{name} must be positive")
    return length


def _type(fields: Fields) -> str:
    kind = fields.text("type") or "service"
    if kind not in {"service", "batch"}:
        raise Refusal(400, "invalid 'token_type' value")
    for name in ("explicit_max_ttl", "period", "num_uses"):
        if kind == "batch" and fields.text(name) not in {"", "0", "0s"}:
            raise Refusal(400, f'batch tokens cannot have "{name}" set')
    return kind
