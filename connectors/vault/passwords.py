"""Passwords made by Vault, by a password policy that its administrators wrote."""

from __future__ import annotations

import re
from collections.abc import Callable

from connectors.errors import InvalidInput, NotFound
from connectors.secret import Secret
from connectors.vault.call import Answer, Call
from connectors.vault.line import Send, not_vault
from connectors.vault.settings import is_plain_path


def generate(ask: Callable[[Call, Send], Answer], policy: str) -> Secret:
    """Make a password; each call makes another one. Raises NotFound when there is no such policy."""
    path = f"sys/policies/password/{policy}/generate"
    call = Call("generate password", path, answers=frozenset({404}), about={"policy": policy})
    if not re.fullmatch(r"[\w.-]+", policy, re.ASCII) or not is_plain_path(policy):
        raise InvalidInput(
            "vault", call.operation, policy=ascii(policy), advice="Give the name of the policy."
        )
    answer = ask(call, lambda client: client.adapter.get(f"/v1/{path}"))
    if answer.status == 404:
        advice = f"Write the policy with: vault write sys/policies/password/{policy} policy=@FILE"
        raise NotFound("vault", call.operation, policy=policy, advice=advice)
    password = answer.data.get("password")
    if not isinstance(password, str) or not password:
        raise not_vault(call)
    return Secret(password)
