"""E1-E4: update the Microsoft 365 extension (article: steps for the Microsoft 365 extension)."""

from __future__ import annotations

from connectors.cayosoft.models import (
    ConnectionRow,
    ConsoleSession,
    Draft,
)
from connectors.errors import (
    PolicyRefused,
    SignInReason,
    SignInRefused,
)
from connectors.models import Credential
from connectors.protocols import Systems
from tasks import _console, _entra_checks, _sign_in
from tasks._restore import restore
from tasks._step import AlreadySo, Answer, Done, step
from tasks.identify import Location


@step("E1")
def sign_in_to_console(systems: Systems, location: Location) -> Answer[ConsoleSession]:
    """Sign in to the Cayosoft Administrator console with administrator privileges."""
    return _console.sign_in(systems, location)


@step("E2")
def open_extension(systems: Systems, location: Location) -> Answer[bool]:
    """Open Configuration > Connected System Extensions > Microsoft 365."""
    return _console.open_extension(systems, location)


@step("E3")
def update_credential(
    systems: Systems, location: Location, *, dry_run: bool
) -> Answer[tuple[ConnectionRow, Draft | None]]:
    """Check the account, its roles and the policies that reach it, prove the password, and enter both in a draft.

    Raises SignInRefused, BudgetSpent, NotFound, OutOfStep or Superseded with the console unchanged.
    """
    row = _console.row_of(systems, location)
    _console.never_backwards(row, location)
    credential, proven = checked(systems, location)
    if _console.already_holds(row, location, credential):
        return AlreadySo((row, None), f"{proven}; {_console.describe(row)}")
    if dry_run:
        return Done((row, None), f"{proven}; dry run: nothing entered")
    draft = _console.enter(systems, location, row)
    return Done((row, draft), f"{proven}; {_console.entered(draft)}")


@step("E3", undo=True)
def discard_draft(systems: Systems, location: Location, draft: Draft) -> Answer[None]:
    """Undo step E3: throw the draft away."""
    systems.console(location.service.name).discard(draft)
    return Done(None, "the draft is gone; the row is as it was")


@step("E4")
def validate_and_accept(
    systems: Systems, location: Location, draft: Draft | None
) -> Answer[ConnectionRow]:
    """Run Validate on the entered credential, and OK (save) when it passes.

    Raises PolicyRefused when Validate fails; nothing is saved then.
    """
    if draft is None:
        answer = _console.save(systems, location, None)
        location.ledger.applied(answer.value.account, location.version.label, "E4")
        return answer
    result = systems.console(location.service.name).validate(draft)
    shown = "; ".join(result.messages) or "no message"
    if not result.ok:
        raise PolicyRefused(
            "cayosoft",
            "validate",
            row=location.row,
            shown=shown,
            advice="The product's Validate does not accept the credential although it was checked "
            "before. Multi-factor authentication or Conditional Access on the account is the usual "
            "cause: exclude the account, then start the update again. The console is unchanged.",
        )
    answer = _console.save(systems, location, draft)
    location.ledger.applied(answer.value.account, location.version.label, "E4")
    return Done(answer.value, f"Validate passed: {shown}; {answer.evidence}")


@step("E4", undo=True)
def restore_previous(systems: Systems, location: Location) -> Answer[None]:
    """Undo step E4 of a rotation: enter the account again that was in use before, validate, and accept."""
    return restore(systems, location)


def checked(systems: Systems, location: Location) -> tuple[Credential, str]:
    """Fetch the fresh secret, check the account, its roles and policies, and prove the password.

    Raises SignInRefused, BudgetSpent, NotFound or OutOfStep.
    """
    credential = _console.fetch(systems, location)
    tenant = systems.tenant(location.in_tenant.tenant)
    account = tenant.account(credential.username)
    if not account.enabled:
        raise SignInRefused(
            "entra",
            "check the account",
            reason=SignInReason.DISABLED,
            account=account.upn,
            advice="Enable the account in Entra ID, then start the update again; "
            "no sign-in was spent.",
        )
    standing = _entra_checks.standing(systems, location, account)
    return credential, f"{_sign_in.prove(systems, location, account.upn)}; {standing}"
