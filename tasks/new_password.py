"""N2-N4: a new password, at rest in Vault before any directory hears of it.

Every step may be met twice: the staged password is made once per rotation, so that setting it again sets
the same one, and what a lost answer left behind is looked at before anything is repeated.
"""

from __future__ import annotations

from typing import NoReturn

from connectors.errors import (
    InvalidInput,
    NeedsPerson,
    NotFound,
    OutOfStep,
    RotationError,
    SignInReason,
    SignInRefused,
    Superseded,
)
from connectors.models import Engine, Extension, SecretHandle
from connectors.protocols import Systems
from connectors.rotation import Pending, Rotation
from tasks import _console, _sign_in
from tasks._accounts import Seen, home_of
from tasks._set_once import set_once, taken
from tasks._spread import Spread, spread
from tasks._staged import is_there, thrown_away
from tasks._step import AlreadySo, Answer, Done, step
from tasks.identify import Location
from tasks.permissions import same_rights

BEFORE_SET = ("N1", "N2")


@step("N2")
def stage(systems: Systems, location: Location, rotation: Rotation) -> Answer[Location]:
    """Make the new password by the Vault policy and keep it at its own path, once per rotation.

    Returns the location that is to hold it. Raises NeedsPerson when a staged password that may have been
    set is gone, and what Vault refuses.
    """
    if rotation.pending is not None:
        version = rotation.pending.secret
        if is_there(systems, version.handle):
            return AlreadySo(location.holding(version), f"waits at {version.handle}")
        if rotation.may_be_set:
            _staged_is_gone(location, version.handle)
    location.ledger.require()
    policy = location.connection.password_policy or ""
    place = systems.ledgers.pending(location.name, rotation.id)
    staged = systems.vault.stage(place, rotation.account, policy, rotation.id)
    overtaken: Superseded | None = None
    try:
        location.ledger.advance("N2", pending=Pending.of(staged.version))
    except Superseded as error:
        overtaken = error.sealed()
    if overtaken:
        _leave_nothing(systems, location, rotation)
        raise overtaken
    made = "made" if staged.made_now else "found"
    kind = Done if staged.made_now else AlreadySo
    handle = staged.version.handle
    return kind(location.holding(staged.version), f"{made} by policy {policy}, waits at {handle}")


@step("N2", undo=True)
def discard(systems: Systems, location: Location) -> Answer[None]:
    """Undo step N2: give the rotation up, and throw its password away when nobody in use has it.

    Raises OutOfStep while Vault still knows a password that the account in use has, or may have.
    """
    rotation = location.ledger.under_way
    place = systems.ledgers.pending(location.name, rotation.id)
    needed = _needed(systems, location, rotation)
    if needed and is_there(systems, place):  # what is gone already cannot be finished with, either
        raise OutOfStep(
            "ledger",
            "give the rotation up",
            rotation=rotation.id,
            account=rotation.account,
            advice=f"{needed} Finish it instead: account-rotation rotate {location.name} --finish",
        )
    pending = rotation.pending or _pending_at(systems, place)
    # Cut off after this, nobody waits for a password that is gone: N1 begins another rotation.
    location.ledger.advance("N2", pending=pending, setting=None, entered_at=None)
    if pending is not None:
        systems.vault.discard(place)
    location.ledger.change(rotation=None)
    return Done(None, f"nothing is staged; rotation {rotation.id} is given up")


@step("N3")
def set_password(
    systems: Systems, location: Location, *, overwrite: bool = False
) -> Answer[Location]:
    """Set the staged password in the directory; where it may be set already, look before anything else.

    Returns the location with the domain controller that has it. Raises OutOfStep when somebody else has
    changed the password since (unless ``overwrite``), and what the directory refuses.
    """
    rotation = location.ledger.under_way
    home = home_of(systems, location)
    if rotation.setting is not None and not overwrite:
        found = home.shown_set(rotation.account, rotation.setting)
        if found and _is_ours(systems, location, rotation, found):
            if rotation.phase in BEFORE_SET:
                taken(location, rotation.setting, found)
            at = rotation.setting.at
            return AlreadySo(
                location.holding(location.version, found.where), f"set since {at:%H:%M:%S}"
            )
    seen = home.newest(rotation.account)
    said = set_once(location, home, seen)
    return Done(location.holding(location.version, seen.where), said)


@step("N3")
def let_vault_rotate(systems: Systems, location: Location) -> Answer[Location]:
    """Let Vault rotate the static role of a connection now; return the location with its new version.

    Raises InvalidInput for a secret that is no static role, Unknown when Vault's answer says nothing about
    the directory and its role does not show a rotation.
    """
    role = location.connection.secret.handle
    if role.engine is not Engine.LDAP:
        raise InvalidInput(
            "inventory",
            "let Vault rotate",
            connection=location.name,
            secret=role,
            advice="Only a static role of Vault's LDAP secrets engine can be rotated this way (secret.engine: "
            "ldap). Leave --rotate-role out.",
        )
    location.ledger.require()
    version = systems.vault.rotate_static_role(role)
    return Done(location.holding(version), f"Vault rotated {location.secret}; now {version.handle}")


