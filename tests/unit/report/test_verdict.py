"""End states: their names, their order, and which errors lead to which."""

from __future__ import annotations

import pytest

from connectors import errors
from connectors.entra.models import ConsentReview, ConsentVerdict
from connectors.errors import (
    Conflict,
    NeedsPerson,
    NotPermitted,
    NotYet,
    OutOfStep,
    RotationError,
    SignInReason,
    SignInRefused,
    Superseded,
    Unknown,
    Unreachable,
)
from report import verdict
from report.record import ConnectionRecord, Result, RunRecord
from report.verdict import OUTCOMES, outcome_of, outcome_of_error, outcome_of_run
from tests.unit.report.conftest import Ran, entry


def test_names_and_ranks_are_told_apart() -> None:
    """Each end state has its own name and rank, listed from best to worst; a run that found it was not time has not failed."""
    assert len({o.name for o in OUTCOMES}) == len(OUTCOMES)
    assert sorted({o.rank for o in OUTCOMES}) == [o.rank for o in OUTCOMES]
    assert [o.name for o in OUTCOMES if o.succeeded] == ["Ready", "Verified", "Dry run", "Waiting"]


def _all_errors(kind: type[RotationError] = RotationError) -> list[type[RotationError]]:
    ours = [k for k in kind.__subclasses__() if k.__module__ == errors.__name__]
    return [kind, *(deeper for child in ours for deeper in _all_errors(child))]


@pytest.mark.parametrize("kind", _all_errors(), ids=lambda kind: kind.__name__)
def test_every_error_has_an_end_state(kind: type[RotationError]) -> None:
    """No error of the tree is a success, but that it is not time; what is not known better is Unknown."""
    more = {"reason": SignInReason.LOCKED} if kind is SignInRefused else {}
    outcome = outcome_of_error(kind("s", "o", **more))
    assert outcome.succeeded is (kind is NotYet)
    if kind in (RotationError, Unknown, errors.Unchanged):
        assert outcome is verdict.UNKNOWN


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NotPermitted("c", "entra.create_user"), verdict.VALIDATION),
        (OutOfStep("c", "entra.create_user"), verdict.VALIDATION),
        (Unreachable("c", "entra.create_user"), verdict.UNREACHABLE),
        (Unknown("c", "entra.create_user"), verdict.UNKNOWN),
        (Superseded("c", "entra.create_user"), verdict.SUPERSEDED),
        (NeedsPerson("c", "entra.create_user"), verdict.NEEDS_PERSON),
    ],
)
def test_only_a_no_fails_the_validation(
    run: RunRecord, connection: ConnectionRecord, ran: Ran, error: RotationError,
    expected: verdict.Outcome,
) -> None:  # fmt: skip
    """In V, a no is a failed validation; a system that is away or a lost answer keeps its own kind."""
    ran("E1 E2 V5", Result.FAILED)
    connection.error = error
    assert outcome_of(connection, run) is expected


def test_a_no_before_v_is_refused(run: RunRecord, connection: ConnectionRecord, ran: Ran) -> None:
    """A refusal of the save is no failed validation, also when its undo fails too."""
    ran("E1 E2 E3 E4", Result.FAILED)
    connection.entries.append(entry("E3u", Result.FAILED))
    connection.error = Conflict("c", "save")
    assert outcome_of(connection, run) is verdict.REFUSED


def test_incomplete_consent_is_remediation(run: RunRecord, connection: ConnectionRecord) -> None:
    """Without an error, a consent that is not as it must be decides."""
    connection.consent = ConsentReview(ConsentVerdict.PARTIAL, None, (), ())
    assert outcome_of(connection, run) is verdict.REMEDIATION


def test_a_run_is_as_good_as_its_worst_connection(run: RunRecord) -> None:
    """The worst connection decides, an error of the run itself counts, and nothing done is Unknown."""
    assert outcome_of_run(run) is verdict.READY
    run.connections.append(ConnectionRecord("x", "", (), error=Conflict("c", "save")))
    assert outcome_of_run(run) is verdict.REFUSED
    run.error = Unknown("prefect", "write the report")
    assert outcome_of_run(run) is verdict.UNKNOWN
    assert outcome_of_run(RunRecord("f", "r", "s", dry_run=False)) is verdict.UNKNOWN


def test_a_report_that_is_not_kept_is_no_success(run: RunRecord) -> None:
    """All connections ready and no evidence kept is not Ready."""
    run.error = Unreachable("prefect", "write the report")
    assert outcome_of_run(run) is verdict.UNREACHABLE


def test_a_dry_run_says_so(run: RunRecord) -> None:
    """A dry run that found nothing wrong is Dry run, never Ready."""
    run.dry_run = True
    assert outcome_of_run(run) is verdict.DRY_RUN
