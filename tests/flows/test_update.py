"""The article on the sandbox: what a run does, shows, and leaves behind."""

from __future__ import annotations

import pytest

from report.procedure import BY_NUMBER
from report.record import Result
from sandbox.demo import test_users as leftover_users
from sandbox.samba.availability import available
from sandbox.world import World
from tests.running import Server, StartWorld, Update

pytestmark = pytest.mark.prefect

AD_STEPS = ["A1", "A2", "A3", "A4", "A5", "A6", "V1", "V2", "V3", "V4"]
M365_STEPS = ["E1", "E2", "E3", "E4", "E5", "E6", "E7", "V5", "V6", "V7"]
SAMBA = pytest.param(
    "samba",
    marks=[
        pytest.mark.samba,
        pytest.mark.skipif(available() is not None, reason=available() or "it is here"),
    ],
)


@pytest.mark.parametrize("directory", ["active_directory", SAMBA])
def test_both_accounts_become_ready(
    start_world: StartWorld, update: Update, directory: str
) -> None:
    """After a rotation the update brings both connections to the new credential and proves it."""
    world = start_world(directory=directory)
    world.rotate_ad("hq")
    world.rotate_entra("hq")
    assert not world.console_signs_in("hq", "microsoft_365")

    outcome = update()

    assert outcome.state.name == "Ready"
    assert outcome.state.is_completed()
    assert outcome.steps("hq-ad") == AD_STEPS
    assert outcome.steps("hq-m365") == M365_STEPS
    for extension in ("active_directory", "microsoft_365"):
        assert world.console_signs_in("hq", extension)
    assert leftover_users(world) == []
    assert world.locked_accounts() == []


@pytest.mark.bookkeeping
def test_run_list_reads_as_the_procedure(world: World, update: Update, prefect_api: Server) -> None:
    """Prefect's run list shows the steps under their numbers, in order, one task run each."""
    outcome = update()

    shown = [run["name"] for run in prefect_api.task_runs(outcome.record.run_id)]
    expected = [
        BY_NUMBER["P1"].label,
        *(f"{BY_NUMBER[n].label} · hq-ad" for n in AD_STEPS[:6]),
        *(f"{BY_NUMBER[n].label} · hq-m365" for n in M365_STEPS[:7]),
        *(f"{BY_NUMBER[n].label} · hq-ad" for n in AD_STEPS[6:]),
        *(f"{BY_NUMBER[n].label} · hq-m365" for n in M365_STEPS[7:]),
        BY_NUMBER["F2"].label,
    ]
    assert expected == shown


@pytest.mark.services("hq", "branch")
def test_incomplete_consent_asks_for_remediation(
    world: World, update: Update, prefect_api: Server
) -> None:
    """A missing permission and one granted org-wide are both named, with what to do about each."""
    world.rotate_entra("branch")

    outcome = update("branch")

    assert outcome.state.name == "Remediation required"
    assert outcome.state.is_failed()
    record = outcome.connection("branch-m365")
    subjects = " ".join(f"{f.subject} {f.detail}" for f in record.findings)
    assert "Group.ReadWrite.All" in subjects
    assert "Directory.Read.All" in subjects
    report = prefect_api.report(outcome.record.run_id, "branch-m365")
    assert "# Remediation required" in report
    for finding in record.findings:
        assert finding.what_to_do()
    assert world.console_signs_in("branch", "microsoft_365")
    assert outcome.connection("branch-ad").error is None


def test_consent_is_never_for_the_organization(world: World, update: Update) -> None:
    """The permission prompt is accepted for the connection account alone."""
    update()

    grants = world.tenants["north"].state()["grants"]
    mine = [g for g in grants if "User.ReadWrite.All" in g["scope"].split()]
    assert mine
    assert {g["consentType"] for g in mine} == {"Principal"}


def test_what_is_already_so_is_skipped(world: World, update: Update) -> None:
    """A second update of the same version saves nothing, says so, and still proves everything."""
    update()
    saves = len(world.consoles["hq"].calls("draft.save"))

    outcome = update()

    assert outcome.state.name == "Ready"
    results = {e.number: e.result for c in outcome.record.connections for e in c.entries}
    assert {n for n, r in results.items() if r is Result.ALREADY_SO} == {
        "A4", "A5", "E3", "E4", "E6",
    }  # fmt: skip
    assert len(world.consoles["hq"].calls("draft.save")) == saves == 2


def test_dry_run_changes_nothing(world: World, update: Update) -> None:
    """A dry run signs in and reads everywhere, and not one changing call reaches any system."""
    update()  # so that the app is registered and there is a consent to review
    world.rotate_ad("hq")
    world.rotate_entra("hq")
    for stand_in in world.stand_ins().values():
        stand_in.forget()

    outcome = update(dry_run=True)

    assert outcome.state.name == "Dry run"
    assert outcome.steps("hq-ad") == ["A1", "A2", "A3", "A4", "A6"]
    assert outcome.steps("hq-m365") == ["E1", "E2", "E3", "E7"]
    console = {entry["route"] for entry in world.consoles["hq"].journal()}
    assert (
        console & {"draft.create", "draft.save", "app.find", "consent.accept", "operation"} == set()
    )
    directory = {entry["route"] for entry in world.directory.journal()}
    assert directory & {"add", "modify", "delete", "modifyDN"} == set()
    tenant = [
        e["detail"].get("method") for e in world.tenants["north"].journal() if "graph" in e["route"]
    ]
    assert set(tenant) <= {"GET"}


def test_named_version_is_entered(world: World, update: Update) -> None:
    """With a version number, that version is entered and not the latest."""
    world.rotate_ad("hq")
    world.publish("hq", "ad", password="not-the-password-of-anybody")

    outcome = update(connections=["hq-ad"], secret_version=2)

    assert outcome.state.name == "Ready"
    assert "kv/cayosoft/hq/ad#2" in outcome.connection("hq-ad").entries[3].evidence


@pytest.mark.services("hq", "branch")
def test_every_step_of_the_report_is_accounted_for(
    world: World, update: Update, prefect_api: Server
) -> None:
    """The report has a row for each step of the procedure: done, skipped, or why it was not run."""
    outcome = update("branch")

    report = prefect_api.report(outcome.record.run_id, "branch-m365")
    for number in ("P1", *M365_STEPS, "R1", "R2", "R3", "V8", "F2"):
        assert f"| {number} |" in report
    assert "waits for a person" in report
