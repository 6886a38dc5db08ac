"""A plan names every step of an update, in order, with what it would come to."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from cli.documented import keys_in
from cli.planning import plan_as_data, show_plan
from cli.run_data import as_data, several_as_data
from cli.run_keys import PLAN, RUN, RUNS
from connectors.entra.consent import review
from connectors.entra.manifest import load_manifest
from connectors.entra.planning import plan as plan_of
from connectors.errors import SignInReason, SignInRefused, Unreachable
from connectors.models import Extension, Finding
from report.plan import Effect, planned
from report.procedure import BY_NUMBER, steps_of_update
from report.record import ConnectionRecord, Entry, Gap, Result, RunRecord
from tests.fakes.tenant import FakeTenant

AD, M365 = Extension.ACTIVE_DIRECTORY, Extension.MICROSOFT_365
MANIFEST = "example-not-the-vendors-list"


def dry_run(
    extension: Extension, *results: tuple[str, Result], withheld: bool = False
) -> RunRecord:
    """Return the record of a dry run in which these steps were carried out."""
    run = RunRecord("update", "run-1", "hq", dry_run=True)
    connection = ConnectionRecord("hq-x", "update to the latest", steps_of_update(extension))
    run.connections.append(connection)
    for number, result in results:
        title = BY_NUMBER[number].title
        evidence = "hq-x: here; hq-y: there" if number == "P1" else f"saw {number}"
        entry = Entry(number, title, "hq-x", result, datetime.now(UTC), 0.1, evidence)
        (run if number == "P1" else connection).entries.append(entry)
    if extension is M365:
        fake, manifest = FakeTenant(), load_manifest(MANIFEST)
        fake.withheld = {"User.Read.All"} if withheld else set()
        facts = fake.consent_facts("", "", manifest)
        connection.consent = review(manifest, facts, fake.user)
        connection.plan = plan_of(manifest, facts, fake.user)
    return run


def effects(run: RunRecord) -> dict[str, Effect]:
    """Return the effect of every planned step."""
    return {item.step.number: item.effect for item in planned(run, run.connections[0])}


LOOKED = (("P1", Result.DONE), ("A1", Result.DONE), ("A2", Result.DONE), ("A3", Result.DONE))


def test_a_new_version_is_entered() -> None:
    """Where the console is behind, draft, save and operations are changes, and looking is looking."""
    run = dry_run(AD, *LOOKED, ("A4", Result.DONE), ("A6", Result.DONE))
    found = effects(run)
    assert list(found) == [step.number for step in steps_of_update(AD)]
    assert {n for n, e in found.items() if e is Effect.CHANGES} == {
        "A4", "A5", "V1", "V2", "V3", "V4", "F2",
    }  # fmt: skip
    assert found["V8"] is Effect.IF_NEEDED
    assert found["A6"] is Effect.LOOKS


def test_nothing_to_enter() -> None:
    """Where the console holds the version, nothing is entered or saved."""
    found = effects(dry_run(AD, *LOOKED, ("A4", Result.ALREADY_SO), ("A6", Result.DONE)))
    assert found["A4"] is found["A5"] is Effect.ALREADY_SO


def test_a_step_that_fails() -> None:
    """What comes after a step that fails is not reached, but for the evidence."""
    run = dry_run(AD, *LOOKED, ("A4", Result.FAILED))
    run.connections[0].error = SignInRefused("ad", "sign in", reason=SignInReason.LOCKED)
    found = effects(run)
    assert found["A4"] is Effect.FAILS
    assert {found[n] for n in ("A5", "A6", "V1", "V8")} == {Effect.NOT_REACHED}
    assert found["F2"] is Effect.CHANGES
    (data,) = plan_as_data(run)["connections"]  # type: ignore[misc]
    assert data["changes"] == data["may_change"] == []


@pytest.mark.parametrize(
    ("withheld", "repair", "operation"),
    [(False, Effect.NOTHING, Effect.CHANGES), (True, Effect.MAY_CHANGE, Effect.MAY_CHANGE)],
)
def test_consent(withheld: bool, repair: Effect, operation: Effect) -> None:
    """A consent that is complete needs no repair; one that is not decides about the operations."""
    done = [(n, Result.DONE) for n in ("P1", "E1", "E2", "E3", "E7")]
    found = effects(dry_run(M365, *done, withheld=withheld))
    assert found["R2"] is repair
    assert found["V5"] is operation
    assert found["E5"] is found["E6"] is Effect.MAY_CHANGE


def test_shared_evidence_is_told_to_whom_it_concerns() -> None:
    """Of a step for all connections each is told its own part."""
    run = dry_run(AD, *LOOKED)
    assert planned(run, run.connections[0])[0].says == "here"


@pytest.mark.parametrize("width", [46, 80, 120])
def test_text(width: int) -> None:
    """The text has every step, fits the terminal, and ends with what would be changed."""
    run = dry_run(AD, *LOOKED, ("A4", Result.DONE), ("A6", Result.DONE))
    run.connections[0].findings.append(Finding("console.odd", "[red]row", "detail", "Look."))
    run.error = Unreachable("prefect", "keep the report")
    text = StringIO()
    show_plan(run, Console(file=text, width=width, highlight=False))
    assert max(map(len, text.getvalue().splitlines())) <= width
    said = " ".join(text.getvalue().split())
    for wanted in (
        "hq-x: update to the latest", "An update would change: edit draft, console, validation OU, Prefect.",
        "console.odd [red]row: Look.", "prefect: keep the report",
        *(f"{step.number} " for step in steps_of_update(AD)),
    ):  # fmt: skip
        assert wanted in said


def full() -> RunRecord:
    """Return a run that has everything that JSON can tell."""
    run = dry_run(M365, ("P1", Result.DONE), ("E3", Result.FAILED), withheld=True)
    (connection,) = run.connections
    connection.error = SignInRefused("entra", "sign in", reason=SignInReason.LOCKED)
    connection.gap = Gap("svc", 1.0)
    connection.findings.append(Finding("code", "subject", "detail", "Do."))
    connection.unchecked.append("this")
    return run


@pytest.mark.parametrize(
    ("data", "promised"),
    [(as_data(full()), RUN), (several_as_data([full()]), RUNS), (plan_as_data(full()), PLAN)],
    ids=["run", "runs", "plan"],
)
def test_keys(data: Any, promised: dict[str, str]) -> None:
    """JSON has the keys that are documented, all of them and no other."""
    assert keys_in(data) == set(promised)
