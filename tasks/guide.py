"""A0 and E0: guide a person through the console, and weigh what that person reports.

A guided run asks with a form (``flows``), and comes here again with the answers it has got. Each time it is
decided anew what they amount to: another form, with what speaks against the last answer; or a report, from
which the steps that follow take what the console showed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from connectors.cayosoft.models import CheckResult
from connectors.cayosoft.operator import Box, Found, OperatorReport, Tried
from connectors.errors import NeedsPerson
from connectors.ledger import Sighting
from connectors.models import Credential, Extension, Finding
from connectors.protocols import Systems
from report.record import current_record
from tasks import _console, _in_person, _test_users, _witness, active_directory, entra_id
from tasks._names import name_of, upn_of
from tasks._step import AlreadySo, Answer, Done, step
from tasks.identify import Location
from tasks.validate_tenant import department_of

TESTS = {Extension.ACTIVE_DIRECTORY: "Check Settings", Extension.MICROSOFT_365: "Validate"}
Check = Callable[[Systems, Location], tuple[Credential, str]]


class Choice(StrEnum):
    """What a person says about the work that a form describes."""

    SAVED = "saved"
    HAND_OVER = "handed over"
    DECLINED = "declined"
    UNREADABLE = "filled in wrongly"


@dataclass(frozen=True, slots=True)
class Said:
    """One answered form. ``by`` says who, and what that name is worth; ``passed`` None: the test was not run."""

    choice: Choice
    by: str
    at: datetime | None
    passed: bool | None = None
    note: str = ""
    app: Found = Found.NEITHER
    box: Box = Box.NOT_SHOWN
    consent_status: str = ""
    test_user: Tried = Tried.NOT_TRIED


@dataclass(frozen=True, slots=True)
class Ask:
    """A form is due. ``notes`` are what is to be said before anything else.

    ``signed_in`` holds the account's last sign-in per domain controller, to be compared after the answer;
    ``test_user`` the UPN, name and department of the user that is to be tried (Microsoft 365).
    """

    account: str
    notes: tuple[str, ...] = ()
    signed_in: Mapping[str, datetime] = field(default_factory=dict)
    test_user: tuple[str, str, str] | None = None


@dataclass(frozen=True, slots=True)
class Nothing:
    """No person is asked: a dry run, or this version was entered before."""


Guidance = Ask | OperatorReport | Nothing


@step("A0")
def through_active_directory(
    systems: Systems, location: Location, answers: Sequence[Said], *, dry_run: bool
) -> Answer[Guidance]:
    """Prove the credential, then have it entered by a person; weigh the answer against the directory.

    Raises NeedsPerson when it was declined, and what step A4 raises, before anybody is asked.
    """
    return _guided(systems, location, answers, active_directory.checked, dry_run=dry_run)


@step("E0")
def through_microsoft_365(
    systems: Systems, location: Location, answers: Sequence[Said], *, dry_run: bool
) -> Answer[Guidance]:
    """Prove the credential, then have it entered and consented to by a person; weigh the answer.

    Raises NeedsPerson when it was declined, and what step E3 raises, before anybody is asked.
    """
    return _guided(systems, location, answers, entra_id.checked, dry_run=dry_run)


def _guided(
    systems: Systems, location: Location, answers: Sequence[Said], check: Check, *, dry_run: bool
) -> Answer[Guidance]:
    if answers:
        return _weighed(systems, location, answers)
    credential, proven = check(systems, location)
    account = credential.username
    row = _in_person.remembered(location, account)
    _console.never_backwards(row, location)
    if _console.already_holds(row, location, credential) and not location.try_again:
        _leave_console_unchecked(location)
        return AlreadySo(
            Nothing(), f"{proven}; {_console.describe(row)}, as a person has reported before"
        )
    if dry_run:
        _leave_console_unchecked(location)
        return Done(Nothing(), f"{proven}; dry run: nobody is asked")
    signed_in: Mapping[str, datetime] = {}
    if location.extension is Extension.ACTIVE_DIRECTORY:
        signed_in = _witness.sign_ins(systems, location, account)
    due = _due(location, account, signed_in=signed_in)
    return Done(due, f"{proven}; a person is asked to enter it")


def _due(
    location: Location,
    account: str,
    *notes: str,
    signed_in: Mapping[str, datetime] | None = None,
) -> Ask:
    user = None
    if location.extension is Extension.MICROSOFT_365:
        user = (upn_of(location), name_of(location), department_of(location))
    return Ask(account, notes, signed_in or {}, user)


def _leave_console_unchecked(location: Location) -> None:
    current_record().here().leave_unchecked(
        f"what the console holds, and its own {TESTS[location.extension]}: only a person can look"
    )


def _weighed(systems: Systems, location: Location, answers: Sequence[Said]) -> Answer[Guidance]:
    last = answers[-1]
    told = f"form {len(answers)}, {last.choice.value} by {last.by}{_when(last)}{_noted(last)}"
    if last.choice is Choice.DECLINED:
        raise NeedsPerson(
            "cayosoft",
            "enter the credential",
            row=location.row,
            declined=f"{last.by}{_noted(last)}",
            advice="Nothing was changed in the console. When it can be done: account-rotation update "
            f"{location.service.name} --connection {location.name}, or the deployment of that name.",
        )
    account = _console.fetch(systems, location).username
    if last.choice is Choice.UNREADABLE:
        return Done(_due(location, account, last.note), told)
    if last.choice is Choice.HAND_OVER:
        handed = f"{last.by} hands this over to you.{_noted(last)}"
        return Done(_due(location, account, handed), told)
    doubts = _unfinished(location, last) or _not_confirmed(systems, location, answers, account)
    if doubts:
        return Done(_due(location, account, *doubts), f"{told}; asked again: {' '.join(doubts)}")
    report = _report(location, last, account)
    _in_person.hand_over(systems, location, report)
    return Done(report, f"{told}; {_said_by_directory(systems, location, account)}")


def _when(said: Said) -> str:
    return f" at {said.at:%Y-%m-%d %H:%M:%S} UTC" if said.at else ""


def _noted(said: Said) -> str:
    return f" ({said.note})" if said.note else ""


def _report(location: Location, said: Said, account: str) -> OperatorReport:
    test = TESTS[location.extension]
    shown = f"{test}: {'passed' if said.passed else 'failed'}, as reported by {said.by}"
    return OperatorReport(
        by=f"{said.by}{_when(said)}",
        account=account,
        label=location.version.label,
        check=CheckResult(bool(said.passed), (f"{shown}{_noted(said)}",)),
        note=said.note,
        app=said.app,
        box=said.box,
        consent_status=said.consent_status,
        test_user=said.test_user,
    )


def _unfinished(location: Location, said: Said) -> tuple[str, ...]:
    """Return what is still to be done by the answer's own words."""
    test = TESTS[location.extension]
    doubts = []
    if said.passed is None:
        doubts.append(f"{test} was not run. It is the console's own test: please run it once more.")
    if said.passed is False:
        doubts.append(
            f"{test} failed. Often the change was not saved, or the password was copied with a space: open the "
            f"selector again, paste it anew, {'save' if test != 'Validate' else 'press Validate'}. If it goes on "
            "failing, choose that you cannot, and say what the screen shows."
        )
    if location.extension is Extension.MICROSOFT_365 and said.app is Found.NEITHER:
        doubts.append("The app was neither found nor registered: press Find or register the app.")
    return tuple(doubts)


