"""ACL policies: parsing, and deciding which rule of a token's policies is the one that counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sandbox.vault.hcl import Block, parse
from sandbox.vault.wire import Refusal

CAPABILITIES = ("sudo", "read", "list", "update", "delete", "create", "patch", "scan")
_KNOWN = {"capabilities", "policy", "comment"}
# Parameter constraints exist in Vault and not here: refused, because ignoring one would allow more.
_NOT_HERE = {
    "allowed_parameters", "denied_parameters", "required_parameters", "min_wrapping_ttl",
    "max_wrapping_ttl", "mfa_methods", "pagination_limit", "expiration",
    "list_scan_response_keys_filter_path",
}  # fmt: skip
_OLD = {
    "deny": {"deny"},
    "read": {"read", "list"},
    "write": {"create", "read", "update", "delete", "list"},
    "sudo": {"create", "read", "update", "delete", "list", "sudo"},
}

# What every token may do about itself.
DEFAULT_POLICY = "".join(
    f'path "{path}" {{\n  capabilities = [{", ".join(repr(c) for c in granted)}]\n}}\n'.replace(
        "'", '"'
    )
    for path, granted in {
        "auth/token/lookup-self": ("read",),
        "auth/token/renew-self": ("update",),
        "auth/token/revoke-self": ("update",),
        "sys/capabilities-self": ("update",),
        "sys/wrapping/wrap": ("update",),
        "sys/wrapping/lookup": ("update",),
        "sys/wrapping/unwrap": ("update",),
        "cubbyhole/*": ("create", "read", "update", "delete", "list"),
    }.items()
)
WRAPPING_POLICY = (
    'path "cubbyhole/response" { capabilities = ["create", "read"] }\n'
    'path "sys/wrapping/unwrap" { capabilities = ["update"] }\n'
)


@dataclass(frozen=True)
class Rule:
    """What a policy grants on one path pattern."""

    path: str
    capabilities: frozenset[str]

    @property
    def segments(self) -> bool:
        """Tell whether the pattern has ``+`` segments."""
        return "+" in self.path.rstrip("*").split("/")

    def weight(self) -> tuple[int, bool, int, int, str]:
        """Order matching patterns; the greatest one counts."""
        prefix = self.path.endswith("*")
        stem = self.path[:-1] if prefix else self.path
        first = stem.find("+") if self.segments else len(stem)
        return first, not prefix, -stem.split("/").count("+"), len(stem), stem

    def lies_in(self, mount: str) -> bool:
        """Tell whether the pattern is of paths below a mount."""
        wanted, given = mount.rstrip("/").split("/"), self.path.split("/")
        return len(given) > len(wanted) and all(
            part in {"+", name} for part, name in zip(given, wanted, strict=False)
        )

    def matches(self, path: str) -> bool:
        """Tell whether the pattern covers a path."""
        prefix = self.path.endswith("*")
        stem = self.path[:-1] if prefix else self.path
        if not self.segments:
            return path.startswith(stem) if prefix else path == stem
        wanted, given = stem.split("/"), path.split("/")
        if len(given) < len(wanted) or (not prefix and len(given) != len(wanted)):
            return False
        for number, (pattern, part) in enumerate(zip(wanted, given, strict=False)):
            last = prefix and number == len(wanted) - 1
            if pattern in {"+", part} or (last and part.startswith(pattern)):
                continue
            return False
        return True


def parse_policy(text: str) -> list[Rule]:
    """Parse an ACL policy; refuse with 400 what the real parser refuses."""
    try:
        document = parse(text)
    except ValueError as problem:
        raise Refusal(400, f"failed to parse policy: {problem}") from None
    unknown = document.keys() - {"name", "path"}
    if unknown:
        raise _bad_key(f'invalid key "{min(unknown)}" on line 0')
    return [_rule(block) for block in document.named("path")]


def _bad(why: str) -> Refusal:
    return Refusal(400, f"failed to parse policy: {why}")


def _bad_key(why: str) -> Refusal:
    return Refusal(400, f"failed to parse policy: 1 error occurred:\n\t* {why}\n\n")


def _rule(block: Block) -> Rule:
    path = block.labels[0] if block.labels else "path"
    for key in sorted(block.keys()):
        if key in _NOT_HERE:
            raise Refusal(400, f'path "{path}": the stand-in does not know "{key}"')
        if key not in _KNOWN:
            raise _bad_key(f'path "{path}": invalid key "{key}" on line {block.lines.get(key, 0)}')
    if "+*" in path:
        raise _bad(f"path \"{path}\": invalid use of wildcards ('+*' is forbidden)")
    granted = set(block.attributes.get("capabilities") or [])
    granted |= _OLD.get(str(block.attributes.get("policy", "")), set())
    for capability in sorted(granted - {"deny", *CAPABILITIES}):
        raise _bad(f'path "{path}": invalid capability "{capability}"')
    return Rule(path.removeprefix("/"), frozenset({"deny"} if "deny" in granted else granted))


class Acl:
    """The merged rules of all policies of one token."""

    def __init__(self, policies: Iterable[list[Rule]], *, root: bool = False) -> None:
        self.root = root
        merged: dict[str, frozenset[str]] = {}
        for rule in (rule for rules in policies for rule in rules):
            merged[rule.path] = merged.get(rule.path, frozenset()) | rule.capabilities
        self._rules = [
            Rule(path, frozenset({"deny"}) if "deny" in granted else granted)
            for path, granted in merged.items()
        ]

    def granted(self, path: str, *, listing: bool = False) -> frozenset[str]:
        """Return the capabilities of the one rule that counts for a path."""
        exact = {r.path: r for r in self._rules if not r.path.endswith("*") and not r.segments}
        candidates = (path, path.removesuffix("/")) if listing else (path,)
        for candidate in candidates:
            if candidate in exact:
                return exact[candidate].capabilities
        for candidate in candidates:
            fitting = [r for r in self._rules if r.path not in exact and r.matches(candidate)]
            if fitting:
                return max(fitting, key=Rule.weight).capabilities
        return frozenset()

    def allows(self, operation: str, path: str, *, sudo: bool = False) -> bool:
        """Tell whether an operation on a path is allowed."""
        if self.root:
            return True
        granted = self.granted(path, listing=operation == "list")
        return operation in granted and (not sudo or "sudo" in granted)

    def reaches(self, mount: str) -> bool:
        """Tell whether anything is granted on a mount, or below it."""
        if self.root or self.granted(mount) - {"deny"}:
            return True
        return any(rule.lies_in(mount) and rule.capabilities - {"deny"} for rule in self._rules)

    def capabilities(self, path: str) -> list[str]:
        """Return the capabilities on a path as the capabilities endpoints word them."""
        if self.root:
            return ["root"]
        granted = self.granted(path, listing=True)
        return sorted(granted - {"deny"}) or ["deny"]
