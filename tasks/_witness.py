"""Whether anybody has signed in as the account since a person was asked: what a directory says beside the person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from connectors.errors import RotationError
from connectors.ledger import Sighting
from connectors.protocols import Systems
from tasks.identify import Location

PREVIOUS_PASSES_FOR = timedelta(hours=1)
"""How long Active Directory accepts the previous password, unless a site has set OldPasswordAllowedPeriod."""

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def sign_ins(systems: Systems, location: Location, account: str) -> dict[str, datetime]:
    """Return when the account signed in last on each controller that answers and tells."""
    directory = systems.directory(location.in_directory.directory)
    found = {}
    for controller in directory.controllers:
        try:
            state = directory.account_state(account, where=controller)
        except RotationError:
            continue
        found[controller] = state.signed_in_at or NEVER
    return found


def look(
    systems: Systems,
    location: Location,
    account: str,
    before: Mapping[str, datetime],
    *,
    changes_account: bool,
) -> Sighting:
    """Compare each controller's last sign-ins with those of before.

    ``changes_account``: the console had another account, so any sign-in of this one is the console's.
    """
    directory = systems.directory(location.in_directory.directory)
    good: list[tuple[datetime, str]] = []
    wrong: list[datetime] = []
    told, changed = False, NEVER
    for controller, then in before.items():
        try:
            state = directory.account_state(account, where=controller)
        except RotationError:
            continue
        told = True
        changed = max(changed, state.password_last_set or NEVER)
        if state.signed_in_at and state.signed_in_at > then:
            good.append((state.signed_in_at, controller))
        if state.bad_password_at and state.bad_password_at > then:
            wrong.append(state.bad_password_at)
    until = changed + PREVIOUS_PASSES_FOR
    seen, where = max(good, default=(None, ""))
    return Sighting(
        told=told,
        seen=seen,
        wrong=max(wrong, default=None),
        where=where,
        proves=seen is not None and (changes_account or seen > until),
        previous_until=until,
    )
