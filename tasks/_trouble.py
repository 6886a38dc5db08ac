"""What becomes of a connection whose rotation fails: growing waits, then a person."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from connectors.errors import BudgetSpent, Conflict, RotationError, Unknown, Unreachable
from connectors.rotation import Trouble
from inventory.models import FailurePolicy

PASSING = (Unreachable, Unknown, Conflict, BudgetSpent)
"""What may be gone the next time. Everything else stays until somebody corrects it."""


def after_failure(
    before: Trouble | None,
    error: RotationError | None,
    outcome: str,
    policy: FailurePolicy,
    now: datetime,
) -> Trouble:
    """Return what to remember of one more failed rotation.

    The wait before the next scheduled run doubles each time, up to the policy's longest, of which 50-100 % at
    random, so that the connections of a fleet do not come back together. A person is needed at once where
    the same request would be refused again, and after the policy's number of failed runs otherwise.
    """
    cycles = (before.cycles if before else 0) + 1
    minutes = min(policy.longest_wait_minutes, policy.first_wait_minutes * 2 ** min(cycles - 1, 30))
    jitter = 0.5 + random.random() / 2  # noqa: S311  jitter, not a secret
    passing = isinstance(error, PASSING)
    return Trouble(
        cycles=cycles,
        since=before.since if before else now,
        outcome=outcome,
        reason=str(error) if error else outcome,
        what_to_do=error.what_to_do() if error else "Read the report of the last run.",
        not_before=now + timedelta(minutes=minutes * jitter),
        needs_person=not passing or cycles >= policy.most_cycles,
    )
