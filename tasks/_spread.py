"""Watch a password that one domain controller took reach the others, without spending a sign-in on it."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.errors import Unreachable
from connectors.models import Extension, Finding
from connectors.protocols import DirectoryService, Systems
from connectors.rotation import Rotation
from report.record import current_record
from tasks._wait import eventually
from tasks.identify import Location


@dataclass(frozen=True, slots=True)
class Spread:
    """How long a password may take to reach every domain controller, and whether it must."""

    seconds: float = 60.0
    required: bool = False


def spread(systems: Systems, location: Location, rotation: Rotation, how: Spread) -> str:
    """Poll the other controllers for the change; say which showed it.

    One that is late or away is a finding. Raises Unreachable when the inventory demands that all have it.
    """
    setting = rotation.setting
    if (
        location.extension is not Extension.ACTIVE_DIRECTORY
        or setting is None
        or not location.where
    ):
        return ""
    directory = systems.directory(location.in_directory.directory)
    others = [where for where in directory.controllers if where != location.where]
    if not others:
        return ""
    taken = directory.account_state(rotation.account, where=location.where).password_last_set
    seen = eventually(
        lambda: {where: _shows(directory, rotation.account, where, taken) for where in others},
        lambda found: all(shown is not False for shown in found.values()),
        how.seconds,
    )
    record = current_record().here()
    for where, shown in seen.items():
        if shown is not True:
            record.find(_finding(where, rotation.account, how, away=shown is None))
    missing = sorted(where for where, shown in seen.items() if shown is not True)
    if missing and how.required:
        raise Unreachable(
            "active directory",
            "watch the password spread",
            account=rotation.account,
            controllers=" ".join(missing),
            advice="The inventory demands that every controller has the new password "
            "(require_every_controller). Bring them back, or wait for replication (repadmin /replsummary), "
            f"then: account-rotation rotate {location.name} --finish",
        )
    have = sorted(where for where, shown in seen.items() if shown is True)
    return f"seen on {', '.join(have)} too" if have else "on no other controller yet"


def _shows(directory: DirectoryService, account: str, where: str, taken: object) -> bool | None:
    """Say whether a controller shows the change; None when it does not answer."""
    try:
        return directory.account_state(account, where=where).password_last_set == taken
    except Unreachable:
        return None


def _finding(where: str, account: str, how: Spread, *, away: bool) -> Finding:
    if away:
        return Finding(
            "active-directory.controller-away",
            where,
            f"The domain controller did not answer, so it is not known whether it has the new password of "
            f"{account}.",
            "Bring it back, or take it out of the inventory; it learns the password by replication.",
        )
    return Finding(
        "active-directory.not-replicated",
        where,
        f"The domain controller did not show the new password of {account} within {how.seconds:g} s.",
        "Look at replication (repadmin /replsummary). Until then it refuses the new password, or asks the "
        "PDC emulator; raise replication_wait_seconds when this is usual.",
    )
