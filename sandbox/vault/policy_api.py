"""ACL policies over the API, and what a token may do where."""

from __future__ import annotations

from sandbox.vault.core import Vault
from sandbox.vault.tokens import Token
from sandbox.vault.values import Fields, timestamp
from sandbox.vault.wire import Answer, Call, Refusal


class PolicyApi:
    """The endpoints for ACL policies and capabilities. The caller holds Vault's lock."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        add = vault.system.add
        for root in ("policies/acl", "policy"):
            name = f"{root}/(?P<name>.+)"
            add("list read" if root == "policy" else "list", f"{root}/?", "policy.list", self._list)
            add("read", name, "policy.read", self._read)
            add("write", name, "policy.write", self._write)
            add("delete", name, "policy.delete", self._delete)
        add("write", "capabilities-self", "capabilities", self._own_capabilities)
        add("write", "capabilities", "capabilities", self._capabilities)

    def _list(self, call: Call) -> Answer:
        shown = (name for name in self._vault.policies if name != "response-wrapping")
        names = [*sorted(shown), "root"]
        if call.path.startswith("sys/policy"):
            return Answer({"keys": names, "policies": names})
        return Answer({"keys": names})

    def _read(self, call: Call) -> Answer | None:
        name = call.params["name"].lower()
        policy = self._vault.policies.get(name)
        if policy is None:
            return None
        return Answer(
            {
                "allow_slashes_in_identity_templates": False,
                "allow_wildcards_in_identity_templates": False,
                "cas_required": False,
                "modified": timestamp(policy.modified),
                "name": name,
                "rules" if call.path.startswith("sys/policy/") else "policy": policy.text,
                "version": policy.version,
            }
        )

    def _write(self, call: Call) -> Answer | None:
        given, fields = call.params["name"], Fields(call.data)
        name = given.lower()
        warnings = [f"policy name was converted to {name}"] if name != given else []
        text = fields.text("policy")
        if not text and call.path.startswith("sys/policy/"):
            text = fields.text("rules")
            warnings.append("'rules' is deprecated, please use 'policy' instead")
        if not text:
            raise Refusal(400, "'policy' parameter not supplied or empty")
        if name in {"root", "response-wrapping"}:
            raise Refusal(400, f'cannot update "{name}" policy')
        self._vault.set_policy(name, text)
        return Answer(None, warnings=warnings) if warnings else None

    def _delete(self, call: Call) -> None:
        name = call.params["name"].lower()
        if name == "default":
            raise Refusal(400, "cannot delete default policy")
        if name in {"root", "response-wrapping"}:
            raise Refusal(400, f'cannot delete "{name}" policy')
        self._vault.policies.pop(name, None)

    def _own_capabilities(self, call: Call) -> Answer:
        return self._told(call.caller, call)

    def _capabilities(self, call: Call) -> Answer:
        token = self._vault.tokens.find(Fields(call.data).text("token"))
        if token is None:
            raise Refusal.combined(400, "invalid token")
        return self._told(token, call)

    def _told(self, token: Token, call: Call) -> Answer:
        fields = Fields(call.data)
        paths = fields.names("paths") or fields.names("path")
        if not paths:
            raise Refusal(400, "paths must be supplied")
        acl = self._vault.acl(token)
        told = {path: acl.capabilities(path) for path in paths}
        if len(paths) == 1:
            told["capabilities"] = told[paths[0]]
        return Answer(dict(told))
