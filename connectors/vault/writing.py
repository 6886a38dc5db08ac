"""Writing KV v2 secrets by check-and-set, once, and telling afterwards whether it happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from connectors.errors import (
    Conflict,
    InvalidInput,
    NotPermitted,
    OutOfStep,
    Unknown,
    Unreachable,
)
from connectors.http import Effect
from connectors.models import SecretHandle, SecretVersion
from connectors.secret import Secret
from connectors.vault import kv
from connectors.vault.call import Answer, Call
from connectors.vault.failures import by_status
from connectors.vault.kv import Found
from connectors.vault.line import Send, not_vault
from connectors.vault.reading import Reader

Fields = Mapping[str, Secret | object]
T = TypeVar("T")


class Writer:
    """Write versions; the promises are told at ``VaultClient.write`` and ``observe_write``."""

    def __init__(self, ask: Callable[[Call, Send], Answer], reader: Reader) -> None:
        self._ask = ask
        self._reader = reader

    def write(self, handle: SecretHandle, fields: Fields, expected_version: int) -> SecretVersion:
        """Send the write once; raises Conflict, or Unknown when the answer was lost."""
        call = _call(handle, expected_version)
        answer = self._ask(
            call,
            lambda client: client.secrets.kv.v2.create_or_update_secret(
                handle.path, kv.opened(fields), cas=expected_version, mount_point=handle.mount
            ),
        )
        if answer.status == 400:
            # The one place where Vault's text decides: check-and-set has no status of its own.
            if answer.says("did not match the current version"):
                raise _conflict(call)
            raise by_status(400, call)
        made = kv.written(answer, handle)
        if made is None:
            raise not_vault(call)
        if made.handle.version != expected_version + 1:
            raise OutOfStep("vault", call.operation, made=made.handle, **call.about)
        return made

    def observe(
        self, handle: SecretHandle, fields: Fields, expected_version: int
    ) -> SecretVersion | None:
        """Read back what a lost write may have written; None when it is not there."""
        call = _call(handle, expected_version)
        target = handle.at(expected_version + 1)
        reading = self._reader.look(target)
        if reading.found in (Found.NOTHING, Found.BEHIND):
            return None
        if reading.found is Found.LIVE and kv.same(reading.fields or {}, fields):
            return reading.version
        if reading.found in (Found.LIVE, Found.DELETED, Found.DESTROYED):
            raise _conflict(call)
        self._reader.read(target)  # raises, and says why
        raise not_vault(call)


def after_loss(lost: Unknown, look: Callable[[], T]) -> T:
    """Look after a lost answer; where even looking is impossible, raise that it stays unknown."""
    try:
        return look()
    except (Unreachable, NotPermitted) as error:
        advice = error.what_to_do()
    problem = lost.sealed()
    problem.advice = f"It is not known whether this happened. {advice}"
    raise problem


def _call(handle: SecretHandle, expected_version: int) -> Call:
    kv.check_handle(handle, "write secret")
    if handle.version is not None or expected_version < 0:
        advice = "Name the secret without a version, and expect version 0 or higher."
        raise InvalidInput("vault", "write secret", secret=handle, advice=advice)
    return Call(
        "write secret",
        f"{handle.mount}/data/{handle.path}",
        Effect.CHANGE,
        ("create", "update"),
        frozenset({400}),
        {"secret": f"{handle.mount}/{handle.path}", "expected_version": expected_version},
    )


def _conflict(call: Call) -> Conflict:
    advice = "Somebody else wrote this secret first; start the update again, it reads the newest version."
    return Conflict("vault", call.operation, advice=advice, **call.about)
