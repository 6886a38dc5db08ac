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
)
from connectors.models import Engine, Extension, SecretHandle
from connectors.protocols import Systems
from connectors.rotation import Pending, Rotation
from tasks import _sign_in
from tasks._accounts import Seen, home_of
from tasks._set_once import set_once, taken
from tasks._spread import Spread, spread
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
        if _is_there(systems, version.handle):
            return AlreadySo(location.holding(version), f"waits at {version.handle}")
        if rotation.may_be_set:
            _staged_is_gone(location, version.handle)
    location.ledger.require()
    policy = location.connection.password_policy or ""
    place = systems.ledgers.pending(location.name, rotation.id)
    staged = systems.vault.stage(place, rotation.account, policy, rotation.id)
    location.ledger.advance("N2", pending=Pending.of(staged.version))
    made = "made" if staged.made_now else "found"
    kind = Done if staged.made_now else AlreadySo
    handle = staged.version.handle
    return kind(location.holding(staged.version), f"{made} by policy {policy}, waits at {handle}")


@step("N2", undo=True)
def discard(systems: Systems, location: Location) -> Answer[None]:
    """Undo step N2: give the rotation up, and throw its password away when no directory took it.

    Raises OutOfStep when the directory shows that the password was changed since, in place.
    """
    rotation = location.ledger.under_way
    if rotation.setting is not None and rotation.in_place:
        home = home_of(systems, location)
        if home.shown_set(rotation.account, rotation.setting) is not None:
            raise OutOfStep(
                "ledger",
                "give the rotation up",
                rotation=rotation.id,
                account=rotation.account,
                advice="The directory shows a password change since this rotation began, so what was current "
                f"no longer signs in. Finish it instead: account-rotation rotate {location.name} --finish",
            )
    location.ledger.require()
    location.ledger.change(rotation=None)
    if rotation.pending is None:
        return AlreadySo(None, "no password was staged")
    systems.vault.discard(rotation.pending.secret.handle)
    return Done(
        None, f"{rotation.pending.secret.handle} is gone; rotation {rotation.id} is given up"
    )


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
    if rotation.setting is not None:
        found = home.shown_set(rotation.account, rotation.setting)
        if found and _is_ours(systems, location, rotation, found, overwrite=overwrite):
            if rotation.phase in BEFORE_SET:
                taken(location, rotation.setting, found.where)
            at = rotation.setting.at
            return AlreadySo(
                location.holding(location.version, found.where), f"set since {at:%H:%M:%S}"
            )
    seen = home.look(rotation.account)
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
    if rotation.setting is not None:
        home_of(systems, location).await_change(rotation.account, rotation.setting)
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


def _is_there(systems: Systems, handle: SecretHandle) -> bool:
    try:
        known = systems.vault.metadata(handle)
    except NotFound:
        return False
    return any(version.readable for version in known.versions)


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


def _is_ours(
    systems: Systems, location: Location, rotation: Rotation, found: Seen, *, overwrite: bool
) -> bool:
    """Say whether the change that shows is this rotation's; only signing in tells."""
    if rotation.phase not in BEFORE_SET and not overwrite:
        return True  # its answer was had; N4 proves it
    try:
        _sign_in.prove_patiently(
            systems, location.holding(location.version, found.where), rotation.account
        )
    except SignInRefused as refused:
        if refused.reason is not SignInReason.WRONG_PASSWORD:
            raise
        if overwrite:
            return False
    else:
        return True
    raise _changed_by_another(location, rotation)


def _changed_by_another(location: Location, rotation: Rotation) -> OutOfStep:
    system = "active directory" if location.extension is Extension.ACTIVE_DIRECTORY else "entra"
    return OutOfStep(
        system,
        "sign in with the new password",
        account=rotation.account,
        staged=location.secret,
        advice="The password was changed since this rotation began, and the staged one is refused: somebody "
        "else sets it too. Find out who, then set the staged one again: account-rotation rotate "
        f"{location.name} --overwrite. It was tried no more than is safe; it waits at {location.secret}.",
    )
