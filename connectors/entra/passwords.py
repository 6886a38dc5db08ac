"""The passwords of connection accounts: set as the setter, and awaited as the verifier."""

from __future__ import annotations

from datetime import datetime

from connectors.entra.endpoints import SET_PASSWORD
from connectors.entra.graph import Graph
from connectors.entra.polling import Timing, settled
from connectors.entra.setter import PRIVILEGED_AUTHENTICATION, permission_call, role_call
from connectors.entra.settings import SYSTEM, AppIdentity
from connectors.entra.users import random_password, read_account
from connectors.errors import InvalidInput, NotFound, NotPermitted, PolicyRefused, RotationError
from connectors.models import SecretHandle
from connectors.protocols import SecretSource
from connectors.secret import Secret

_POLICY = (
    "Entra ID takes 8 to 256 characters of three of the four classes (lower case, upper case, digits, "
    "symbols), none of its banned passwords, and nothing for an account that comes from Active Directory. "
    "Correct the Vault password policy (vault write sys/policies/password/NAME policy=@FILE), then start "
    "the rotation again."
)


class Passwords:
    """Set passwords as the setter. The value is read from Vault when it is sent, and kept nowhere."""

    def __init__(self, graph: Graph, secrets: SecretSource, setter: AppIdentity) -> None:
        self._graph = graph
        self._secrets = secrets
        self._setter = setter

    def set(self, account_id: str, new: SecretHandle) -> None:
        """Set an account's password to the secret's, with no change forced at the next sign-in.

        Setting it again is harmless. Raises NotPermitted, PolicyRefused, NotFound, Unreachable, and
        Unknown when the answer was lost.
        """
        self._send(account_id, self._secrets.credential(new).password, new)

    def scramble(self, account_id: str) -> None:
        """Set an account's password to a random one that nobody keeps. Raises as ``set`` does."""
        self._send(account_id, random_password(), None)

    def _send(self, account_id: str, password: Secret, source: SecretHandle | None) -> None:
        profile = {"forceChangePasswordNextSignIn": False, "password": password.reveal()}
        try:
            self._graph.write(SET_PASSWORD, {"passwordProfile": profile}, user=account_id)
        except (InvalidInput, NotPermitted, NotFound) as refused:
            problem = self._judged(refused.sealed(), source)
        else:
            return
        raise problem

    def _judged(self, refused: RotationError, source: SecretHandle | None) -> RotationError:
        # NOTE: refusals of the setter's own sign-in come through here too; they have no status.
        status = refused.identifiers.get("status")
        if status == "400":
            # Graph has one code for every bad request, and its words are not to be relied on. Ours is
            # well-formed, so each 400 means the same: the directory did not take this password.
            return PolicyRefused(
                SYSTEM, refused.operation, advice=_POLICY, secret=source, **refused.identifiers
            )
        if status == "403":
            refused.advice = _rights(self._setter.client_id)
        elif status == "404":
            refused.advice = (
                "Look the account up by its object id (GET /users/<id>): it was deleted, or belongs to "
                "another tenant. Correct the user name in Vault, then start the rotation again."
            )
        return refused


def await_change(
    graph: Graph, timing: Timing, upn: str, before: datetime | None
) -> datetime | None:
    """Read the account until two reads in a row show a password change later than ``before``.

    Returns its time, or None when the schedule ran out. Raises as ``read_account`` does.
    """
    seen: datetime | None = None

    def changed() -> bool:
        nonlocal seen
        seen = read_account(graph, upn).password_last_changed
        # An earlier time is another one too, but it comes from a replica that lags behind.
        return seen is not None and (before is None or seen > before)

    return seen if settled(changed, timing) else None


def _rights(client_id: str) -> str:
    principal = f"<id of servicePrincipals(appId='{client_id}')>"
    permission = SET_PASSWORD.permission
    return (
        f"As a Privileged Role Administrator give the application {client_id} the Microsoft Graph "
        f"application permission {permission}: {permission_call(principal)}; and, where the account has "
        f"an administrator role, the directory role {PRIVILEGED_AUTHENTICATION.name}: "
        f"{role_call(principal, PRIVILEGED_AUTHENTICATION)}. Then start the rotation again; it fetches a "
        "new token."
    )
