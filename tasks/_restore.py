"""Go back to the account that was in use before: only where it still works, so only with two accounts."""

from __future__ import annotations

from connectors.errors import NotFound, OutOfStep, PolicyRefused
from connectors.models import Extension, SecretVersion
from connectors.protocols import Systems
from tasks import _console, _in_person, _sign_in
from tasks._step import AlreadySo, Answer, Done
from tasks.identify import Location


def restore(systems: Systems, location: Location) -> Answer[None]:
    """Enter the credential again that consumers read, prove it first, and save it.

    The rotation stays begun: its account keeps the staged password, and the next run tries it again.
    Raises OutOfStep when that credential is another one than when the rotation began.
    """
    rotation = location.ledger.under_way
    previous = previous_of(systems, location)
    console = systems.console(location.service.name)
    row = _console.row_of(systems, location)
    _console.fetch(systems, previous)
    given_back = location.in_person and _in_person.reported(systems, location) is not None
    if (
        not given_back and row.account.casefold() == rotation.in_use.casefold()
    ):  # whose password nobody has touched
        _forget_entry(location)
        return AlreadySo(None, _console.describe(row))
    proof = _sign_in.prove(systems, previous, rotation.in_use)
    draft = _console.enter(systems, previous, row)
    if location.extension is Extension.MICROSOFT_365:
        result = console.validate(draft)
        if not result.ok:
            console.discard(draft)
            raise PolicyRefused(
                "cayosoft",
                "validate the previous account",
                row=location.row,
                shown="; ".join(result.messages),
                advice=f"The console still holds {rotation.account}. Look at {rotation.in_use} in Entra ID.",
            )
    saved = _console.save(systems, previous, draft).value
    location.ledger.applied(saved.account, previous.version.label, "N4")
    _forget_entry(location)
    return Done(None, f"{proof}; {_console.describe(saved)}")


def previous_of(systems: Systems, location: Location) -> Location:
    """Return the same place, to hold the version that consumers read, from before the rotation."""
    return location.holding(_base(systems, location))


def _forget_entry(location: Location) -> None:
    if location.ledger.under_way.entered_at is not None:
        location.ledger.advance("N4", entered_at=None)


def _base(systems: Systems, location: Location) -> SecretVersion:
    """Return the version that consumers read, which is the one from before the rotation."""
    rotation = location.ledger.under_way
    place = location.connection.secret.handle
    current = systems.vault.metadata(place).current
    if current.label != rotation.base:
        raise OutOfStep(
            "vault",
            "restore the previous credential",
            secret=current.handle,
            expected=rotation.base,
            advice="Somebody wrote another version of the secret meanwhile, so the previous one is not "
            f"known to work. Look at it, then: account-rotation rotate {location.name} --finish",
        )
    if not current.readable:
        raise NotFound("vault", "restore the previous credential", secret=current.handle)
    return current
