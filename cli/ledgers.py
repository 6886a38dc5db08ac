"""``account-rotation ledger``: what is remembered of a connection."""

from __future__ import annotations

from cli.documented import LOOK, documented
from cli.ledger_keys import LEDGER
from cli.options import AsJson, Connection
from cli.output import screen


@documented(
    "Show what is remembered of a connection.",
    section=LOOK,
    examples=("account-rotation ledger hq-ad", "account-rotation ledger hq-ad --json"),
    json=LEDGER,
)
def ledger(connection: Connection, as_json: AsJson = False) -> None:
    """Show what is remembered of a connection: what was applied when, and which sign-ins were spent.

    The ledger is one document per connection in Vault. It holds no secret.
    """
    from cli.showing_ledgers import show  # noqa: PLC0415  the systems take a while to import

    show(connection, as_json=as_json, console=screen())
