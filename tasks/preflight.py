"""N1: everything that can be known before a new password is made. Nothing is changed but the ledger."""

from __future__ import annotations

import uuid

from connectors.errors import (
    NotPermitted,
    NotYet,
    OutOfStep,
    RotationError,
    SignInReason,
    SignInRefused,
)
from connectors.models import Finding
from connectors.protocols import Systems
from connectors.rotation import Rotation
from inventory.models import Mode
from report.record import current_record
from tasks import _console, _sign_in
from tasks._accounts import Home, Tenancy, home_of
from tasks._staged import is_there
from tasks._step import AlreadySo, Answer, Done, step
from tasks._wait import CLOCK
from tasks.identify import Location

HARMLESS = {SignInReason.PASSWORD_EXPIRED, SignInReason.MUST_CHANGE_PASSWORD}
"""Reasons that a directory gives for the right password only, and that a new password ends."""


@step("N1")
def preflight(systems: Systems, location: Location, *, overwrite: bool = False) -> Answer[Rotation]:
    """Make sure that a rotation can go through to its end, and write down that it begins.

    An unfinished one is gone on with. Raises Refused and its kinds, OutOfStep, NotYet and Unreachable with
    nothing changed. With ``overwrite`` a current password that does not sign in is no obstacle.
    """
    begun = location.ledger.rotation
    if begun is not None and (kept := _unfinished(systems, location, begun, overwrite=overwrite)):
        return AlreadySo(kept, f"rotation {kept.id} goes on after {kept.phase}")
    in_use = _in_use(systems, location)
    account = _turn_of(location, in_use)
    home = home_of(systems, location)
    seen = home.newest(account)
    home.require_setter(seen)
    _require_vault(systems, location)
    _require_same_roles(home, in_use, account)
    # In place it is the same account: a controller that has missed changes would refuse what is right.
    where = seen.where if account == in_use else location.where
    held = location.holding(location.version, where)
    proof = _current_signs_in(systems, held, in_use, overwrite=overwrite)
    rotation = Rotation(
        id=uuid.uuid4().hex,
        begun=CLOCK.get().utc(),
        account=account,
        in_use=in_use,
        base=location.version.label,
        base_version=location.version.handle.version or 0,
    )
    if not current_record().dry_run:
        idle = None if rotation.in_place else account
        location.ledger.change(rotation=rotation, in_use=in_use, idle=idle, retire=None)
    how = "in place" if rotation.in_place else f"while {in_use} stays in use"
    return Done(rotation, f"rotation {rotation.id} of {account}, {how}; {proof}")


def _unfinished(
    systems: Systems, location: Location, rotation: Rotation, *, overwrite: bool
) -> Rotation | None:
    """Return the rotation to go on with; None when no directory had heard of it and a new one is to begin.

    What such a one had staged is thrown away: nobody has that password. One that was promoted is ended first,
    whatever somebody wrote since.
    """
    if rotation.phase == "F1":
        return rotation
    known = {account.username.casefold() for account in location.connection.accounts}
    if rotation.account.casefold() not in known:
        raise OutOfStep(
            "ledger",
            "preflight",
            rotation=rotation.id,
            account=rotation.account,
            inventory=" ".join(sorted(known)),
            advice="The unfinished rotation is of an account that the inventory no longer names. Put it "
            "back to finish; or give the rotation up: account-rotation rotate "
            f"{location.name} --abandon",
        )
    same_base = location.version.label == rotation.base
    if not rotation.may_be_set:
        if same_base and not _thrown_away(systems, rotation):
            return rotation
        if not current_record().dry_run:
            location.ledger.require()
            systems.vault.discard(systems.ledgers.pending(location.name, rotation.id))
        return None
    if same_base or _promoted(systems, location, rotation):
        return rotation
    if not overwrite:
        raise OutOfStep(
            "vault",
            "preflight",
            rotation=rotation.id,
            began_from=rotation.base,
            newest=location.version.label,
            advice="Somebody wrote another version of the secret while this rotation was going on. Find out "
            f"who (vault kv metadata get -mount={location.secret.mount} {location.secret.path}); two parties "
            "must not rotate one account. To finish this one over it: account-rotation rotate "
            f"{location.name} --overwrite",
        )
    if current_record().dry_run:
        return rotation
    base_version = location.version.handle.version or 0
    location.ledger.advance(rotation.phase, base=location.version.label, base_version=base_version)
    return location.ledger.under_way


