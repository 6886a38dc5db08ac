"""F1 and F3: the proven password becomes current, and the account that is no longer used is retired."""

from __future__ import annotations

from datetime import timedelta

from connectors.errors import NotYet, OutOfStep, Unknown
from connectors.models import SecretVersion
from connectors.protocols import Systems
from connectors.rotation import Retirement, Setting
from report.record import Gap, current_record
from tasks import _console, _sign_in
from tasks._accounts import home_of
from tasks._staged import thrown_away
from tasks._step import AlreadySo, Answer, Done, step
from tasks._wait import CLOCK, observe
from tasks.identify import Location


@step("F1")
def promote(systems: Systems, location: Location) -> Answer[None]:
    """Copy the staged credential over the one that consumers read, by check-and-set, and end the rotation.

    One that was cut off after the copy is only ended. Raises Conflict when somebody else wrote in between:
    the console goes on with the staged one, which stays where it is.
    """
    keeper = location.ledger
    keeper.require()
    said = "it was promoted before"
    if keeper.under_way.phase != "F1":
        said = f"{_made_current(systems, location).handle} holds what was proven"
    pending = keeper.under_way.pending
    gone = pending and thrown_away(
        systems, pending.secret.handle, "The staged copy of the current password"
    )
    keeper.change(rotation=None)
    return Done(None, f"{said}; the staged copy is {'gone' if gone else 'left'}")


def _made_current(systems: Systems, location: Location) -> SecretVersion:
    """Copy, and write down that it was done: from then on the staged copy is not needed any more."""
    keeper = location.ledger
    rotation = keeper.under_way
    place = location.connection.secret.handle
    version = systems.vault.promote(location.secret, place, rotation.base_version)
    now = CLOCK.get().utc()
    change: dict[str, object] = {
        "rotation": rotation.model_copy(update={"phase": "F1"}),
        "rotated_at": now,
        "in_use": rotation.account,
        "trouble": None,
    }
    applied = keeper.ledger.applied
    if applied and applied.label == location.version.label:
        promoted = {"label": version.label, "entered_as": applied.label}
        change["applied"] = applied.model_copy(update=promoted)
    if not rotation.in_place:
        grace = timedelta(hours=location.connection.grace_period_hours)
        change["idle"] = rotation.in_use
        change["retire"] = keeper.ledger.retire or Retirement(
            account=rotation.in_use, due=now + grace
        )
    keeper.change(**change)
    return version


def measure_gap(location: Location) -> None:
    """Tell the report how long the console held a password that was no longer the newest."""
    rotation = location.ledger.under_way
    if rotation.entered_at is None:
        return
    seconds, since = None, None
    if rotation.in_place and rotation.setting is not None:
        since = rotation.setting.at
        seconds = (rotation.entered_at - since).total_seconds()
    record = current_record()
    cut_off = rotation.begun < record.started
    record.here().gap = Gap(rotation.account, seconds, at_most=cut_off, since=since)


@step("F3")
def retire(systems: Systems, location: Location) -> Answer[None]:
    """Give the account that is no longer used a random password that nobody keeps.

    Raises NotYet during its grace period, OutOfStep while the console still signs in with it.
    """
    keeper = location.ledger
    waiting = keeper.ledger.retire
    if waiting is None:
        return AlreadySo(None, "no account waits to be retired")
    if waiting.due > CLOCK.get().utc():
        return AlreadySo(None, f"{waiting.account} keeps its password until {_when(waiting)}")
    _require_unused(systems, location, waiting.account)
    home = home_of(systems, location)
    if waiting.setting and home.shown_set(waiting.account, waiting.setting) is not None:
        keeper.change(retire=None)
        return AlreadySo(None, f"{waiting.account} shows the change")
    seen = home.newest(waiting.account)
    begun = Setting(at=CLOCK.get().utc(), before=seen.password_set, where=seen.where)
    keeper.change(retire=waiting.model_copy(update={"setting": begun}))
    lost: Unknown | None = None
    try:
        home.scramble_password(seen)
    except Unknown as unknown:
        lost = unknown.sealed()
    if lost and observe(lambda: home.shown_set(waiting.account, begun), lost) is None:
        raise lost
    keeper.change(retire=None)
    return Done(None, f"{waiting.account} has a random password that nobody keeps")


def require_due(location: Location) -> None:
    """Raise NotYet when nothing is unfinished and no grace period is over."""
    ledger = location.ledger.ledger
    if ledger.rotation is not None or (ledger.retire and ledger.retire.due <= CLOCK.get().utc()):
        return
    until = _when(ledger.retire) if ledger.retire else None
    raise NotYet(
        "ledger",
        "finish what is due",
        connection=location.name,
        retirement_due=until,
        advice="Nothing is unfinished and no grace period is over. To begin a rotation: account-rotation "
        f"rotate {location.name}",
    )


def _when(waiting: Retirement) -> str:
    return waiting.due.isoformat(timespec="seconds")


def _require_unused(systems: Systems, location: Location, account: str) -> None:
    """Make sure that neither console nor Vault names the account, and that the one in use signs in."""
    current = location.connection.secret.handle
    version = systems.vault.metadata(current).current
    named = systems.vault.credential(version.handle).username
    row = _console.row_of(systems, location)
    for system, holds in (("vault", named), ("cayosoft", row.account)):
        if holds.casefold() == account.casefold():
            raise OutOfStep(
                system,
                "retire the previous account",
                account=account,
                row=location.row,
                advice=f"{account} is still in use, so it was left alone. Bring the console to Vault's "
                f"credential: account-rotation update {location.service.name} --connection {location.name}",
            )
    _sign_in.prove(systems, location.holding(version), named)
