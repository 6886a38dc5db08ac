"""Keep ledgers in Vault's KV v2: one document per connection, check-and-set at every change."""

from __future__ import annotations

import json

from pydantic import ValidationError

from connectors.errors import Conflict, NotFound, OutOfStep, Superseded, Unknown
from connectors.ledger import READABLE, SCHEMA, Ledger
from connectors.models import SecretHandle, SecretVersion
from connectors.vault.client import VaultClient

FIELD = "ledger"


class VaultLedgers:
    """Read and change ledgers below ``mount``/``root``. Raises what VaultClient raises, and more."""

    def __init__(self, vault: VaultClient, mount: str = "kv", root: str = "rotation") -> None:
        self._vault = vault
        self._mount = mount
        self._root = root

    def handle(self, connection: str) -> SecretHandle:
        """Name where the ledger of a connection lies."""
        return SecretHandle(self._mount, f"{self._root}/{connection}/ledger")

    def pending(self, connection: str, rotation: str) -> SecretHandle:
        """Name where the new password of one rotation waits."""
        return SecretHandle(self._mount, f"{self._root}/{connection}/pending/{rotation}")

    def read(self, connection: str) -> Ledger:
        """Return the ledger; a new, empty one with fence 0 where there is none yet.

        Raises OutOfStep for a document of a newer schema, or one that is no ledger: nothing may act
        on what it does not understand.
        """
        handle = self.handle(connection)
        try:
            newest = self._vault.metadata(handle).current.handle
            text = self._vault.document(newest)[FIELD].reveal()
        except NotFound:
            return Ledger(connection=connection)
        except KeyError:
            problem = self._strange(connection, newest, "it has no field 'ledger'")
        else:
            try:
                found = json.loads(text)
                if isinstance(found, dict) and found.get("schema") in READABLE:
                    ledger = Ledger.model_validate(found | {"schema": SCHEMA})
                    if ledger.connection == connection:
                        return ledger.model_copy(update={"fence": newest.version})
                why = _why(found)
            except (ValueError, ValidationError):
                why = "it does not have the ledger's form"
            problem = self._strange(connection, newest, why)
        raise problem

    def fence(self, connection: str) -> int:
        """Return the version that the ledger is at; 0 where there is none yet."""
        try:
            return self._vault.metadata(self.handle(connection)).current.handle.version or 0
        except NotFound:
            return 0

    def write(self, ledger: Ledger) -> Ledger:
        """Write the changed ledger over the version it was read at; return it with its new fence.

        Raises Superseded when another run has changed it in between: this one must change nothing more.
        """
        handle = self.handle(ledger.connection)
        fields = {FIELD: ledger.model_dump_json(by_alias=True)}
        written: SecretVersion | None = None
        try:
            written = self._vault.write(handle, fields, ledger.fence)
        except Conflict:
            pass
        except Unknown:
            written = self._after_a_lost_answer(handle, fields, ledger.fence)
        if written is None or written.handle.version is None:
            raise Superseded(
                "vault",
                "write ledger",
                ledger=handle,
                fence=ledger.fence,
                advice="Another run works on this connection. Look at it in the Prefect UI; this one "
                "changed nothing more.",
            )
        return ledger.model_copy(update={"fence": written.handle.version})

    def _after_a_lost_answer(
        self, handle: SecretHandle, fields: dict[str, str], fence: int
    ) -> SecretVersion | None:
        """Look whether the write happened; where it did not, check-and-set makes a repeat safe."""
        try:
            seen = self._vault.observe_write(handle, fields, fence)
            return seen or self._vault.write(handle, fields, fence)
        except Conflict:
            return None

    def _strange(self, connection: str, handle: SecretHandle, why: str) -> OutOfStep:
        return OutOfStep(
            "vault",
            "read ledger",
            ledger=handle,
            connection=connection,
            why=why,
            advice=f"The document at {handle} is not a ledger that this version understands: {why}. "
            "Install the version that wrote it, or move the document away if it is none of ours.",
        )


def _why(found: object) -> str:
    schema = found.get("schema") if isinstance(found, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        return f"its schema is {schema}, newer than {SCHEMA}"
    return "it is another connection's, or of an unknown schema"
