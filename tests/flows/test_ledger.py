"""The ledger in real runs: what is remembered, what is refused because of it, and who is fenced off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from cli.showing_ledgers import show
from connectors.errors import BudgetSpent, InvalidInput, OutOfStep, SignInRefused, Superseded
from connectors.ledger import Holder, Ledger
from flows.update_account_credentials import update_account_credentials
from inventory.wiring import open_inventory, open_systems
from report.record import Entry, RunRecord, listening
from sandbox.world import World
from tests.running import Server, Update

pytestmark = pytest.mark.prefect


def _ledger(connection: str) -> Ledger:
    with open_systems(open_inventory()) as systems:
        return systems.ledgers.read(connection)


def _take_over(connection: str) -> None:
    """Do what a younger run does first."""
    with open_systems(open_inventory()) as systems:
        holder = Holder(run="a younger run", since=datetime.now(UTC))
        ledger = systems.ledgers.read(connection)
        systems.ledgers.write(ledger.model_copy(update={"holder": holder}))


def _let_a_minute_pass(connection: str) -> None:
    """Make every attempt a minute older than it is."""
    with open_systems(open_inventory()) as systems:
        ledger = systems.ledgers.read(connection)
        older = tuple(
            a.model_copy(update={"at": a.at - timedelta(minutes=1)}) for a in ledger.attempts
        )
        systems.ledgers.write(ledger.model_copy(update={"attempts": older}))


def _failures(world: World) -> int:
    users = world.tenants["north"].state()["users"]
    (user,) = [u for u in users if u["upn"].startswith("svc-cayo-hq")]
    assert not user["locked"]
    return int(user["failures"])


def test_a_good_run_is_written_down(world: World, update: Update) -> None:
    """After a run the ledger says what was applied, that it was verified, and that nobody works on it."""
    world.rotate_ad("hq")

    outcome = update(connections=["hq-ad"])

    ledger = _ledger("hq-ad")
    assert outcome.state.name == ledger.outcome == "Ready"
    assert ledger.holder is None
    assert ledger.applied is not None
    assert ledger.applied.label.startswith("kv/cayosoft/hq/ad#2@")
    assert ledger.verified_at is not None
    assert [a.outcome for a in ledger.attempts] == ["accepted"]


def test_the_command_shows_it(
    world: World, update: Update, capsys: pytest.CaptureFixture[str]
) -> None:
    """`account-rotation ledger` prints what a person wants to know, as text and as JSON."""
    update(connections=["hq-ad"])
    text = StringIO()

    show("hq-ad", as_json=False, console=Console(file=text, width=120))
    capsys.readouterr()
    show("hq-ad", as_json=True, console=Console(file=text, width=40))

    for wanted in ("Ready", "kv/cayosoft/hq/ad#1", "accepted", "nobody"):
        assert wanted in text.getvalue()
    assert Ledger.model_validate_json(capsys.readouterr().out).outcome == "Ready"
    with pytest.raises(InvalidInput, match="find connection"):
        show("hq-xx", as_json=False, console=Console(file=text))


@pytest.mark.services("hq", "branch")
def test_consent_that_is_due_is_remembered(world: World, update: Update) -> None:
    """The ledger keeps the codes of the findings, and does not call the connection verified."""
    update("branch", connections=["branch-m365"])

    ledger = _ledger("branch-m365")
    assert ledger.outcome == "Remediation required"
    assert ledger.verified_at is None
    assert "consent.permission-missing" in ledger.findings


def test_a_password_that_spreads_slowly_is_tried_again(world: World, update: Update) -> None:
    """A refusal by a data centre that had not heard of the change yet is no last word: after a minute."""
    coming = world.service("hq").entra_password + "x"
    world.publish("hq", "m365", password=coming)
    assert update(connections=["hq-m365"]).state.name == "Refused"
    world.tenants["north"].do("set_password", upn=world.service("hq").entra_upn, password=coming)
    assert update(connections=["hq-m365"]).state.name == "Refused"

    _let_a_minute_pass("hq-m365")

    assert update(connections=["hq-m365"]).state.name == "Ready"


@pytest.mark.parametrize("pass_through", [False, True])
def test_fifteen_runs_spend_one_wrong_sign_in(
    world: World, update: Update, pass_through: bool
) -> None:
    """However often a version with a wrong password is met, Entra ID hears of it once."""
    world.tenants["north"].do("set_lockout", pass_through=pass_through)
    world.publish("hq", "m365", password="Wrong-but-Long-enough-1")

    errors = [update(connections=["hq-m365"]).connection("hq-m365").error for _ in range(15)]

    assert all(isinstance(error, SignInRefused) for error in errors)
    assert "--try-again" in str(errors[-1] and errors[-1].what_to_do())
    assert _failures(world) == 1


def test_many_wrong_versions_stop_at_the_budget(world: World, update: Update) -> None:
    """Wrong passwords in ever new versions are tried three times an hour, and then no more."""
    errors = []
    for number in range(6):
        world.publish("hq", "m365", password=f"Wrong-but-Long-enough-{number}")
        errors.append(update(connections=["hq-m365"]).connection("hq-m365").error)

    assert [type(error) for error in errors] == [SignInRefused] * 3 + [BudgetSpent] * 3
    assert _failures(world) == 3


def test_a_refused_version_is_tried_again_when_asked(world: World, update: Update) -> None:
    """Where the directory was corrected instead of Vault, a person can ask for one more try."""
    wrong = "Wrong-but-Long-enough-1"
    world.publish("hq", "ad", password=wrong)
    assert update(connections=["hq-ad"]).state.name == "Refused"
    world.set_ad_password("svc-cayo-hq", wrong)
    world.directory.forget()
    assert update(connections=["hq-ad"]).state.name == "Refused"
    assert [e for e in world.directory.calls("bind") if "svc-cayo-hq" in str(e)] == []

    assert update(connections=["hq-ad"], try_again=True).state.name == "Ready"
    assert update(connections=["hq-ad"]).state.name == "Ready"


def test_a_younger_run_fences_the_older_one(world: World, prefect_api: Server) -> None:
    """A run that was overtaken between entering and saving saves nothing and ends as superseded."""
    world.rotate_ad("hq")
    records: list[RunRecord] = []

    def overtake(entry: Entry) -> None:
        if entry.number == "A4":
            _take_over("hq-ad")

    with listening(overtake, records.append):
        state = update_account_credentials("hq", ["hq-ad"], return_state=True)

    assert state.name == "Superseded"
    assert isinstance(records[0].connections[0].error, Superseded)
    (row,) = [
        r for r in world.consoles["hq"].state()["rows"] if r["extension"] == "active_directory"
    ]
    assert row["saves"] == 0
    holder = _ledger("hq-ad").holder
    assert holder is not None
    assert holder.run == "a younger run"


def test_a_newer_ledger_stops_everything(world: World, update: Update) -> None:
    """A ledger of a newer schema is not understood, so nothing is touched."""
    world.admin.write("rotation/hq-ad/ledger", {"ledger": '{"schema": 4, "connection": "hq-ad"}'})

    outcome = update(connections=["hq-ad"])

    error = outcome.connection("hq-ad").error
    assert isinstance(error, OutOfStep)
    assert "newer" in str(error)
    assert world.consoles["hq"].journal() == []


def test_a_dry_run_writes_its_sign_in_and_nothing_else(world: World, update: Update) -> None:
    """A dry run takes no ledger; the sign-in that it spends is written down all the same."""
    update(connections=["hq-ad"], dry_run=True)

    ledger = _ledger("hq-ad")
    assert [a.outcome for a in ledger.attempts] == ["accepted"]
    assert ledger.holder is None
    assert ledger.applied is None
    assert ledger.outcome is None


def test_a_dry_run_does_not_disturb(world: World, update: Update) -> None:
    """While another run works on the connection, a dry run ends before it spends or writes anything."""
    _take_over("hq-ad")
    before = _ledger("hq-ad")

    outcome = update(connections=["hq-ad"], dry_run=True)

    assert outcome.state.name == "Superseded"
    assert "a younger run" in str(outcome.connection("hq-ad").error)
    assert _ledger("hq-ad") == before
    assert world.consoles["hq"].journal() == []


def test_a_ledger_that_cannot_be_written_ends_the_run(world: World, update: Update) -> None:
    """Without the right to write ledgers nothing is tried: a sign-in that is not remembered is not made."""
    policy = world.admin.call("GET", "/sys/policies/acl/orchestrator")["data"]["policy"]
    less = policy.replace('"create", "update", "read"', '"read"')
    world.admin.call("PUT", "/sys/policies/acl/orchestrator", {"policy": less})

    outcome = update(connections=["hq-ad"])

    assert outcome.state.name == "Refused"
    assert "kv/data/rotation" in str(outcome.connection("hq-ad").error.what_to_do())  # type: ignore[union-attr]
    assert world.consoles["hq"].journal() == []