@step("N4")
def sign_in(systems: Systems, location: Location, how: Spread) -> Answer[None]:
    """Sign in with the new password where it was set, then watch it reach the other domain controllers.

    A second account must be able to do what the one in use can. Raises OutOfStep when the password that
    was just set is refused, NotPermitted for a missing right, Unreachable when it does not spread and the
    directory's policy demands that.
    """
    rotation = location.ledger.under_way
    _require_newest(systems, location, rotation)
    problem: RotationError | None = None
    proof = ""
    try:
        proof = _sign_in.prove_patiently(systems, location, rotation.account)
    except SignInRefused as refused:
        problem = refused.sealed()
        if refused.reason is SignInReason.WRONG_PASSWORD:
            problem = _changed_by_another(location, rotation)
    if problem:
        raise problem
    rights = "" if rotation.in_place else same_rights(systems, location)
    reached = spread(systems, location, rotation, how)
    if rotation.phase == "N3":
        location.ledger.advance("N4")
    return Done(None, "; ".join(filter(None, (proof, rights, reached))))


def _leave_nothing(systems: Systems, location: Location, rotation: Rotation) -> None:
    """Throw away what was staged when a younger run had ended the rotation already: its id never comes again."""
    now = systems.ledgers.read(location.name).rotation
    if now is None or now.id != rotation.id:
        place = systems.ledgers.pending(location.name, rotation.id)
        thrown_away(systems, place, "What this run has staged last")


def _pending_at(systems: Systems, place: SecretHandle) -> Pending | None:
    """Return what was staged by a run that was cut off before it could write it down."""
    try:
        return Pending.of(systems.vault.metadata(place).current)
    except NotFound:
        return None


def _needed(systems: Systems, location: Location, rotation: Rotation) -> str | None:
    """Say who needs the staged password; None when nobody does. What was written down may be less than what is."""
    if rotation.setting is None:
        return None
    if not rotation.in_place:
        row = _console.row_of(systems, location)
        holds = row.account.casefold() == rotation.account.casefold()
        return f"The console signs in with {row.account}." if holds else None
    home = home_of(systems, location)
    if rotation.phase in BEFORE_SET and home.surely_unset(rotation.account, rotation.setting):
        return None
    return (
        "The directory has the new password of this rotation, or may have it, so what is current may no longer "
        "sign in. Where the answer of an Entra tenant was lost, that can be told after an hour."
    )


def _staged_is_gone(location: Location, staged: SecretHandle) -> NoReturn:
    name = location.name
    raise NeedsPerson(
        "vault",
        "stage the new password",
        staged=staged,
        rotation=location.ledger.under_way.id,
        advice="The staged password is gone from Vault, and the directory may hold it. Restore it: vault kv "
        f"undelete -mount={staged.mount} -versions=1 {staged.path}; or set a new one: account-rotation "
        f"rotate {name} --abandon, then account-rotation rotate {name} --overwrite",
    )


def _is_ours(systems: Systems, location: Location, rotation: Rotation, found: Seen) -> bool:
    """Say that the change that shows is this rotation's; raise OutOfStep otherwise. Only signing in tells."""
    setting, home = rotation.setting, home_of(systems, location)
    assert setting is not None  # noqa: S101  the caller looked, told to the type checker
    ours = home.may_be_ours(found.password_set, setting)
    if ours and rotation.phase not in BEFORE_SET:
        return True  # its answer was had; N4 proves it
    if ours:
        try:
            _sign_in.prove_patiently(
                systems, location.holding(location.version, found.where), rotation.account
            )
        except SignInRefused as refused:
            if refused.reason is not SignInReason.WRONG_PASSWORD:
                raise
        else:
            return True
    raise _changed_by_another(location, rotation)


def _require_newest(systems: Systems, location: Location, rotation: Rotation) -> None:
    """Make sure that nobody has changed the password since it was set, before a sign-in is spent.

    Active Directory would go on accepting the staged one for an hour.
    """
    setting = rotation.setting
    if setting is None:
        return
    home = home_of(systems, location)
    shown = home.await_change(rotation.account, setting, location.where)
    if setting.after is None and shown is not None:
        known = setting.model_copy(update={"after": shown})
        location.ledger.advance(rotation.phase, setting=known)
    elif not home.may_be_ours(shown, setting):
        raise _changed_by_another(location, rotation)


def _changed_by_another(location: Location, rotation: Rotation) -> OutOfStep:
    system = "active directory" if location.extension is Extension.ACTIVE_DIRECTORY else "entra"
    return OutOfStep(
        system,
        "sign in with the new password",
        account=rotation.account,
        staged=location.secret,
        advice="The password was changed since this rotation set it: somebody else sets it too. Find out who, "
        f"then set the staged one again: account-rotation rotate {location.name} --overwrite. It was tried no "
        f"more than is safe; it waits at {location.secret}.",
    )
