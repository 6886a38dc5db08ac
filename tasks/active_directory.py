"""A: update the Active Directory extension (article: steps for the Active Directory extension)."""

from __future__ import annotations

from connectors.cayosoft.models import CheckResult, ConnectionRow, ConsoleSession, Draft
from connectors.errors import OutOfStep, RotationError, SignInReason, SignInRefused
from connectors.models import Credential, Finding
from connectors.protocols import Systems
from report.record import current_record
from tasks import _console, _sign_in
from tasks._restore import restore
from tasks._rights import check_rights
from tasks._step import AlreadySo, Answer, Done, step
from tasks.identify import Location


@step("A1")
def sign_in_to_console(systems: Systems, location: Location) -> Answer[ConsoleSession]:
    """Sign in to the Cayosoft Administrator console with administrator privileges."""
    return _console.sign_in(systems, location)


@step("A2")
def open_extension(systems: Systems, location: Location) -> Answer[bool]:
    """Open Configuration > Connected System Extensions > Active Directory."""
    return _console.open_extension(systems, location)


@step("A3")
def locate_connection(systems: Systems, location: Location) -> Answer[ConnectionRow]:
    """Locate the connection row and the selector of its default credentials."""
    row = _console.row_of(systems, location)
    return Done(row, _console.describe(row))


@step("A4")
def update_credential(
    systems: Systems, location: Location, row: ConnectionRow, *, dry_run: bool
) -> Answer[Draft | None]:
    """Fetch the fresh secret, prove that it signs in, check its rights, and enter it in a draft.

    The console tests an Active Directory credential only after saving, so the proof comes first.
    Raises SignInRefused, BudgetSpent, OutOfStep or Superseded with the console unchanged.
    """
    _console.never_backwards(row, location)
    credential, proven = checked(systems, location)
    if _console.already_holds(row, location, credential):
        return AlreadySo(None, f"{proven}; {_console.describe(row)}")
    if dry_run:
        return Done(None, f"{proven}; dry run: nothing entered")
    draft = _console.enter(systems, location, row)
    return Done(draft, f"{proven}; {_console.entered(draft)}")


@step("A4", undo=True)
def discard_draft(systems: Systems, location: Location, draft: Draft) -> Answer[None]:
    """Undo step A4: throw the draft away."""
    systems.console(location.service.name).discard(draft)
    return Done(None, "the draft is gone; the row is as it was")


@step("A5")
def save(systems: Systems, location: Location, draft: Draft | None) -> Answer[ConnectionRow]:
    """Save the changed credential."""
    answer = _console.save(systems, location, draft)
    location.ledger.applied(answer.value.account, location.version.label, "A5")
    return answer


@step("A5", undo=True)
def restore_previous(systems: Systems, location: Location) -> Answer[None]:
    """Undo step A5 of a rotation: enter the account again that was in use before, and save."""
    return restore(systems, location)


@step("A6")
def check_settings(systems: Systems, location: Location) -> Answer[CheckResult]:
    """Run Check Settings, the product's own test of the saved credential.

    Raises OutOfStep when it fails although the same credential signs in. In a dry run the console
    holds what it held before, so that a failure is a finding.
    """
    console = systems.console(location.service.name)
    result = console.check_settings(location.extension, location.row)
    shown = "; ".join(result.messages) or "no message"
    if not result.ok and current_record().dry_run:
        current_record().here().find(
            Finding(
                "console.check-settings-fails",
                location.row,
                f"Check Settings fails with what the console holds now: {shown}",
                "The update enters the credential that signs in: start it without --dry-run.",
            )
        )
        return Done(result, f"Check Settings fails with what the console holds now: {shown}")
    if not result.ok:
        raise OutOfStep(
            "cayosoft",
            "check settings",
            row=location.row,
            shown=shown,
            advice="The credential signs in, but the console's own test fails. Run the rule "
            "'Restart working sessions' (12.3 and later), then start the update again.",
        )
    return Done(result, f"Check Settings passed: {shown}")


def checked(systems: Systems, location: Location) -> tuple[Credential, str]:
    """Fetch the fresh secret, prove that it signs in, and check its rights; return what that proved.

    Raises SignInRefused, BudgetSpent or OutOfStep.
    """
    credential = _console.fetch(systems, location)
    problem: RotationError | None = None
    proof = ""
    try:
        proof = _sign_in.prove(systems, location, credential.username)
    except SignInRefused as refused:
        problem = _explained(refused, location)
    if problem:
        raise problem
    missing = check_rights(systems, location)
    rights = f"rights: {missing} missing" if missing else "no right is missing"
    return credential, f"{proof}, {rights}"


def _explained(refused: SignInRefused, location: Location) -> SignInRefused:
    """Add what a person does about a refused sign-in, with the exact next command."""
    again = f"account-rotation update {location.service.name} --connection {location.name}"
    advice = {
        SignInReason.WRONG_PASSWORD: (
            f"{location.secret} does not hold the account's password. Put the right one in Vault, "
            f"or name an older version: {again} --secret-version N. It was tried once; the console "
            "is unchanged."
        ),
        SignInReason.LOCKED: (
            "Find what still uses the old password, unlock the account "
            f"(Unlock-ADAccount), then: {again}"
        ),
        SignInReason.DISABLED: f"Enable the account (Enable-ADAccount), then: {again}",
    }.get(refused.reason)
    return SignInRefused(
        refused.system,
        refused.operation,
        reason=refused.reason,
        advice=advice or refused.advice,
        **refused.identifiers,
    )
