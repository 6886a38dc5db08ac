"""Ledgers in memory, with check-and-set."""

from __future__ import annotations

from connectors.errors import Superseded
from connectors.ledger import Ledger
from connectors.models import SecretHandle
from tests.fakes.telling import Told


class FakeLedgers(Told):
    """Where ledgers are kept; ``kept`` are the documents as they were written."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, Ledger] = {}

    def pending(self, connection: str, rotation: str) -> SecretHandle:
        """Name where the new password of one rotation waits."""
        return SecretHandle("kv", f"rotation/{connection}/pending/{rotation}")

    def read(self, connection: str) -> Ledger:
        """Return the ledger, or an empty one."""
        empty = Ledger(connection=connection)
        return self.act("read", lambda: self.kept.get(connection, empty))

    def fence(self, connection: str) -> int:
        """Return the version that a ledger is at."""
        kept = self.kept.get(connection)
        return self.act("fence", lambda: kept.fence if kept else 0)

    def write(self, ledger: Ledger) -> Ledger:
        """Keep a ledger if nobody else wrote it in between."""

        def keep() -> Ledger:
            kept = self.kept.get(ledger.connection)
            if (kept.fence if kept else 0) != ledger.fence:
                raise Superseded("vault", "write ledger", ledger=ledger.connection)
            written = ledger.model_copy(update={"fence": ledger.fence + 1})
            self.kept[ledger.connection] = written
            return written

        return self.act("write", keep)
