"""What the intake says of itself, and what its files say."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cli.doctor import intake
from cli.doctor.model import Kind, NotLooked, Plan, Wrong
from cli.doctor.site import Choices, Site
from connectors.errors import InvalidInput
from intake.hints import Hint, Source
from intake.settings import IntakeSettings
from intake.spool import Spool
from sandbox.standin.tls import Authority
from tests.intake.sending import new_key, private

FINE = {"fine": True}
READY = {"ready": True, "status": "ready", "spool": FINE, "keys": FINE, "dispatcher": FINE}


@contextmanager
def _saying(report: dict[str, Any], status: int = 200) -> Iterator[str]:
    """Answer on loopback as an intake with this report."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said = {"status": "up"} if self.path == "/healthz" else report
            body = json.dumps(said).encode()
            self.send_response(200 if self.path == "/healthz" else status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """An intake that is configured and has an empty spool."""
    for name in [name for name in os.environ if name.startswith("INTAKE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("INTAKE_SPOOL", str(tmp_path / "spool.sqlite"))
    keys = private(tmp_path / "keys", new_key())
    monkeypatch.setenv("INTAKE_WEBHOOK_KEYS_FILE", str(keys))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    Spool(tmp_path / "spool.sqlite").close()
    return Site(Choices(), intake_settings=IntakeSettings())


def _wrong(kind: Kind[...], site: Site, *arguments: Any) -> Wrong:
    with pytest.raises(Wrong) as told:
        kind.look(site, *arguments)
    return told.value


def test_ready(site: Site) -> None:
    """An intake that is up and ready passes."""
    with _saying(READY) as url:
        assert intake.alive.look(site, url) == url
        assert intake.ready.look(site, f"{url}/") == "ready"
        assert intake.systems.look(site, url) == "ready"


def test_not_ready(site: Site) -> None:
    """One that accepts no news says which of its parts is not right, and its own advice is the fix."""
    keys = {"fine": False, "kind": "InvalidInput", "what_to_do": "chmod 600 keys"}
    with _saying({**READY, "ready": False, "keys": keys}, 503) as url:
        told = _wrong(intake.ready, site, url)
    assert told.fault == "The intake accepts no news: keys not in order."
    assert told.fix == "chmod 600 keys"


def test_degraded(site: Site) -> None:
    """One that has trouble with another system names it; one that has not looked yet has none."""
    away = {"fine": False, "kind": "Unreachable", "what_to_do": "Bring Vault back."}
    with _saying({**READY, "prefect": {"fine": None}, "vault": away}) as url:
        told = _wrong(intake.systems, site, url)
    assert "trouble with vault (Unreachable)" in told.fault
    assert told.fix == "Bring Vault back."


def test_nearly_full(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A spool that is nearly full is a fault before it takes no more."""
    mine = site.intake_settings
    assert mine
    monkeypatch.setenv("INTAKE_SPOOL_ROWS", "10")
    site.intake_settings = IntakeSettings()
    assert "0 waiting" in intake.spool.look(site)
    with Spool(mine.spool) as spool:
        spool.add([Hint("kv", f"a/{n}", 1, Source.WEBHOOK, f"m{n}") for n in range(9)])
    assert "9 waiting and 0 dead hints of 10" in _wrong(intake.spool, site).fault


def test_never_started(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A spool that is not there is not made by looking."""
    monkeypatch.setenv("INTAKE_SPOOL", str(tmp_path / "none.sqlite"))
    site.intake_settings = IntakeSettings()
    with pytest.raises(NotLooked, match="never been started"):
        intake.spool.look(site)
    assert not (tmp_path / "none.sqlite").exists()


def test_keys_that_others_can_read(site: Site) -> None:
    """A key file that others can reach is refused, with the command."""
    assert site.intake_settings
    site.intake_settings.webhook_keys_file.chmod(0o644)
    with pytest.raises(InvalidInput) as told:
        intake.webhook_keys.look(site)
    assert "chmod 600" in told.value.what_to_do()


def test_its_own_certificate(
    site: Site, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it speaks TLS itself, the file tells when its certificate ends, and an address has to be named."""
    for days, soon in ((90, False), (5, True)):
        certificate, key = authority.issue("intake", days=days)
        monkeypatch.setenv("INTAKE_TLS_CERTIFICATE", str(certificate))
        monkeypatch.setenv("INTAKE_TLS_KEY", str(key))
        site.intake_settings = IntakeSettings()
        if soon:
            assert "ends in 4 days" in _wrong(intake.certificate_file, site).fault
        else:
            assert "89 days" in intake.certificate_file.look(site)
    with pytest.raises(NotLooked, match="--intake https"):
        intake.alive.look(site, None)


def test_where_nothing_is_set(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no variable of the intake is set there is one line about it; with an address it is asked."""
    for name in ("INTAKE_SPOOL", "INTAKE_WEBHOOK_KEYS_FILE"):
        monkeypatch.delenv(name)
    plan = Plan()
    intake.add(plan, site, ())
    assert [item.kind.id for item in plan.checks] == ["intake.settings"]
    with pytest.raises(NotLooked, match="no variable INTAKE_"):
        intake.settings.look(site)
    named, plan = Site(Choices(intake="https://hooks.example.test")), Plan()
    intake.add(plan, named, ())
    assert {"intake.tls", "intake.alive", "intake.ready"} <= {it.kind.id for it in plan.checks}
