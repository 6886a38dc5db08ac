"""The listening process: the app, and the dispatcher in a thread of the same process."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from connectors.errors import InvalidInput, OutOfStep
from connectors.loggers import quieten
from connectors.vault.files import read_secret_file
from intake.app import Parts, Rules, build
from intake.dispatcher import Dispatcher, Patience
from intake.health import Health
from intake.keys import SecretLines, WebhookKeys
from intake.metrics import Metrics
from intake.places import Places
from intake.prefect_api import PrefectApi
from intake.settings import IntakeSettings
from intake.spool import Spool
from intake.status import Status
from inventory.settings import InventorySettings
from inventory.wiring import open_systems

_log = logging.getLogger(__name__)


def serve(settings: IntakeSettings, ready: Callable[[str], None] = lambda _: None) -> None:
    """Listen until SIGINT or SIGTERM, then finish the hint at hand and the requests that are open.

    Raises what is wrong with settings, keys, inventory or spool before anybody is answered. ``ready`` is
    called with the address once requests are accepted.
    """
    with ExitStack() as closing:
        closing.enter_context(alone_on(settings.spool))
        spool = closing.enter_context(Spool(settings.spool, settings.limits))
        places = Places(InventorySettings().path())
        places.inventory()
        keys = WebhookKeys(settings.webhook_keys_file, "INTAKE_WEBHOOK_KEYS_FILE")
        keys.lines()
        tokens = None
        if settings.audit_tokens_file:
            tokens = SecretLines(settings.audit_tokens_file, "INTAKE_AUDIT_TOKENS_FILE")
            tokens.lines()
        auth = None
        if settings.prefect_auth_file:
            auth = read_secret_file(settings.prefect_auth_file, "INTAKE_PREFECT_AUTH_FILE")
        prefect = closing.enter_context(PrefectApi(settings, auth))
        status, metrics = Status(), Metrics()
        metrics.watch(spool.counts, status, time.time)
        # Its own connection to the spool: a slow round must not keep requests waiting for the lock.
        work = closing.enter_context(Spool(settings.spool, settings.limits))
        patience = Patience(
            settings.first_wait,
            settings.longest_wait,
            settings.future_patience,
            settings.look_every,
        )
        dispatcher = Dispatcher(work, places, open_systems, prefect, status, metrics, patience)
        parts = Parts(
            spool=spool,
            keys=keys,
            tokens=tokens,
            health=Health(spool, keys, status),
            metrics=metrics,
            wake=dispatcher.wake,
            wanted=places.may_know,
            rules=Rules(
                settings.largest_message,
                settings.largest_audit,
                settings.reading_patience,
                settings.most_at_once,
                settings.rate,
                settings.burst,
            ),
        )
        closing.enter_context(_running(dispatcher))
        _listen(build(parts), settings, ready)


@contextmanager
def alone_on(spool: Path) -> Iterator[None]:
    """Be the only process that delivers from this spool; raises OutOfStep when there is another.

    The lock ends with the process, however it ends.
    """
    problem: InvalidInput | OutOfStep
    try:
        held = os.open(f"{spool}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        problem = InvalidInput(
            "spool",
            "open",
            file=spool,
            cause=type(error).__name__,
            advice=f"INTAKE_SPOOL: make the folder {spool.parent}, writable for this user only.",
        )
    else:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(held)
            problem = OutOfStep(
                "spool",
                "open",
                file=spool,
                advice="Another intake delivers from this spool. Stop it first, or name another file in "
                "INTAKE_SPOOL.",
            )
        else:
            try:
                yield
            finally:
                os.close(held)
            return
    raise problem


@contextmanager
def _running(dispatcher: Dispatcher) -> Iterator[None]:
    thread = threading.Thread(target=dispatcher.run, name="dispatcher", daemon=True)
    thread.start()
    try:
        yield
    finally:
        dispatcher.stop()
        # What it was at is still in the spool if it does not end in time.
        thread.join(20)


class _Server(uvicorn.Server):
    """Tells when it accepts requests, and where."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[str], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Begin to listen."""
        await super().startup(sockets)  # type: ignore[arg-type]
        for server in self.servers:
            for socket in server.sockets:
                host, port = socket.getsockname()[:2]
                scheme = "https" if self.config.is_ssl else "http"
                self._ready(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}")


def _listen(app: FastAPI, settings: IntakeSettings, ready: Callable[[str], None]) -> None:
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        access_log=False,  # addresses and headers of requests are nobody's business
        log_config=None,
        server_header=False,
        proxy_headers=False,
        http="h11",
        h11_max_incomplete_event_size=16 * 1024,
        ws="none",
        lifespan="off",
        timeout_keep_alive=15,
        timeout_graceful_shutdown=10,
        backlog=512,
    )
    quieten("uvicorn", "uvicorn.error")
    with _signals_kept():
        _Server(config, ready).run()


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Outlive the signal that ended the server: it sends itself the signal again once it has closed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
