"""Password policies: a length and the characters that must be in it, and passwords made by them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sandbox.vault.core import Vault
from sandbox.vault.hcl import Block, parse
from sandbox.vault.values import Fields
from sandbox.vault.wire import Answer, Call, Refusal

_SHORTEST, _LONGEST = 4, 100


@dataclass(frozen=True)
class PasswordPolicy:
    """A parsed policy: how long, and at least how many characters of which set."""

    length: int
    rules: tuple[tuple[str, int], ...]

    @property
    def alphabet(self) -> str:
        """Every character of every rule, once."""
        return "".join(dict.fromkeys("".join(charset for charset, _ in self.rules)))

    def generate(self) -> str:
        """Draw passwords until one keeps every rule."""
        while True:
            password = "".join(secrets.choice(self.alphabet) for _ in range(self.length))
            if all(sum(c in charset for c in password) >= n for charset, n in self.rules):
                return password


def parse_password_policy(text: str) -> PasswordPolicy:
    """Parse a password policy; refuse with 400 what the real parser refuses."""
    try:
        document = parse(text)
        length = int(document.attributes.get("length", 0))
    except (TypeError, ValueError) as problem:
        raise _invalid(f"unable to decode: {problem}") from None
    rules = tuple(_rule(block) for block in document.named("rule"))
    policy = PasswordPolicy(length, rules)
    needed = sum(least for _, least in rules)
    problems = []
    if length <= 0:
        problems.append("length must be > 0")
    elif length < needed:
        problems.append(
            f"specified rules require at least {needed} characters but {length} is specified"
        )
    if not policy.alphabet:
        problems.append("no charset specified")
    elif not policy.alphabet.isprintable():
        problems.append("non-printable character in charset")
    if problems:
        counted = "1 error" if len(problems) == 1 else f"{len(problems)} errors"
        raise _invalid(f"{counted} occurred:" + "".join(f"\n\t* {p}" for p in problems) + "\n\n")
    if not _SHORTEST <= length <= _LONGEST:
        raise Refusal.combined(400, "passwords must be between 4 and 100 characters")
    return policy


def _rule(block: Block) -> tuple[str, int]:
    kind = block.labels[0] if block.labels else ""
    if kind != "charset":
        why = f"unable to parse rule {kind}: unrecognized rule type {kind}"
        raise _invalid(f"unable to parse rules: {why}")
    least = block.attributes.get("min-chars", block.attributes.get("min_chars", 0))
    return str(block.attributes.get("charset", "")), int(least)


def _invalid(why: str) -> Refusal:
    return Refusal.combined(400, f"invalid password policy: {why}")


class Passwords:
    """The endpoints under ``sys/policies/password``. The caller holds Vault's lock."""

    def __init__(self, vault: Vault) -> None:
        self._policies = vault.passwords
        add, name = vault.system.add, "policies/password/(?P<name>.+)"
        add("list", "policies/password/?", "password_policy.list", self._list)
        add("read", f"{name}/generate", "password_policy.generate", self._generate)
        add("read", name, "password_policy.read", self._read)
        add("write", name, "password_policy.write", self._write)
        add("delete", name, "password_policy.delete", self._delete)

    def _known(self, call: Call) -> str:
        if call.params["name"] not in self._policies:
            raise Refusal.combined(404, "policy does not exist")
        return self._policies[call.params["name"]]

    def _list(self, _call: Call) -> Answer | None:
        return Answer({"keys": sorted(self._policies)}) if self._policies else None

    def _generate(self, call: Call) -> Answer:
        return Answer({"password": parse_password_policy(self._known(call)).generate()})

    def _read(self, call: Call) -> Answer:
        return Answer({"policy": self._known(call)})

    def _write(self, call: Call) -> None:
        text = Fields(call.data).text("policy")
        if not text:
            raise Refusal.combined(400, "missing policy")
        parse_password_policy(text)
        self._policies[call.params["name"]] = text

    def _delete(self, call: Call) -> None:
        self._policies.pop(call.params["name"], None)
