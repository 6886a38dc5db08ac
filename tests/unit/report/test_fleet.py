"""How a connection stands: the most urgent first, by ledger and metadata alone, and what cannot be read is a row."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from ruamel.yaml import YAML

from cli.exits import STANDINGS, Exit
from connectors.errors import InvalidInput, NotPermitted
from connectors.last_run import KeptConsent, LastRun
from connectors.ledger import Applied, Holder, Ledger
from connectors.models import Finding
from connectors.protocols import Systems
from connectors.rotation import Rotation, Trouble
from inventory.loader import load
from inventory.models import Inventory
from report.fleet import LATE_AFTER, Row, Standing, look
from tests.fakes.ledgers import FakeLedgers
from tests.fakes.vault import FakeVault
from tests.unit.tasks.conftest import INVENTORY

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass
class Fleet:
    """Two connections on fakes; hq-m365 is in order, hq-ad is what a test is about."""

    inventory: Inventory
    vault: FakeVault = field(default_factory=FakeVault)
    ledgers: FakeLedgers = field(default_factory=FakeLedgers)

    def look(self, **choices: Any) -> tuple[Row, ...]:
        """Look at the fleet."""
        choices = {"services": (), "now": NOW} | choices
        return look(cast("Systems", self), self.inventory, **choices)

    def ledger(self, name: str, path: str, **changes: Any) -> None:
        """Keep the ledger of a connection to which the newest version was brought, with changes."""
        newest = self.vault.metadata(self.handle(path)).current.label
        fields: dict[str, Any] = {
            "applied": Applied(account="svc", label=newest, at=NOW - HOUR),
            "verified_at": NOW - HOUR,
            "outcome": "Ready",
            "in_use": "svc",
        }
        self.ledgers.kept[name] = Ledger(connection=name, **(fields | changes))

    def handle(self, path: str) -> Any:
        """Name a secret."""
        return next(h for h in self.vault.values if h.path == path)

    def of_ad(self, **changes: Any) -> Row:
        """Return how hq-ad stands with these changes in its ledger."""
        self.ledger("hq-ad", "hq/ad", **changes)
        return next(row for row in self.look() if row.connection == "hq-ad")


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """Return a fleet in order."""
    file = tmp_path / "inventory.yaml"
    file.write_text(INVENTORY)
    made = Fleet(load(file))
    for path in ("hq/ad", "hq/m365"):
        made.vault.write("kv", path, "svc", "not looked at")
    made.ledger("hq-ad", "hq/ad")
    made.ledger("hq-m365", "hq/m365")
    made.vault.calls.clear()
    return made


def _trouble(*, needs_person: bool, wait: timedelta = HOUR) -> Trouble:
    return Trouble(
        cycles=3, since=NOW - HOUR, outcome="Refused", reason="wrong password", what_to_do="write the right one",
        not_before=NOW + wait, needs_person=needs_person,
    )  # fmt: skip


def _rotation() -> Rotation:
    return Rotation(
        id="r1", begun=NOW - HOUR, account="svc", in_use="svc", base="kv/hq/ad#1@t", base_version=1, phase="N3"
    )  # fmt: skip


def test_in_order(fleet: Fleet) -> None:
    """The newest version is applied, it was verified in time, and there is nothing to do."""
    row = fleet.of_ad()
    assert (row.standing, row.why, row.what_to_do, row.late) == (Standing.IN_ORDER, "", "", False)
    assert row.applied == row.newest


@pytest.mark.parametrize(
    ("changes", "standing", "said"),
    [
        ({"applied": None, "verified_at": None, "outcome": None}, Standing.BEHIND, "update hq --connection hq-ad"),
        ({"rotation": _rotation()}, Standing.UNFINISHED, "rotate hq-ad --finish"),
        ({"holder": Holder(run="r", since=NOW - 2 * HOUR)}, Standing.UNFINISHED, "update hq --connection hq-ad"),
        ({"trouble": _trouble(needs_person=True)}, Standing.PERSON, "write the right one"),
        ({"trouble": _trouble(needs_person=False)}, Standing.FAILED, "not before 2026-05-04 13:00"),
        ({"trouble": _trouble(needs_person=False), "rotation": _rotation()}, Standing.FAILED, "rotate hq-ad --finish"),
        ({"outcome": "Remediation required"}, Standing.PERSON, "account-rotation remediate hq-ad"),
        ({"outcome": "Validation failed"}, Standing.PERSON, "account-rotation findings hq-ad"),
        ({"outcome": "Unreachable"}, Standing.IN_ORDER, ""),
        ({"verified_at": NOW - 27 * HOUR}, Standing.LATE, "verify_connections/verify"),
    ],
    ids=[
        "never applied", "rotation cut off", "run killed", "failed too often", "failed", "failed half-way",
        "remediation", "validation", "away once", "late",
    ],
)  # fmt: skip
def test_what_is_not_in_order(
    fleet: Fleet, changes: dict[str, Any], standing: Standing, said: str
) -> None:
    """Each way of not being in order has its standing, and says what to type."""
    row = fleet.of_ad(**changes)
    assert row.standing is standing
    assert said in row.what_to_do


def test_a_run_at_work_is_no_trouble(fleet: Fleet) -> None:
    """While a run holds the connection, its unfinished rotation is nobody's concern."""
    row = fleet.of_ad(rotation=_rotation(), holder=Holder(run="r", since=NOW - HOUR / 2))
    assert row.standing is Standing.AT_WORK
    assert STANDINGS[row.standing] is Exit.OK


