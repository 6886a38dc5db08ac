"""Vault as this product uses it: KV v2 secrets and static roles by handle, and a few system calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from requests.adapters import BaseAdapter

from connectors.errors import NotPermitted
from connectors.http import Effect
from connectors.models import Credential, Engine, SecretHandle, SecretVersion
from connectors.secret import Secret
from connectors.vault import kv
from connectors.vault.approvals import Approvals
from connectors.vault.auth import LOOK_UP_SELF, AuthMethod, look_up_self, method
from connectors.vault.call import Answer, Call
from connectors.vault.clock import Clock
from connectors.vault.failures import by_status
from connectors.vault.kv import Reading
from connectors.vault.line import Line, Send, not_vault
from connectors.vault.models import (
    Approval,
    NodeState,
    SecretMetadata,
    Staged,
    TokenFacts,
    VaultHealth,
    WrappingToken,
)
from connectors.vault.passwords import generate
from connectors.vault.promoting import Promoter
from connectors.vault.reading import Reader
from connectors.vault.settings import VaultSettings
from connectors.vault.staging import Stager
from connectors.vault.static_roles import LdapRoles
from connectors.vault.tokens import TokenKeeper
from connectors.vault.wrapping import unwrap
from connectors.vault.writing import Writer

_STATES = {
    200: NodeState.ACTIVE,
    429: NodeState.STANDBY,
    472: NodeState.DISASTER_RECOVERY_SECONDARY,
    473: NodeState.PERFORMANCE_STANDBY,
    474: NodeState.CUT_OFF,
    501: NodeState.NOT_INITIALISED,
    503: NodeState.SEALED,
    530: NodeState.REMOVED,
}


class VaultClient:
    """Read and write secrets in Vault or OpenBao. Thread-safe; signs in when it is first needed.

    Every method may raise Unreachable (no answer, sealed, throttled, standby: with ``retry_after``
    where Vault asked for a wait), NotPermitted (its advice holds the missing policy stanza) and
    InvalidInput. ``transport``, ``clock`` and ``auth`` are seams for tests and further sign-in methods.
    """

    def __init__(
        self,
        settings: VaultSettings,
        *,
        auth: AuthMethod | None = None,
        clock: Clock | None = None,
        transport: Callable[[], BaseAdapter] | None = None,
    ) -> None:
        clock = clock or Clock()
        self._line = Line(settings, transport)
        self._tokens = TokenKeeper(self._line, auth or method(settings), clock)
        self._reader = Reader(self._ask, settings.stale_read_patience, clock)
        self._writer = Writer(self._ask, self._reader)
        self._stager = Stager(self._ask, self._reader, self._writer, self.generate_password)
        self._promoter = Promoter(self._reader, self._writer)
        self._approvals = Approvals(self._ask, self._reader)
        self._roles = LdapRoles(self._ask, settings.stale_read_patience, clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Revoke the token if this client made it, and close every connection."""
        self._tokens.close()
        self._line.close()

    def credential(self, handle: SecretHandle) -> Credential:
        """Read ``username`` and ``password`` of exactly the version named, or of the latest.

        The returned handle always names the version that was read. Raises NotFound (missing, deleted,
        destroyed, no longer kept), OutOfStep (newer than Vault knows) and InvalidInput (a field is
        missing or malformed; its name is told, its value is not). For a static role of the LDAP engine
        OutOfStep means that Vault has rotated it since.
        """
        if handle.engine is Engine.LDAP:
            return self._roles.credential(handle)
        reading = self._reader.read(handle)
        return kv.credential(_read_handle(handle, reading), reading.fields or {})

    def document(self, handle: SecretHandle) -> Mapping[str, Secret]:
        """Read every field of a version, each closed; a field that is not text comes as its JSON.

        Raises what ``credential`` raises.
        """
        return kv.document(self._reader.read(handle).fields or {})

    def metadata(self, handle: SecretHandle, *, index: str | None = None) -> SecretMetadata:
        """Read versions and dates; the handle's own version is ignored. Raises NotFound.

        A static role of the LDAP engine has one version: its last rotation. With the ``index`` of an event
        a node that is behind it hands the request on, or Unreachable is raised; OpenBao knows no index.
        """
        if handle.engine is Engine.LDAP:
            return self._roles.metadata(handle, index)
        return self._reader.metadata(handle, index)

    def write(
        self, handle: SecretHandle, fields: Mapping[str, Secret | str], expected_version: int
    ) -> SecretVersion:
        """Write the next version by check-and-set; ``expected_version`` 0 creates, once.

        Raises Conflict when another version is the newest, and Unknown when the answer was lost:
        ``observe_write`` tells then whether it happened. Never sent twice.
        """
        return self._writer.write(handle, fields, expected_version)

    def observe_write(
        self, handle: SecretHandle, fields: Mapping[str, Secret | str], expected_version: int
    ) -> SecretVersion | None:
        """Tell by reading whether a write whose answer was lost happened; None when it did not.

        The same write may then be repeated: check-and-set refuses it if it arrives late after all.
        Raises Conflict when somebody else wrote that version.
        """
        return self._writer.observe(handle, fields, expected_version)

    def generate_password(self, policy: str) -> Secret:
        """Make a password by a password policy of Vault's; each call makes another one.

        Raises NotFound when there is no such policy.
        """
        return generate(self._ask, policy)

    def stage(self, place: SecretHandle, username: str, policy: str, rotation: str) -> Staged:
        """Make a password by a password policy and keep it at ``place``, create-once.

        What is there already stays, and is returned. Raises OutOfStep naming the field when that is not
        of this rotation and account, NotFound when there is no such policy, and Unknown when neither
        the write nor a repeat of it could be seen.
        """
        return self._stager.stage(place, username, policy, rotation)

    def promote(
        self, staged: SecretHandle, current: SecretHandle, expected_version: int
    ) -> SecretVersion:
        """Write the staged credential over the version that consumers read, by check-and-set.

        One that was promoted before is success. Raises Conflict when somebody else wrote in between,
        NotFound when nothing waits, OutOfStep when it is malformed, and Unknown as ``stage`` does.
        """
        return self._promoter.promote(staged, current, expected_version)

    def discard(self, place: SecretHandle) -> None:
        """Remove a staged secret and all its versions; one that is gone already is success.

        Raises Unknown when it is still there and the answer was lost.
        """
        self._stager.discard(place)

    def rotate_static_role(self, role: SecretHandle) -> SecretVersion:
        """Let Vault rotate the account of a static role now; return the new version.

        Sent once, and then observed whatever the answer was. Raises NotFound, InvalidInput for a role
        that rotates whenever it is read, and Unknown when no later rotation was seen.
        """
        return self._roles.rotate(role)

    def approvals(self, place: SecretHandle, key: str) -> tuple[Approval, ...]:
        """Read what people have written about a form or plan below their own folders, oldest first."""
        return self._approvals.read(place, key)

    def wrap(self, fields: Mapping[str, Secret | str], seconds: int) -> WrappingToken:
        """Hand fields to Vault for a token that gives them out once, within ``seconds``."""
        call = Call("wrap", "sys/wrapping/wrap", Effect.REPEATABLE, ("update",))
        answer = self._ask(call, lambda client: client.sys.wrap(kv.opened(fields), ttl=seconds))
        info = answer.body.get("wrap_info")
        if not isinstance(info, Mapping) or not isinstance(info.get("token"), str):
            raise not_vault(call)
        return WrappingToken(
            Secret(info["token"]),
            str(info.get("accessor", "")),
            int(info.get("ttl", seconds)),
            str(info.get("creation_path", call.path)),
        )

    def unwrap(
        self, token: Secret, creation_path: str = "sys/wrapping/wrap"
    ) -> Mapping[str, Secret]:
        """Use up a wrapping token and return its fields, each closed; needs no token of ours.

        Raises NeedsPerson when it was used by somebody else or not made at ``creation_path``.
        """
        pattern = re.compile(re.escape(creation_path))
        return kv.document(unwrap(self._line, token, pattern, "wrapped fields"))

    def capabilities(self, paths: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """Read what this identity may do at each API path, such as ``kv/data/apps/hq``."""
        call = Call("read capabilities", "sys/capabilities-self", Effect.REPEATABLE, ("update",))
        answer = self._ask(call, lambda client: client.sys.get_capabilities(list(paths)))
        found = {path: answer.data.get(path) for path in paths}
        if not all(isinstance(value, list) for value in found.values()):
            raise not_vault(call)
        return {path: tuple(value or ()) for path, value in found.items()}

    def health(self) -> VaultHealth:
        """Ask the node how it is, without a token; a sealed or standby node is an answer, not an error."""
        call = Call("read health", "sys/health", answers=frozenset(_STATES))
        # The path exists in the root namespace only.
        answer = self._line.ask(
            call, lambda client: client.adapter.get("/v1/sys/health"), in_namespace=False
        )
        if "initialized" not in answer.body:  # a rate limit, or a proxy in between
            raise by_status(answer.status, call) if answer.status != 200 else not_vault(call)
        seconds = answer.body.get("server_time_utc")
        return VaultHealth(
            _STATES[answer.status],
            str(answer.body.get("version") or ""),
            str(answer.body.get("cluster_name") or ""),
            datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int) else None,
        )

    def token(self) -> TokenFacts | None:
        """Sign in when that is due, and read what the token is; None when it may not look itself up."""
        answer = self._ask(LOOK_UP_SELF, look_up_self)
        if answer.status != 200:
            return None
        policies, seconds = answer.data.get("policies"), answer.data.get("ttl")
        return TokenFacts(
            tuple(map(str, policies)) if isinstance(policies, list) else (),
            float(seconds) if isinstance(seconds, int | float) and seconds > 0 else None,
            answer.data.get("renewable") is True,
        )

    def _ask(self, call: Call, send: Send) -> Answer:
        """Send with the shared token; a token that ended is replaced and the call repeated, once.

        Repeating is safe for writes too: Vault refuses a token before it does anything.
        """
        token = self._tokens.current()
        try:
            return self._line.ask(call, send, token)
        except NotPermitted as error:
            refusal = error.sealed()
        if self._tokens.replace_ended(token):
            return self._line.ask(call, send, self._tokens.current())
        raise refusal


def _read_handle(handle: SecretHandle, reading: Reading) -> SecretHandle:
    return reading.version.handle if reading.version else handle