def _not_confirmed(
    systems: Systems, location: Location, answers: Sequence[Said], account: str
) -> tuple[str, ...]:
    """Return what the directory or the tenant does not confirm; said once, then the person's word is taken."""
    if sum(said.choice is Choice.SAVED and said.passed is True for said in answers) > 1:
        return ()
    if location.extension is Extension.MICROSOFT_365:
        return _test_user_not_seen(systems, location, answers[-1])
    seen = _sighting(systems, location, account)
    if seen is None or not seen.told or seen.seen is not None:
        return ()
    tried = f" It saw a wrong password at {seen.wrong:%H:%M:%S} UTC." if seen.wrong else ""
    return (
        (
            f"Check Settings really signs in, and no domain controller of the inventory has seen {account} sign in "
            f"since you were asked.{tried} Very likely the console still holds the previous password: look whether the "
            "page says that there are unsaved changes, press Save, and run Check Settings again. If the console uses a "
            "domain controller that is not in the inventory, answer the same once more."
        ),
    )


def _test_user_not_seen(systems: Systems, location: Location, said: Said) -> tuple[str, ...]:
    if said.test_user is not Tried.DONE or _test_users.deleted_by_hand(systems, location):
        return ()
    return (
        (
            "The tenant's recycle bin does not show the test user. Please create, change and delete it with exactly the "
            "name below, in Cayosoft Administrator and in this tenant."
        ),
    )


def _sighting(systems: Systems, location: Location, account: str) -> Sighting | None:
    ledger = location.ledger.ledger
    if ledger.asked is None or location.extension is not Extension.ACTIVE_DIRECTORY:
        return None
    if ledger.asked.sighting is not None:
        return ledger.asked.sighting
    before = ledger.applied.account if ledger.applied else ledger.in_use
    changes = before is not None and before.casefold() != account.casefold()
    signed_in = ledger.asked.signed_in
    return _witness.look(systems, location, account, signed_in, changes_account=changes)


def _said_by_directory(systems: Systems, location: Location, account: str) -> str:
    """Return what else speaks for the report; what does not is a finding, or said to be unchecked."""
    record = current_record().here()
    seen, asked = _sighting(systems, location, account), location.ledger.ledger.asked
    if seen is not None and asked is not None and asked.sighting is None:
        # Once: the steps that follow sign in as the account, too.
        location.ledger.change(asked=asked.model_copy(update={"sighting": seen}))
    if seen is None or not seen.told:
        record.leave_unchecked(
            f"whether the console really holds {account}: only a person can look"
        )
        return "nothing else tells whether it is so"
    if seen.seen is None:
        record.find(_not_seen(location, account))
        return f"no domain controller of the inventory has seen {account} sign in since"
    said = f"{seen.where} saw {account} sign in at {seen.seen:%H:%M:%S} UTC"
    if seen.proves:
        return f"{said}, which only the new credential can"
    record.leave_unchecked(
        f"whether the console signs in with the new password: {seen.where} saw a sign-in, and Active Directory "
        f"accepts the previous password, too, until {seen.previous_until:%Y-%m-%d %H:%M} UTC"
    )
    return f"{said}, with the new password or the previous one"


def _not_seen(location: Location, account: str) -> Finding:
    return Finding(
        "console.not-seen",
        location.row,
        f"It was reported that {account} was saved and Check Settings passed, and no domain controller of the "
        "inventory has seen it sign in.",
        "Look at the console once more. If it uses another domain controller, add that one to the directory's "
        "controllers in the inventory.",
    )
