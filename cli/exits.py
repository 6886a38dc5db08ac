"""What the exit codes mean; they never change their meaning between versions."""

from __future__ import annotations

from enum import IntEnum

from connectors.errors import RotationError
from report import verdict
from report.fleet import Standing
from report.record import RunRecord
from report.verdict import outcome_of_error, outcome_of_run


class Exit(IntEnum):
    """Exit codes of ``account-rotation``. 1 is a crash, 2 a usage error.

    ``status`` leaves that of its most urgent row: NEEDS_PERSON, UNKNOWN where something could not be read,
    UNFINISHED, LATE, or OK, also while a run is at work.
    """

    OK = 0
    REMEDIATION_REQUIRED = 10
    VALIDATION_FAILED = 11
    UNFINISHED = 12
    LATE = 13
    UNREACHABLE = 20
    REFUSED = 21
    SUPERSEDED = 22
    OUT_OF_STEP = 23
    NEEDS_PERSON = 24
    UNKNOWN = 25


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


STANDINGS = {
    Standing.PERSON: Exit.NEEDS_PERSON,
    Standing.UNTOLD: Exit.UNKNOWN,
    Standing.UNFINISHED: Exit.UNFINISHED,
    Standing.BEHIND: Exit.UNFINISHED,
    Standing.FAILED: Exit.UNFINISHED,
    Standing.LATE: Exit.LATE,
    Standing.AT_WORK: Exit.OK,
    Standing.IN_ORDER: Exit.OK,
}


def exit_code(record: RunRecord) -> Exit:
    """Return the exit code of a run: that of its worst connection."""
    return CODES[outcome_of_run(record)]


def exit_code_of(error: RotationError) -> Exit:
    """Return the exit code of an error that ended the command before there was a run."""
    return CODES[outcome_of_error(error)]
