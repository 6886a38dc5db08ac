"""Response wrapping: one answer, kept under a token that may be used once."""

from __future__ import annotations

from sandbox.vault.core import Vault
from sandbox.vault.tokens import Token
from sandbox.vault.values import Fields, timestamp
from sandbox.vault.wire import Answer, Call, Refusal, body


class Wrapping:
    """The endpoints under ``sys/wrapping/``. The caller holds Vault's lock."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        add = vault.system.add
        add("write", "wrapping/wrap", "wrapping.wrap", self._wrap)
        add("write", "wrapping/unwrap", "wrapping.unwrap", self._unwrap)
        add("write read", "wrapping/lookup", "wrapping.lookup", self._lookup, open=True)
        add("write", "wrapping/rewrap", "wrapping.rewrap", self._rewrap)

    def _carrier(self, call: Call) -> tuple[Token, bool]:
        """Return the wrapping token, checked before, and whether it came in the body."""
        given = Fields(call.data).text("token")
        token = self._vault.tokens.find(given) if given else call.caller
        if token is None:  # it expired between the check and here
            raise Refusal(400, "wrapping token is not valid or does not exist")
        return token, bool(given)

    def _wrap(self, call: Call) -> Answer:
        if not call.wrap_ttl:
            raise Refusal(400, "endpoint requires response wrapping to be used")
        return Answer(dict(call.data))

    def _unwrap(self, call: Call) -> Answer:
        token, in_body = self._carrier(call)
        if in_body:
            self._vault.tokens.revoke(token.id, orphan_children=True)
        status, stored = token.cubbyhole["response"]
        return Answer(status=status, raw=body(stored))

    def _lookup(self, call: Call) -> Answer:
        given = Fields(call.data).text("token") or call.client_token
        token = self._vault.tokens.find(given)
        if token is None:
            raise Refusal(400, "wrapping token is not valid or does not exist")
        kept = token.cubbyhole
        return Answer(
            {
                "creation_path": kept["creation_path"],
                "creation_time": timestamp(kept["creation_time"]),
                "creation_ttl": kept["creation_ttl"],
            }
        )

    def _rewrap(self, call: Call) -> Answer:
        token, in_body = self._carrier(call)
        if in_body:
            self._vault.tokens.revoke(token.id, orphan_children=True)
        kept = token.cubbyhole
        rewrap = (kept["creation_ttl"], kept["creation_path"])
        return Answer({"response": kept["response"]}, rewrap=rewrap)
