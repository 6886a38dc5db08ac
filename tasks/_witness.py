"""Whether anybody has signed in as the account since a person was asked: what a directory says beside the person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from connectors.errors import RotationError
from connectors.ledger import Sighting
from connectors.models import Extension, Finding
from connectors.protocols import Systems
from report.record import current_record
from tasks._wait import CLOCK
from tasks.identify import Location

PREVIOUS_PASSES_FOR = timedelta(hours=1)
"""How long Active Directory accepts the previous password, unless a site has set OldPasswordAllowedPeriod."""

QUIET_FOR = timedelta(hours=20)
"""For how long the console must not have signed in before it is missed: its sessions live a day."""

_OWN = timedelta(minutes=1)  # a sign-in of ours is written down before it is made

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


def miss_the_console(systems: Systems, location: Location) -> None:
    """Record a finding when nobody but us has signed in as the account for most of a day.

    The console may hold the previous password, then: within the hour in which that one still passed, nothing
    could tell. Sign-ins of ours are in the ledger. Only domain controllers of the inventory are asked.
    """
    ledger, now = location.ledger.ledger, CLOCK.get().utc()
    if location.extension is not Extension.ACTIVE_DIRECTORY or ledger.applied is None:
        return
    account = ledger.applied.account
    ours = [a.at for a in ledger.attempts if a.account.casefold() == account.casefold()]
    last = max(ours, default=ledger.applied.at)
    seen = sign_ins(systems, location, account)
    if not seen or now - last < QUIET_FOR or max(seen.values()) > last + _OWN:
        return
    current_record().here().find(not_seen(location, account, f"since {last:%Y-%m-%d %H:%M} UTC"))


def not_seen(location: Location, account: str, since: str) -> Finding:
    """Return the finding that the console was not seen to use what it was reported to hold."""
    return Finding(
        "console.not-seen",
        location.row,
        f"The console was reported to hold {account}, and no domain controller of the inventory has seen anybody but "
        f"us sign in as that account {since}.",
        "Look at the console: press Check Settings, and where it fails enter the credential again: account-rotation "
        f"update {location.service.name} --connection {location.name} --try-again. If it uses another domain "
        "controller, add that one to the directory's controllers in the inventory.",
    )
