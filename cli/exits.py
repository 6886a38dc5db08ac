"""What the exit codes mean; they never change their meaning between versions."""

from __future__ import annotations

from enum import IntEnum

from connectors.errors import RotationError
from report import verdict
from report.record import RunRecord
from report.verdict import outcome_of_error, outcome_of_run


class Exit(IntEnum):
    """Exit codes of ``account-rotation``. 1 is a crash, 2 a usage error."""

    OK = 0
    REMEDIATION_REQUIRED = 10
    VALIDATION_FAILED = 11
    UNREACHABLE = 20
    REFUSED = 21
    SUPERSEDED = 22
    OUT_OF_STEP = 23
    NEEDS_PERSON = 24
    UNKNOWN = 25
    FAULT_FOUND = 30
    """``account-rotation doctor`` found something that does not work."""
    WARNING_FOUND = 31
    """It found nothing but things that work today, and should be looked at."""


CODES = {
    verdict.READY: Exit.OK,
    verdict.VERIFIED: Exit.OK,
    verdict.DRY_RUN: Exit.OK,
    verdict.WAITING: Exit.OK,
    verdict.REMEDIATION: Exit.REMEDIATION_REQUIRED,
    verdict.VALIDATION: Exit.VALIDATION_FAILED,
    verdict.UNREACHABLE: Exit.UNREACHABLE,
    verdict.REFUSED: Exit.REFUSED,
    verdict.SUPERSEDED: Exit.SUPERSEDED,
    verdict.OUT_OF_STEP: Exit.OUT_OF_STEP,
    verdict.NEEDS_PERSON: Exit.NEEDS_PERSON,
    verdict.UNKNOWN: Exit.UNKNOWN,
}


def exit_code(record: RunRecord) -> Exit:
    """Return the exit code of a run: that of its worst connection."""
    return CODES[outcome_of_run(record)]


def exit_code_of(error: RotationError) -> Exit:
    """Return the exit code of an error that ended the command before there was a run."""
    return CODES[outcome_of_error(error)]
