"""What the audit log adds to a review."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.entra.consent import review
from connectors.entra.granted import ConsentEvent, ConsentHistory
from connectors.entra.history import with_history
from connectors.entra.models import Grant, GrantedHow
from tests.unit.entra.test_consent import ACCOUNT, FULL, MANIFEST, READ, facts

AT = datetime(2026, 11, 1, 12, 30, tzinfo=UTC)
WIDE = review(MANIFEST, facts(*FULL, Grant(READ, GrantedHow.ORGANIZATION)), ACCOUNT)


@pytest.mark.parametrize(
    ("for_everybody", "succeeded", "told"),
    [
        (True, True, "2026-11-01 12:30 UTC: jo@x consented, on behalf of the whole organization."),
        (False, True, "The audit log has no consent that brought it"),
        (None, True, "The audit log has no consent that brought it"),
        (True, False, "The audit log has no consent that brought it"),
    ],
)
def test_who_gave_it_to_everybody(for_everybody: bool | None, succeeded: bool, told: str) -> None:
    """Only a consent on behalf of all that succeeded is named as where the grant comes from."""
    event = ConsentEvent(AT, "jo@x", for_everybody, succeeded=succeeded)
    (finding,) = with_history(WIDE, ConsentHistory((event,))).findings
    assert told in finding.detail
    assert ("jo@x" in finding.detail) == told.startswith("2026")


def test_what_may_not_be_read_is_not_guessed() -> None:
    """Without the log nothing is said of who or when."""
    assert with_history(WIDE, ConsentHistory((), ("the log",))) == WIDE


def test_other_findings_stay_as_they_are() -> None:
    """Who consented explains a grant for everybody, and nothing else."""
    missing = review(MANIFEST, facts(FULL[0]), ACCOUNT)
    event = ConsentEvent(AT, "jo@x", for_everybody=True, succeeded=True)
    assert with_history(missing, ConsentHistory((event,))) == missing
