"""Ask a directory to set a password so that it can be told afterwards whether it did."""

from __future__ import annotations

from connectors.errors import PolicyRefused, RotationError, Unchanged, Unknown
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
        if lost:
            keeper.require()
        try:
            home.set_password(seen, location.secret)
        except Unknown as unknown:
            lost.append(unknown.sealed())
        except Unchanged as unchanged:
            refused = unchanged.sealed()
        else:
            taken(location, setting, _shown(home, seen, setting) or seen)
            return f"{seen.name} was given the password of {location.secret}{where}"
        if refused is not None:
            # This request changed nothing; an earlier one may have.
            doubt = setting if lost else earlier
            if isinstance(refused, PolicyRefused) and _surely_unset(home, seen.name, doubt):
                doubt = None  # the same password would have been refused then, too
            keeper.advance(keeper.under_way.phase, setting=doubt)
            raise refused
        if shown := observe(lambda: home.shown_set(seen.name, setting), lost[-1]):
            taken(location, setting, shown)
            return f"the answer was lost; {seen.name} shows the change{where}"
    raise lost[-1]


def _surely_unset(home: Home, account: str, doubt: Setting | None) -> bool:
    try:
        return doubt is not None and home.surely_unset(account, doubt)
    except Unchanged:
        return False


def taken(location: Location, setting: Setting, shown: Seen) -> None:
    """Write down that the directory has the password; earlier sign-ins with it say nothing any more.

    The date that shows is kept: a later one will be somebody else's change. Where none shows yet, N4 waits
    for it.
    """
    keeper = location.ledger
    fresh = keeper.ledger.forget_attempts(location.version.label)
    after = shown.password_set if shown.password_set != setting.before else None
    known = setting.model_copy(update={"where": shown.where, "after": after})
    rotation = keeper.under_way.model_copy(update={"phase": "N3", "setting": known})
    keeper.change(rotation=rotation, attempts=fresh.attempts)


def _shown(home: Home, seen: Seen, setting: Setting) -> Seen | None:
    """Look for the change that was just accepted; that it cannot be seen now is no failure."""
    try:
        return home.shown_set(seen.name, setting)
    except RotationError:
        return None
