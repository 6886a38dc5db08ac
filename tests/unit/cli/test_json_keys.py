"""The JSON of commands has the keys that they document, all of them and no other."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from cli.consenting import look, reviewed_as_data
from cli.consents import REVIEWED
from cli.deploying import Deployed
from cli.documented import below, keys_in
from cli.ledger_keys import LEDGER
from cli.servers import DEPLOYED
from cli.spools import HINT
from connectors.last_run import KeptConsent, KeptFinding, LastRun
from connectors.ledger import Applied, Asked, Attempt, Holder, Ledger, Sighting
from connectors.protocols import TenantService
from connectors.rotation import Pending, Retirement, Rotation, Setting, Trouble
from intake.hints import Hint, Source
from intake.spool import Spool
from tests.fakes.tenant import FakeTenant
from tests.unit.cli.support import typed

NOW = datetime(2026, 5, 4, tzinfo=UTC)


def test_ledger() -> None:
    """A ledger with everything in it has every key."""
    setting = Setting(at=NOW, before=NOW)
    pending = Pending(mount="kv", path="p", version=1, created=NOW)
    full = Ledger(
        connection="hq-ad",
        holder=Holder(run="r", since=NOW),
        asked=Asked(run="r", label="l", since=NOW, until=NOW, sighting=Sighting(told=True)),
        last_run=LastRun(
            run="r", flow="f", at=NOW,
            findings=(KeptFinding(code="c", subject="s", detail="d", what_to_do="w"),),
        ),
        consent=KeptConsent(verdict="v", at=NOW),
        applied=Applied(account="a", label="l", at=NOW),
        rotation=Rotation(
            id="r", begun=NOW, account="a", in_use="a", base="b", base_version=1, pending=pending,
            setting=setting,
        ),
        retire=Retirement(account="a", due=NOW, setting=setting),
        trouble=Trouble(cycles=1, since=NOW, outcome="o", reason="r", what_to_do="w", not_before=NOW),
        attempts=(Attempt(account="a", label="l", at=NOW, outcome="begun"),),
    )  # fmt: skip
    assert keys_in(full.model_dump(mode="json", by_alias=True)) == set(LEDGER)


def test_consent_review() -> None:
    """A consent that lacks something has every key."""
    fake = FakeTenant()
    fake.withheld = {"User.Read.All"}
    tenant = cast("TenantService", fake)
    seen = look(tenant, "svc@x", "example-not-the-vendors-list", withdraw_beyond=False)
    assert keys_in(reviewed_as_data(seen)) == set(REVIEWED)


def test_deploy() -> None:
    """What was deployed is told by every key."""
    done = Deployed("http://127.0.0.1:4200/api")
    done.add("work pool", "account-rotation", "created")
    assert keys_in({**asdict(done), "verdict": done.verdict}) == set(DEPLOYED)


def test_spool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A hint is told by every key, alone and in the list."""
    monkeypatch.setenv("INTAKE_SPOOL", str(tmp_path / "spool"))
    with Spool(tmp_path / "spool") as spool:
        spool.add([Hint("kv", "a", 1, Source.WEBHOOK, "m-1")])
    listed = json.loads(typed(monkeypatch, capsys, "spool", "list", "--json").out)
    shown = json.loads(typed(monkeypatch, capsys, "spool", "show", "1", "--json").out)
    assert keys_in(shown) == set(HINT)
    assert keys_in(listed) == set(below("[]", HINT))
