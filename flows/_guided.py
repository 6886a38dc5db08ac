"""A person in the loop of one extension: ask, take the answer, ask again where something speaks against it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from prefect.input import RunInput

from connectors.cayosoft.operator import OperatorReport
from connectors.errors import NeedsPerson, NotYet
from connectors.ledger import Asked
from flows import asking
from flows._form import (
    BOX,
    CHOICES,
    PASSED,
    TRIED,
    ActiveDirectoryForm,
    Microsoft365Form,
    OperatorForm,
    Readiness,
)
from flows._run import Run
from flows.asking import Answered, Form
from report import guide as texts
from report.text import printable
from tasks import guide
from tasks._wait import CLOCK
from tasks._weighing import Choice, Said
from tasks.approvals import approver, how_to_approve, missing_approval
from tasks.guide import Ask
from tasks.identify import Location

F = TypeVar("F", bound=RunInput)
READY = ("ready",)
ANSWERS = tuple(choice.value for choice in (Choice.SAVED, Choice.HAND_OVER, Choice.DECLINED))


def through_active_directory(run: Run, location: Location, *, dry_run: bool) -> bool:
    """Have a person carry the section out; return whether its steps can be taken from what was reported."""
    while True:
        answers = _given(run, location, _purpose(location), ActiveDirectoryForm)
        if not answers and not dry_run:
            _leave_to_the_first(run, location)
        found = guide.through_active_directory(  # A0
            run.systems, location, _said(answers), run.approvals, dry_run=dry_run
        )
        if not isinstance(found, Ask):
            return isinstance(found, OperatorReport)
        _guide(run, location, found, ActiveDirectoryForm, len(answers))


def through_microsoft_365(run: Run, location: Location, *, dry_run: bool) -> bool:
    """Have a person carry the section out; return whether its steps can be taken from what was reported."""
    while True:
        answers = _given(run, location, _purpose(location), Microsoft365Form)
        if not answers and not dry_run:
            _leave_to_the_first(run, location)
        found = guide.through_microsoft_365(  # E0
            run.systems, location, _said(answers), run.approvals, dry_run=dry_run
        )
        if not isinstance(found, Ask):
            return isinstance(found, OperatorReport)
        _guide(run, location, found, Microsoft365Form, len(answers))


def at_the_console(run: Run, location: Location) -> None:
    """Wait until a person is at the console: a password that changes in place stops the product until it is entered.

    Raises NeedsPerson when it was put off; nothing has been changed then.
    """
    purpose = f"ready-{location.ledger.under_way.id}"
    while True:
        answers = _given(run, location, purpose, Readiness)
        notes = _not_ready(run, answers)
        if answers and not notes:
            break
        _leave_to_the_first(run, location)
        key = _key(run, location, purpose, len(answers) + 1)
        hours = location.service.console.answer_hours
        account = location.ledger.under_way.account
        how = how_to_approve(run.approvals, key, READY) if run.approvals else ""
        text = texts.ready(location.name, account, hours, notes=notes, approval=how)
        _ask(run, location, Form(key, Readiness, text, hours), Ask(account))
    last = answers[-1].values
    if last is not None and last.ready == "Not now":
        remark = _shown(last.remark, 500)
        raise NeedsPerson(
            "cayosoft",
            "change the password in place",
            row=location.row,
            put_off=f"by {_shown(last.your_name, 100)!r}{f' ({remark})' if remark else ''}",
            advice="Nothing was changed. When somebody is at the console: account-rotation rotate "
            f"{location.name}, or the deployment of that name.",
        )


def _not_ready(run: Run, answers: Sequence[Answered[Readiness]]) -> list[str]:
    """Return why the last answer does not count; nothing where it does, or there is none."""
    if not answers:
        return []
    last = answers[-1]
    if last.values is None:
        return [_unreadable(last)]
    place = run.approvals
    if place is None or last.values.ready == "Not now":
        return []
    if approver(run.systems, place, last.key, READY[0]) is None:
        return [missing_approval(place, last.key, READY[0])]
    return []


def _guide(run: Run, location: Location, due: Ask, kind: type[OperatorForm], asked: int) -> None:
    hours = location.service.console.answer_hours
    key = _key(run, location, _purpose(location), asked + 1)
    how = how_to_approve(run.approvals, key, ANSWERS) if run.approvals else ""
    told = texts.Guide(
        service=location.service.name,
        connection=location.name,
        extension=location.extension,
        row=location.row,
        account=due.account,
        secret=location.secret,
        hours=hours,
        notes=due.notes,
        test_user=due.test_user,
        approval=how,
    )
    page = f"{location.name}-guide"
    form = Form(key, kind, texts.guide(told), hours, texts.summary(told), page)
    _ask(run, location, form, due)


def _ask(run: Run, location: Location, form: Form[F], due: Ask) -> None:
    """Write down that a person is asked, let go of the connection, and ask."""
    mine, keeper, now = run.record.run_id, location.ledger, CLOCK.get().utc()
    before = keeper.ledger.asked
    again = before is not None and before.run == mine and before.label == location.version.label
    asked = Asked(
        run=mine,
        label=location.version.label,
        since=before.since if before and again else now,
        until=now + timedelta(hours=form.hours),
        signed_in=dict(due.signed_in) or (before.signed_in if before and again else {}),
    )
    # While a person works another run may look; a terminal goes on working on the connection.
    keeper.change(asked=asked, **({"holder": None} if asking.suspends() else {}))
    asking.ask(form)


def _leave_to_the_first(run: Run, location: Location) -> None:
    """Raise NotYet while another run asks about the same version; one that asks about another is called off.

    Before this run signs in as the account: the other one watches who does.
    """
    other = location.ledger.ledger.asked
    if other is None or other.run == run.record.run_id or not asking.still_waits(other.run):
        return
    if other.label == location.version.label:
        raise NotYet(
            "prefect",
            "ask a person",
            connection=location.name,
            waits=other.run,
            until=other.until.isoformat(timespec="seconds"),
            advice="That run asks for the same already: open it in the Prefect UI, press Resume, and fill in its "
            "form; or cancel it there, and start again.",
        )
    asking.call_off(other.run, f"Run {run.record.run_id} asks about a newer version of the secret.")


def _purpose(location: Location) -> str:
    return hashlib.sha256(location.version.label.encode()).hexdigest()[:8]


def _key(run: Run, location: Location, purpose: str, number: int) -> str:
    """Name a form, by its run too: what was approved in Vault for one run is not for the next."""
    return f"{location.name}-{purpose}-{run.record.run_id[-8:]}-{number}"


def _given(run: Run, location: Location, purpose: str, kind: type[F]) -> list[Answered[F]]:
    """Return the answers of this run to its forms of one purpose, in order."""
    found: list[Answered[F]] = []
    while answer := asking.answered(_key(run, location, purpose, len(found) + 1), kind):
        found.append(answer)
    return found


def _said(answers: Sequence[Answered[F]]) -> list[Said]:
    return [_understood(answer) for answer in answers]


def _understood(answer: Answered[F]) -> Said:
    """Turn an answered form into plain words of ours; what was typed is foreign text."""
    form = answer.values
    if not isinstance(form, OperatorForm):
        return Said(Choice.UNREADABLE, "somebody", answer.at, note=_unreadable(answer))
    by = f"{_shown(form.your_name, 100)!r} {answer.where}, a name that nothing has checked"
    common = Said(CHOICES[form.outcome], by, answer.at, key=answer.key)
    if isinstance(form, ActiveDirectoryForm):
        return replace(common, passed=PASSED[form.check_settings], note=_shown(form.remark, 500))
    if isinstance(form, Microsoft365Form):
        return replace(
            common,
            passed=PASSED[form.validate_said],
            note=_shown(form.remark, 500),
            box=BOX[form.on_behalf],
            consent_status=_shown(form.consent_status, 100),
            test_user=TRIED[form.test_user],
        )
    raise TypeError(type(form).__name__)


def _unreadable(answer: Answered[F]) -> str:
    return f"The last answer could not be read ({answer.problem}). Please fill the form in again."


def _shown(text: str, most: int) -> str:
    return " ".join(printable(text).split())[:most]
