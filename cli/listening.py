"""Let the intake listen: the webhook app, or Vault Enterprise's events."""

from __future__ import annotations

import logging
import signal
import sys
import threading

from connectors.vault.settings import VaultSettings
from intake import vault_events
from intake.places import Places
from intake.server import serve
from intake.settings import EventSettings, IntakeSettings
from intake.spool import Spool
from inventory.settings import InventorySettings


def listen() -> None:
    """Serve until SIGINT or SIGTERM; raises what is wrong with the settings before anything starts."""
    _log_to_stderr()
    serve(IntakeSettings(), _say_where)


def listen_to_vault() -> None:
    """Put Vault Enterprise's events into the spool until SIGINT or SIGTERM."""
    _log_to_stderr()
    settings = EventSettings()
    places = Places(InventorySettings().path())
    places.inventory()
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with Spool(settings.spool, settings.limits) as spool:
        vault_events.listen(VaultSettings(), settings.types, spool, places.may_know, stopping)


def _say_where(address: str) -> None:
    sys.stdout.write(f"listening on {address}\n")
    sys.stdout.flush()


def _log_to_stderr() -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
