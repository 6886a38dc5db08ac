"""Response wrapping: look at where a wrapping token came from before using it up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connectors.errors import NeedsPerson
from connectors.http import Effect
from connectors.secret import Secret
from connectors.vault.call import Call
from connectors.vault.line import Line, not_vault

_LOOKUP = Call(
    "look up wrapping token",
    "sys/wrapping/lookup",
    Effect.REPEATABLE,
    ("update",),
    frozenset({400, 403, 404}),
)
_UNWRAP = Call(
    "unwrap", "sys/wrapping/unwrap", Effect.CHANGE, ("update",), frozenset({400, 403, 404})
)


def unwrap(
    line: Line, token: Secret, creation_path: re.Pattern[str], what: str
) -> Mapping[str, Any]:
    """Use up a wrapping token and return what was wrapped, after checking where it was made.

    Raises NeedsPerson when the token is used up, expired, or was made elsewhere than it should have
    been: somebody may have read the content. Raises Unknown when the answer of the unwrap was lost.
    """
    # NOTE: hvac has no lookup; it needs no token of ours.
    looked_up = line.ask(
        _LOOKUP,
        lambda client: client.adapter.post(
            "/v1/sys/wrapping/lookup", json={"token": token.reveal()}
        ),
    )
    if looked_up.status != 200:
        raise _alarm(_LOOKUP.operation, what, "it was used, has expired or was never made")
    made_at = looked_up.data.get("creation_path")
    if not isinstance(made_at, str) or not creation_path.fullmatch(made_at):
        raise _alarm(_LOOKUP.operation, what, "it was made at another path than it should be")
    # The wrapping token itself signs the request in: a token in the body would need another one.
    unwrapped = line.ask(_UNWRAP, lambda client: client.sys.unwrap(), token)
    if unwrapped.status != 200:
        raise _alarm(_UNWRAP.operation, what, "it was used just now by somebody else")
    if not unwrapped.data:
        raise not_vault(_UNWRAP)
    return unwrapped.data


def _alarm(operation: str, what: str, cause: str) -> NeedsPerson:
    return NeedsPerson(
        "vault",
        operation,
        what=what,
        advice=(
            f"The wrapping token cannot be trusted: {cause}. Treat the content as read by somebody "
            "else: destroy it in Vault, look for sys/wrapping/unwrap in Vault's audit log, then "
            "deliver a new one."
        ),
    )
