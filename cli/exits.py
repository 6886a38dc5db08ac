"""What the exit codes mean; they never change their meaning between versions."""

from __future__ import annotations

from enum import IntEnum

from connectors.errors import RotationError
from report import verdict
from report.fleet import Standing
from report.record import RunRecord
from report.verdict import outcome_of_error, outcome_of_run


class Exit(IntEnum):
    """Exit codes of ``account-rotation``.

    ``status`` leaves that of its most urgent row: NEEDS_PERSON, UNKNOWN where something could not be read,
    UNFINISHED, LATE, or OK, also while a run is at work.
    """

    OK = 0
    CRASH = 1
    USAGE = 2
    REMEDIATION_REQUIRED = 10
    VALIDATION_FAILED = 11
    CHECK_FAILED = 12
    WARNING_FOUND = 13
    UNFINISHED = 14
    LATE = 15
    UNREACHABLE = 20
    REFUSED = 21
    SUPERSEDED = 22
    OUT_OF_STEP = 23
    NEEDS_PERSON = 24
    UNKNOWN = 25
    STOPPED = 130


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


WITHOUT_A_STATE = {
    Exit.CRASH: "a defect of account-rotation; it names its kind and place, and no text that could hold a secret",
    Exit.USAGE: "the command was typed wrongly; nothing was done",
    Exit.CHECK_FAILED: "a check that was asked for has failed: one of `bridge check`, or `doctor` has found a fault",
    Exit.WARNING_FOUND: "`doctor` has found nothing but what works today and should be looked at",
    Exit.UNFINISHED: "`status`: a connection is not ended, or not up to date",
    Exit.LATE: "`status`: a connection was not verified in time",
    Exit.STOPPED: "stopped by Ctrl-C",
}
"""What the codes mean that no end state has."""


STANDINGS = {
    Standing.PERSON: Exit.NEEDS_PERSON,
    Standing.ASKED: Exit.NEEDS_PERSON,
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
