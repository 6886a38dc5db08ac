"""Whether one more sign-in could lock an account: asked before every one, as the reader."""

from __future__ import annotations

from datetime import UTC, datetime

from connectors.active_directory import accounts
from connectors.active_directory.errors import SYSTEM
from connectors.active_directory.models import LockoutPolicy
from connectors.active_directory.refusals import sign_in_refused
from connectors.active_directory.session import Session
from connectors.active_directory.settings import DirectorySettings
from connectors.active_directory.values import Entry, generalized_time
from connectors.errors import BudgetSpent, NotFound, SignInReason

_UNREADABLE_ADVICE = (
    "A password settings object applies to this account and the reader may not read it. Let the "
    "reader read CN=Password Settings Container,CN=System, or wait until the bad password count is "
    "0 again, then start the update again."
)
_SPENT_ADVICE = (
    "Find out what signs in with a wrong password, and wait until the lockout window has passed, "
    "then start the update again. No sign-in was tried."
)
_RESERVE_ADVICE = (
    "The lockout threshold of this account is not above the reserve: raise the threshold, or lower "
    "'reserve' of this directory in the inventory. No sign-in was tried."
)


def require_budget(
    session: Session, settings: DirectorySettings, username: str, operation: str
) -> None:
    """Return when one more wrong password could not lock the account, looked at as the reader.

    Raises SignInRefused (LOCKED, NOT_FOUND) and BudgetSpent. The count is this controller's own, so
    the sign-in must go to the same one.
    """
    names = accounts.names_of(settings)
    try:
        entry = accounts.find_account(session, names, username, operation)
    except NotFound:
        entry = None
    if entry is None:
        raise sign_in_refused(
            operation, SignInReason.NOT_FOUND, account=username, controller=session.where
        )
    if accounts.state_of(entry, session.where).locked:
        raise sign_in_refused(
            operation, SignInReason.LOCKED, account=username, controller=session.where
        )
    policy = accounts.policy_of(session, names, entry, operation)
    if policy.threshold == 0 and policy.certain:
        return
    count = _count_in_window(session, entry, policy, operation)
    if not policy.certain and count > 0:
        raise _spent(
            username, operation, session.where,
            count=count, threshold=None, advice=_UNREADABLE_ADVICE,
        )  # fmt: skip
    if policy.threshold and policy.threshold - count <= settings.reserve:
        advice = _SPENT_ADVICE if count else _RESERVE_ADVICE
        raise _spent(
            username, operation, session.where,
            count=count, threshold=policy.threshold, advice=advice,
        )  # fmt: skip


def _spent(
    account: str, operation: str, where: str, *, count: int, threshold: int | None, advice: str
) -> BudgetSpent:
    return BudgetSpent(
        SYSTEM,
        operation,
        account=account,
        controller=where,
        bad_passwords=count,
        threshold=threshold,
        advice=advice,
    )


def _count_in_window(session: Session, entry: Entry, policy: LockoutPolicy, operation: str) -> int:
    """Return how many bad passwords still count; the stored number is not reset when the window ends."""
    count = entry.number("badPwdCount") or 0
    last = entry.time("badPasswordTime")
    if count == 0 or last is None or not policy.window:
        return count
    # The controller's clock decides, not ours.
    clock = session.read("", ("currentTime",), operation).text("currentTime")
    now = generalized_time(clock) or datetime.now(UTC)
    return 0 if now > last + policy.window else count
