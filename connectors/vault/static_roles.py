"""Static roles of the LDAP secrets engine: passwords that Vault itself changes in a directory.

A version is the moment of the last rotation. It is read from the role, never from its credential: that
read carries the password, and in Vault Enterprise it may rotate.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote

from connectors.errors import Refused, Unknown, Unreachable
from connectors.http import Effect
from connectors.models import Credential, Engine, SecretHandle, SecretVersion
from connectors.vault import kv, ldap
from connectors.vault.call import Answer, Call, at
from connectors.vault.clock import Clock
from connectors.vault.failures import by_status
from connectors.vault.line import Send, not_vault
from connectors.vault.models import SecretMetadata

# After a failure Vault tries again in the background: 10 seconds later, in steps of 5.
ROTATION_PATIENCE = 20.0

_READABLE = frozenset({400, 404, 412})


class LdapRoles:
    """Read and rotate static roles; the promises are told at the methods of ``VaultClient``.

    ``patience`` is how many seconds to wait for a node that is behind.
    """

    def __init__(self, ask: Callable[[Call, Send], Answer], patience: float, clock: Clock) -> None:
        self._ask = ask
        self._patience = patience
        self._clock = clock

    def metadata(self, role: SecretHandle, index: str | None = None) -> SecretMetadata:
        """Read when the role was last rotated; neither a value is read nor anything rotated."""
        current = self._last_rotation(ldap.whole(role, "read static role"), index)
        number = current.handle.version or 0
        return SecretMetadata(
            role.mount, role.path, current, number, (current,), 1, check_and_set_required=False
        )

    def credential(self, role: SecretHandle) -> Credential:
        """Read username and password of exactly the rotation named, or of the latest."""
        kv.check_handle(role, "read static credential", Engine.LDAP)
        last = self._last_rotation(ldap.whole(role, "read static credential"))
        newest = last.handle.version or 0
        wanted = newest if role.version is None else role.version
        if newest > wanted:  # told before any value is read
            raise ldap.rotated_since(role, newest)
        read, fields = self._read_credential(role, wanted)
        if read < newest:
            raise ldap.behind(_credential_call(role))
        if read != wanted and role.version is not None:
            raise ldap.rotated_since(role, read)
        return ldap.credential(role.at(read), fields)

    def rotate(self, role: SecretHandle) -> SecretVersion:
        """Ask Vault once to rotate, then watch the role until it shows a later rotation."""
        role = ldap.whole(role, "rotate static role")
        before = self._facts(role).number
        path = f"{role.mount}/rotate-role/{role.path}"
        call = Call(
            "rotate static role",
            path,
            Effect.CHANGE,
            ("update",),
            frozenset({400, 404}),
            {"mount": role.mount, "role": role.path},
        )
        lost: Unknown | None = None
        try:
            answer = self._ask(call, lambda client: client.adapter.post(f"/v1/{quote(path)}"))
        except Unknown as error:  # 500 too: the directory may have the new password all the same
            lost = error.sealed()
        else:
            if answer.status != 200:
                self._facts(role)  # raises when the role has gone
                raise by_status(answer.status, call)
        seen = self._watch(role, before, ROTATION_PATIENCE if lost else self._patience)
        if seen is not None:
            return seen
        said = "Vault goes on trying in the background" if lost else "Vault said that it did it"
        problem = lost or Unknown("vault", call.operation, **call.about)
        problem.advice = (
            f"Whether the password has changed could not be seen; {said}. Look at last_vault_rotation "
            f"with: vault read {role.mount}/static-role/{role.path}, then start the run again."
        )
        raise problem

    def _watch(self, role: SecretHandle, before: int, patience: float) -> SecretVersion | None:
        """Read the role until it shows a rotation after ``before``; None when the time is up."""
        deadline = self._clock.monotonic() + patience
        pause = 0.05
        while True:
            try:
                facts = self._facts(role)
                if facts.number > before:
                    return facts.version(role)
            except Refused:
                return None
            except Unreachable:
                pass  # it may answer again
            if self._clock.monotonic() + pause > deadline:
                return None
            self._clock.sleep(pause)
            pause = min(2 * pause, 1.0)

    def _last_rotation(self, role: SecretHandle, index: str | None = None) -> SecretVersion:
        facts = self._facts(role, index)
        if not facts.number:
            raise ldap.never_rotated(role)
        return facts.version(role)

    def _facts(self, role: SecretHandle, index: str | None = None) -> ldap.Facts:
        """Read the role; refuse one whose password changes whenever somebody reads it."""
        path = f"{role.mount}/static-role/{role.path}"
        call = Call("read static role", path, answers=_READABLE, about={"role": role})
        facts, _ = self._read(role, call, index)
        if facts.rotate_on_read:
            raise ldap.rotates_on_read(role)
        return facts

    def _read_credential(self, role: SecretHandle, wanted: int) -> tuple[int, Mapping[str, object]]:
        """Read the credential, waiting while the node that answers is behind the wanted version."""
        call = _credential_call(role)
        deadline = self._clock.monotonic() + self._patience
        pause = 0.05
        while True:
            facts, fields = self._read(role, call)
            if facts.number >= wanted or self._clock.monotonic() + pause > deadline:
                return facts.number, fields
            self._clock.sleep(pause)
            pause = min(2 * pause, 0.5)

    def _read(
        self, role: SecretHandle, call: Call, index: str | None = None
    ) -> tuple[ldap.Facts, Mapping[str, object]]:
        answer = self._ask(
            call, lambda client: client.adapter.get(f"/v1/{quote(call.path)}", headers=at(index))
        )
        if answer.status != 200:
            raise ldap.why(role, call, answer)
        facts = ldap.facts(answer)
        if facts is None:
            raise not_vault(call)
        return facts, answer.data


def _credential_call(role: SecretHandle) -> Call:
    path = f"{role.mount}/static-cred/{role.path}"
    return Call("read static credential", path, answers=_READABLE, about={"role": role})
