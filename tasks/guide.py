"""A0 and E0: guide a person through the console, and weigh what that person reports.

A guided run asks with a form (``flows``), and comes here again with the answers it has got. Each time it is
decided anew what they amount to: another form, with what speaks against the last answer; or a report, from
which the steps that follow take what the console showed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from connectors.cayosoft.models import CheckResult
from connectors.cayosoft.operator import OperatorReport
from connectors.errors import NeedsPerson
from connectors.models import Credential, Extension, SecretHandle
from connectors.protocols import Systems
from report.record import current_record
from tasks import _console, _in_person, _witness, active_directory, entra_id
from tasks._names import name_of, upn_of
from tasks._step import AlreadySo, Answer, Done, step
from tasks._weighing import (
    TESTS,
    Choice,
    Said,
    not_confirmed,
    said_beside,
    unfinished,
    without_password,
)
from tasks.approvals import approver, missing_approval
from tasks.identify import Location
from tasks.validate_tenant import department_of

Check = Callable[[Systems, Location], tuple[Credential, str]]


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
    systems: Systems,
    location: Location,
    answers: Sequence[Said],
    approvals: SecretHandle | None,
    *,
    dry_run: bool,
) -> Answer[Guidance]:
    """Prove the credential, then have it entered by a person; weigh the answer against the directory.

    ``approvals`` is the folder of Vault in which an answer counts, None where one in Prefect does. Raises
    NeedsPerson when it was declined, and what step A4 raises, before anybody is asked.
    """
    if answers:
        return _weighed(systems, location, answers, approvals)
    return _begun(systems, location, active_directory.checked, dry_run=dry_run)


@step("E0")
def through_microsoft_365(
    systems: Systems,
    location: Location,
    answers: Sequence[Said],
    approvals: SecretHandle | None,
    *,
    dry_run: bool,
) -> Answer[Guidance]:
    """Prove the credential, then have it entered and consented to by a person; weigh the answer.

    ``approvals`` is the folder of Vault in which an answer counts, None where one in Prefect does. Raises
    NeedsPerson when it was declined, and what step E3 raises, before anybody is asked.
    """
    if answers:
        return _weighed(systems, location, answers, approvals)
    return _begun(systems, location, entra_id.checked, dry_run=dry_run)


def _begun(
    systems: Systems, location: Location, check: Check, *, dry_run: bool
) -> Answer[Guidance]:
    """Make sure that what a person is to enter works, and is not entered already."""
    if current_record().verifying:
        _witness.miss_the_console(systems, location)
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


def _weighed(
    systems: Systems,
    location: Location,
    answers: Sequence[Said],
    approvals: SecretHandle | None,
) -> Answer[Guidance]:
    """Decide what the last answer amounts to: a report, another form, or a no."""
    credential, number = _console.fetch(systems, location), len(answers)
    # All of them: each pass makes a report of its own, and what was typed into an earlier form is kept, too.
    answers = [without_password(it, credential, location) for it in answers]
    account, last = credential.username, answers[-1]
    if last.choice is Choice.UNREADABLE:
        return Done(_due(location, account, last.note), f"form {number}: {last.note}")
    if approvals is not None:
        who = approver(systems, approvals, last.key, last.choice.value)
        if who is None:
            note = missing_approval(approvals, last.key, last.choice.value)
            return Done(_due(location, account, note), f"form {number}: {note}")
        last = replace(last, by=who)
        # What nobody has approved says nothing, however often it was submitted.
        answers = [it for it in answers if approver(systems, approvals, it.key, it.choice.value)]
    told = f"form {number}, {last.choice.value} by {last.by}{_when(last)}{_noted(last)}"
    if last.choice is Choice.DECLINED:
        raise NeedsPerson(
            "cayosoft",
            "enter the credential",
            row=location.row,
            declined=f"{last.by}{_noted(last)}",
            advice=f"Nothing was changed in the console. When it can be done: {_again(location)}",
        )
    if last.choice is Choice.HAND_OVER:
        handed = f"{last.by} hands this over to you.{_noted(last)}"
        return Done(_due(location, account, handed), told)
    doubts = unfinished(location, last) or not_confirmed(systems, location, answers, account)
    if doubts:
        return Done(_due(location, account, *doubts), f"{told}; asked again: {' '.join(doubts)}")
    report = _report(location, last, account)
    _in_person.hand_over(systems, location, report)
    return Done(report, f"{told}; {said_beside(systems, location, account)}")


def _again(location: Location) -> str:
    """Return the command that asks again; a rotation that has begun is not an update's to finish."""
    if location.ledger.rotation is not None:
        return f"account-rotation rotate {location.name} --finish"
    return f"account-rotation update {location.service.name} --connection {location.name}"


def _when(said: Said) -> str:
    return f" at {said.at:%Y-%m-%d %H:%M:%S} UTC" if said.at else ""


def _noted(said: Said) -> str:
    return f" ({said.note})" if said.note else ""


def _report(location: Location, said: Said, account: str) -> OperatorReport:
    shown = f"as reported by {said.by}"
    return OperatorReport(
        by=f"{said.by}{_when(said)}",
        account=account,
        label=location.version.label,
        check=CheckResult(bool(said.passed), (f"{shown}{_noted(said)}",)),
        note=said.note,
        box=said.box,
        consent_status=said.consent_status,
        test_user=said.test_user,
    )