def _thrown_away(systems: Systems, rotation: Rotation) -> bool:
    """Say whether the staged password is gone: giving the rotation up was cut off."""
    return rotation.pending is not None and not is_there(systems, rotation.pending.secret.handle)


def _promoted(systems: Systems, location: Location, rotation: Rotation) -> bool:
    """Say whether the newest version is the one that this very rotation has promoted."""
    fields = systems.vault.document(location.secret)
    name = fields.get("rotation_id")
    return name is not None and name.reveal() == rotation.id


def _in_use(systems: Systems, location: Location) -> str:
    """Return the account that the console signs in with; make sure that Vault and console agree."""
    if not location.in_person:
        _console.sign_in(systems, location)
        _console.open_extension(systems, location)
    row = _console.row_of(systems, location)
    current = _console.fetch(systems, location).username
    if row.account.casefold() != current.casefold():
        raise OutOfStep(
            "cayosoft",
            "preflight",
            row=location.row,
            console=row.account,
            vault=current,
            advice="The console signs in with another account than the one in Vault. Bring it to Vault's "
            f"first: account-rotation update {location.service.name} --connection {location.name}",
        )
    return current


def _turn_of(location: Location, in_use: str) -> str:
    """Return the account whose password is to change; raise NotYet while its grace period lasts."""
    if location.connection.mode is Mode.IN_PLACE:
        return in_use
    names = [account.username for account in location.connection.accounts]
    account = next(name for name in names if name.casefold() != in_use.casefold())
    waiting = location.ledger.ledger.retire
    if waiting and waiting.due > CLOCK.get().utc():
        raise NotYet(
            "ledger",
            "preflight",
            account=account,
            grace_until=waiting.due.isoformat(timespec="seconds"),
            advice="The account whose turn it is was in use until lately, and keeps its password for the "
            "grace period. Wait, or lower grace_period_hours for the next time.",
        )
    return account


def _require_vault(systems: Systems, location: Location) -> None:
    """Make sure that the new password can be made, staged and promoted before anything begins."""
    current = location.secret
    staged = systems.ledgers.pending(location.name, "any")
    policy = location.connection.password_policy
    needed = {
        f"{staged.mount}/data/{staged.path}": "create",
        f"{current.mount}/data/{current.path}": "update",
        f"sys/policies/password/{policy}/generate": "read",
    }
    held = systems.vault.capabilities(list(needed))
    missing = {
        path: wanted
        for path, wanted in needed.items()
        if not {wanted, "root"} & set(held.get(path, ()))
    }
    if missing:
        lines = " ".join(f'path "{p}" {{ capabilities = ["{c}"] }}' for p, c in missing.items())
        raise NotPermitted(
            "vault",
            "preflight",
            paths=" ".join(missing),
            advice=f"Add to the orchestrator's Vault policy (docs/identities.md): {lines}",
        )


def _require_same_roles(home: Home, in_use: str, account: str) -> None:
    """Make sure that an Entra account whose turn it is holds every role of the one in use."""
    if not isinstance(home, Tenancy) or in_use.casefold() == account.casefold():
        return
    _, had = home.roles(in_use)
    found, has = home.roles(account)
    # A role for the whole tenant stands for the same one for a part of it.
    if missing := sorted(role for role in had - has if role.partition(" for /")[0] not in has):
        raise NotPermitted(
            "entra",
            "preflight",
            account=account,
            lacks=", ".join(missing),
            advice=f"Give {found.upn} the roles that {in_use} holds ({', '.join(missing)}), active and for the "
            "whole tenant, then start again; no password was set.",
        )


def _current_signs_in(systems: Systems, location: Location, in_use: str, *, overwrite: bool) -> str:
    """Sign in with what is current; last of all, because it is the only check that spends something."""
    problem: RotationError
    try:
        return _sign_in.prove(systems, location, in_use)
    except SignInRefused as refused:
        if overwrite or refused.reason in HARMLESS:
            current_record().here().find(
                Finding(
                    "rotation.current-did-not-sign-in",
                    in_use,
                    f"The current credential {location.secret} did not sign in: {refused.reason.value}.",
                    "Nothing is due: this rotation sets a new password.",
                )
            )
            return f"{in_use} did not sign in with {location.secret}: {refused.reason.value}"
        problem = refused.sealed()
        if refused.reason is SignInReason.WRONG_PASSWORD:
            problem.advice = (
                f"{location.secret} is not the account's password: somebody changed it without Vault. "
                "Write the right one to Vault; or let a rotation set a new one over it: "
                f"account-rotation rotate {location.name} --overwrite. Nothing was changed."
            )
    raise problem
