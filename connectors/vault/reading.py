"""Reading KV v2 secrets: exactly the version that was asked for, or an error that says why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

from connectors.errors import (
    InvalidInput,
    NotFound,
    NotPermitted,
    OutOfStep,
    RotationError,
    Unreachable,
)
from connectors.models import SecretHandle
from connectors.vault import kv
from connectors.vault.call import Answer, Call, at
from connectors.vault.clock import Clock
from connectors.vault.kv import Found, Reading
from connectors.vault.line import Send, not_vault
from connectors.vault.models import SecretMetadata

_MAY_BE_EMPTY = frozenset({404, 412})
_NO_SECRET = (
    "There is no secret at {handle}, or this identity may not see it; write it with: "
    "vault kv put -mount={handle.mount} {handle.path} username=NAME password=-"
)


class Reader:
    """Read versions and metadata, waiting up to ``patience`` seconds for a node that is behind."""

    def __init__(self, ask: Callable[[Call, Send], Answer], patience: float, clock: Clock) -> None:
        self._ask = ask
        self._patience = patience
        self._clock = clock

    def read(self, handle: SecretHandle) -> Reading:
        """Return the live version that the handle names.

        Raises NotFound (missing, deleted, destroyed, no longer kept), OutOfStep (newer than anything
        Vault knows), InvalidInput (not a KV v2 mount), and what the line raises.
        """
        reading = self.look(handle)
        if reading.found is Found.LIVE:
            return reading
        raise self._why(handle, reading)

    def look(self, handle: SecretHandle) -> Reading:
        """Return what is there, after waiting for the version when the node that answers is behind."""
        kv.check_handle(handle, "read secret")
        call = _data_call(handle)

        def once() -> Reading:
            answer = self._ask(
                call,
                lambda client: client.secrets.kv.v2.read_secret_version(
                    handle.path,
                    version=handle.version,
                    mount_point=handle.mount,
                    # NOTE: False would hide destroyed versions; the adapter keeps the 404's body.
                    raise_on_deleted_version=True,
                ),
            )
            return kv.understand(answer, handle)

        reading = once()
        if reading.found is Found.NOTHING and not self._may_still_come(handle):
            return reading
        deadline = self._clock.monotonic() + self._patience
        pause = 0.05
        while _waits(reading, handle) and self._clock.monotonic() + pause <= deadline:
            self._clock.sleep(pause)
            pause = min(2 * pause, 0.5)
            reading = once()
        return reading

    def metadata(self, handle: SecretHandle, index: str | None = None) -> SecretMetadata:
        """Return the metadata of a secret; raises NotFound when there is none, or no version.

        Raises Unreachable where the node that answers has not reached the ``index``.
        """
        kv.check_handle(replace(handle, version=None), "read metadata")
        handle = replace(handle, version=None)
        call = _metadata_call(handle)
        answer = self._ask(
            call, lambda client: client.adapter.get(f"/v1/{quote(call.path)}", headers=at(index))
        )
        if answer.status == 412:
            raise _behind(call)
        if answer.status == 404:
            reading = kv.understand(answer, handle)
            raise self._why(handle, reading)
        found = kv.metadata(answer, handle, self._clock.utc_now())
        if found is not None:
            return found
        if answer.data.get("current_version") == 0:
            raise NotFound(
                "vault", call.operation, secret=handle, advice=_NO_SECRET.format(handle=handle)
            )
        raise not_vault(call)

    def _known(self, handle: SecretHandle) -> SecretMetadata | RotationError:
        try:
            return self.metadata(handle)
        except (NotFound, NotPermitted) as error:
            return error.sealed()

    def _may_still_come(self, handle: SecretHandle) -> bool:
        """Tell whether a version that is not there may be on its way to the node that answered."""
        if handle.version is None:
            return False
        known = self._known(handle)
        numbers = _numbers(known)
        return not numbers or handle.version in numbers or handle.version > max(numbers)

    def _why(self, handle: SecretHandle, reading: Reading) -> RotationError:
        call = _data_call(handle)
        version = reading.version.handle.version if reading.version else handle.version
        named = f"-mount={handle.mount} -versions={version} {handle.path}"
        if reading.found is Found.MALFORMED:
            return not_vault(call)
        if reading.found is Found.NOT_KV2:
            advice = (
                f"The mount {handle.mount} is not where the KV v2 engine is mounted; look at the mounts "
                "with: vault secrets list, and correct the mount in the inventory"
            )
            return InvalidInput("vault", call.operation, secret=handle, advice=advice)
        if reading.found is Found.NO_MOUNT:
            problem, advice = (
                "no such mount",
                (
                    f"Nothing is mounted at {handle.mount}; look at the mounts with: vault secrets list"
                ),
            )
        elif reading.found is Found.DELETED:
            problem, advice = (
                "deleted",
                (f"Version {version} was deleted; bring it back with: vault kv undelete {named}"),
            )
        elif reading.found is Found.DESTROYED:
            problem, advice = (
                "destroyed",
                (
                    f"Version {version} was destroyed and cannot come back; write a new version with: "
                    f"vault kv put -mount={handle.mount} {handle.path} username=NAME password=-"
                ),
            )
        elif handle.version is not None:
            return self._why_not_that_version(handle, call)
        elif reading.found is Found.BEHIND:
            return _behind(call)
        else:
            problem, advice = "missing", _NO_SECRET.format(handle=handle)
        return NotFound("vault", call.operation, secret=handle, found=problem, advice=advice)

    def _why_not_that_version(self, handle: SecretHandle, call: Call) -> RotationError:
        known = self._known(handle)
        if isinstance(known, NotPermitted):
            advice = f"This version is not there. To learn why: {known.what_to_do()}"
        elif isinstance(known, NotFound):
            advice = _NO_SECRET.format(handle=handle)
        elif (newest := max(_numbers(known))) < (handle.version or 0):
            return OutOfStep(
                "vault",
                call.operation,
                secret=handle,
                newest=newest,
                advice=(
                    f"Vault knows no version {handle.version} yet. If its standby nodes are behind, "
                    "start the update again in a minute; if the secret was deleted with its metadata, "
                    "numbering has begun anew: start an update of the newest version."
                ),
            )
        elif handle.version in _numbers(known):
            return _behind(call)
        else:
            advice = (
                f"Version {handle.version} is no longer kept; start an update of version {newest}, "
                "and raise max_versions of this secret if that happens again."
            )
        return NotFound("vault", call.operation, secret=handle, found="missing", advice=advice)


def _data_call(handle: SecretHandle) -> Call:
    path = f"{handle.mount}/data/{handle.path}"
    return Call("read secret", path, answers=_MAY_BE_EMPTY, about={"secret": handle})


def _metadata_call(handle: SecretHandle) -> Call:
    path = f"{handle.mount}/metadata/{handle.path}"
    return Call("read metadata", path, answers=_MAY_BE_EMPTY, about={"secret": handle})


def _waits(reading: Reading, handle: SecretHandle) -> bool:
    nothing_yet = reading.found is Found.NOTHING and handle.version is not None
    return reading.found is Found.BEHIND or nothing_yet


def _numbers(known: SecretMetadata | RotationError) -> set[int]:
    versions = () if isinstance(known, RotationError) else known.versions
    return {v.handle.version for v in versions if v.handle.version is not None}


def _behind(call: Call) -> Unreachable:
    advice = (
        "The node of Vault that answered has not caught up; start the update again in a minute."
    )
    return Unreachable("vault", call.operation, advice=advice, retry_after=1.0, **call.about)
