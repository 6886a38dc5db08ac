"""Ask a directory to set a password so that it can be told afterwards whether it did."""

from __future__ import annotations

from connectors.errors import Unchanged, Unknown
from connectors.rotation import Setting
from tasks._accounts import Home, Seen
from tasks._wait import CLOCK, observe
from tasks.identify import Location


def set_once(location: Location, home: Home, seen: Seen) -> str:
    """Set the location's password; return what was seen. After a lost answer, look before asking again.

    What the directory shows now is written down first, against the ledger's fence. Asking twice is
    harmless: it is the same password. Raises what the directory refuses, and Unknown when two answers in a
    row were lost and no change shows.
    """
    keeper = location.ledger
    earlier = keeper.under_way.setting
    setting = Setting(at=CLOCK.get().utc(), before=seen.password_set, where=seen.where)
    keeper.advance(keeper.under_way.phase, setting=setting)
    where = f" on {seen.where}" if seen.where else ""
    lost: list[Unknown] = []
    while len(lost) < 2:
        refused: Unchanged | None = None
        try:
            home.set_password(seen, location.secret)
        except Unknown as unknown:
            lost.append(unknown.sealed())
        except Unchanged as unchanged:
            refused = unchanged.sealed()
        else:
            taken(location, setting, seen.where)
            return f"{seen.name} was given the password of {location.secret}{where}"
        if refused is not None:
            if not lost:  # this request changed nothing; an earlier one may have
                keeper.advance(keeper.under_way.phase, setting=earlier)
            raise refused
        if observe(lambda: home.shown_set(seen.name, setting), lost[-1]):
            taken(location, setting, seen.where)
            return f"the answer was lost; {seen.name} shows the change{where}"
    raise lost[-1]


def taken(location: Location, setting: Setting, where: str | None) -> None:
    """Write down that the directory has the password; earlier sign-ins with it say nothing any more."""
    keeper = location.ledger
    fresh = keeper.ledger.forget_attempts(location.version.label)
    rotation = keeper.under_way.model_copy(
        update={"phase": "N3", "setting": setting.model_copy(update={"where": where})}
    )
    keeper.change(rotation=rotation, attempts=fresh.attempts)
