"""V8: an operation failed; double-check the permissions and name the missing one. And: which right is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors.active_directory.models import Right
from connectors.cayosoft.models import Operation
from connectors.entra.models import ConsentReview
from connectors.errors import NotPermitted, RotationError, SignInRefused
from connectors.models import Extension, Finding, Presence
from connectors.protocols import Systems
from report.record import current_record
from tasks._entra_permissions import explain
from tasks._rights import Held, differ, held, managed_bases, missing, right_missing, untold
from tasks._second_opinion import second_opinion
from tasks._step import Answer, Done, step
from tasks.identify import Location

_RIGHTS = {
    Operation.AD_CREATE_USER.value: Right.CREATE_USER,
    Operation.AD_RESET_PASSWORD.value: Right.RESET_PASSWORD,
    Operation.AD_MODIFY_USER.value: Right.WRITE_ATTRIBUTES,
    Operation.AD_DELETE_USER.value: Right.DELETE_USER,
}


@contextmanager
def first_error_kept() -> Iterator[None]:
    """Say what could not be double-checked, so that the refused operation stays the run's error."""
    try:
        yield
    except RotationError as error:
        current_record().here().leave_unchecked(f"which permission explains the refusal: {error}")


@step("V8")
def double_check_permissions(
    systems: Systems, location: Location, failed: RotationError, review: ConsentReview | None
) -> Answer[tuple[Finding, ...]]:
    """Name the permission that explains the failed operation, or say that none does; and ask a second opinion."""
    if location.extension is Extension.ACTIVE_DIRECTORY:
        findings = _rights(systems, location, failed.operation)
    else:
        findings = explain(systems, location, failed, review)
    current_record().here().find(*findings)
    opinion = second_opinion(systems, location, failed, findings)
    named = "; ".join(item.subject for item in findings)
    said = f"{failed.operation} failed: {named or 'no missing permission found'}"
    return Done(findings, f"{said}{opinion}")


def same_rights(systems: Systems, location: Location) -> str:
    """Make sure that an account whose turn it is has every right that the one in use has.

    Where the one in use does not sign in, which a person may choose to overwrite, nothing is compared.
    Raises NotPermitted, with a finding for each right that it lacks and validation needs; others that it
    lacks are a finding only.
    """
    if location.extension is not Extension.ACTIVE_DIRECTORY:
        return "its roles were compared in N1"
    directory = systems.directory(location.in_directory.directory)
    unit = location.in_directory.validation_ou
    bases = managed_bases(systems, location)
    checks = directory.rights(location.secret, unit, managed=bases, where=location.where)
    had = _rights_in_use(systems, location)
    if had is None:
        return "the rights of the account in use could not be compared"
    lacking = [check for check in checks if missing(check) and held(check) in had]
    lost = [check for check in lacking if not check.managed]
    if lacking and not lost:
        current_record().here().find(differ(lacking))
    if not lost:
        return "it has the rights of the account in use"
    more = ", which the account in use has"
    current_record().here().find(*(right_missing(check, more) for check in lost))
    raise NotPermitted(
        "active directory",
        "compare the rights of both accounts",
        account=lost[0].account,
        lacks=", ".join(check.right.value for check in lost),
        advice="Delegate what the findings name, then: account-rotation rotate "
        f"{location.name}; it goes on from here. The console still holds the other account.",
    )


def _rights_in_use(systems: Systems, location: Location) -> set[Held] | None:
    """Return the rights that the account in use has; None where it does not sign in with what is current.

    Its sign-in is spent like any other: a version that was refused before is not tried again.
    """
    rotation = location.ledger.under_way
    base = location.connection.secret.handle.at(rotation.base_version)
    directory = systems.directory(location.in_directory.directory)
    unit, bases = location.in_directory.validation_ou, managed_bases(systems, location)
    why = "Vault names another account"
    if systems.vault.credential(base).username.casefold() == rotation.in_use.casefold():
        try:
            with location.ledger.sign_in(
                rotation.in_use, rotation.base, tries=1, most=None, try_again=False
            ):
                checks = directory.rights(base, unit, managed=bases)
            return {held(check) for check in checks if check.presence is Presence.PRESENT}
        except SignInRefused as refused:
            why = refused.reason.value
    current_record().here().leave_unchecked(
        f"whether {rotation.account} has every right of {rotation.in_use}: {base}: {why}"
    )
    return None


def _rights(systems: Systems, location: Location, operation: str) -> tuple[Finding, ...]:
    """Look at the rights once more; what the operation needs and cannot be told is said to be unchecked."""
    directory = systems.directory(location.in_directory.directory)
    wanted = _RIGHTS.get(operation)
    unit = location.in_directory.validation_ou
    checks = directory.rights(location.secret, unit, where=location.where)
    concerned = [check for check in checks if wanted in (None, check.right)]
    for check in concerned:
        if check.presence is Presence.UNTOLD:
            current_record().here().leave_unchecked(untold(check))
    return tuple(right_missing(check) for check in concerned if missing(check))