def test_a_newer_version_in_vault(fleet: Fleet) -> None:
    """What Vault holds and the console was not given is due, whatever the version before came to."""
    fleet.ledger("hq-ad", "hq/ad", outcome="Refused")
    fleet.vault.write("kv", "hq/ad", "svc", "not looked at")
    row = next(row for row in fleet.look() if row.connection == "hq-ad")
    assert row.standing is Standing.BEHIND
    assert row.applied != row.newest


def test_the_last_error_says_what_to_do(fleet: Fleet) -> None:
    """Where an error ended the last run, the row has its words; consent and findings are counted."""
    error = NotPermitted("ad", "reset password", advice="Give the right.")
    findings = [Finding("a", "s", "d", "w"), Finding("a", "t", "d", "w")]
    last = LastRun.of("update", "r", NOW, error, findings)
    consent = KeptConsent(verdict="Fully granted", at=NOW)
    row = fleet.of_ad(outcome="Refused", last_run=last, consent=consent, findings=("a",))
    assert row.standing is Standing.PERSON
    assert row.what_to_do == "Give the right."
    assert "ad: reset password" in row.why
    assert (row.findings, row.consent) == (2, "Fully granted")


def test_what_cannot_be_read_is_a_row(fleet: Fleet) -> None:
    """A ledger or metadata that may not be read is said in its row; the others are told all the same."""
    fleet.ledgers.fail("read", NotPermitted("vault", "read ledger", advice="Give the policy."))
    fleet.vault.fail("metadata", NotPermitted("vault", "read metadata", advice="Give the policy."))
    rows = fleet.look()
    assert [row.standing for row in rows] == [Standing.UNTOLD, Standing.UNTOLD]
    assert {row.what_to_do for row in rows} == {"Give the policy."}
    assert {row.why for row in rows} == {"vault: read ledger", "vault: read metadata"}


def test_the_most_urgent_comes_first(fleet: Fleet) -> None:
    """Rows are sorted by urgency, whatever their names."""
    fleet.ledger("hq-m365", "hq/m365", outcome="Remediation required")
    assert [row.connection for row in fleet.look()] == ["hq-m365", "hq-ad"]
    ranks = [standing.urgency for standing in Standing]
    assert ranks == sorted(ranks)


def test_no_secret_is_read(fleet: Fleet) -> None:
    """Looking reads ledgers and metadata, and writes nothing."""
    fleet.ledgers.calls.clear()
    fleet.look()
    assert set(fleet.vault.calls) == {"metadata"}
    assert set(fleet.ledgers.calls) == {"read"}


def test_an_unknown_service_is_refused(fleet: Fleet) -> None:
    """A service that is not in the inventory is named, with those that are."""
    with pytest.raises(InvalidInput, match="service=xx") as refused:
        fleet.look(services=("xx",))
    assert "hq" in refused.value.what_to_do()


def test_late_means_the_same_everywhere() -> None:
    """The alert of deployments/automations.yaml comes when the status begins to say so."""
    text = (ROOT / "deployments" / "automations.yaml").read_text()
    automations = YAML(typ="safe", pure=True).load(text)["automations"]
    (alert,) = [it for it in automations if it["name"].endswith("verification is late")]
    assert timedelta(seconds=alert["trigger"]["within"]) == LATE_AFTER


def test_every_standing_has_an_exit_code() -> None:
    """The exit code of the worst row is 0 only where nobody has to look."""
    assert set(STANDINGS) == set(Standing)
    fine = {standing for standing, code in STANDINGS.items() if code is Exit.OK}
    assert fine == {Standing.AT_WORK, Standing.IN_ORDER}
