"""A person in the loop of one extension: ask, take the answer, ask again where something speaks against it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from connectors.cayosoft.operator import OperatorReport
from connectors.models import Extension
from flows import _asked
from flows._form import (
    BOX,
    CHOICES,
    PASSED,
    TRIED,
    ActiveDirectoryForm,
    Microsoft365Form,
    OperatorForm,
)
from flows._run import Run
from flows.asking import Answered, Form
from report import guide as texts
from report.text import one_line
from tasks import guide
from tasks._weighing import Choice, Said
from tasks.approvals import how_to_approve
from tasks.guide import Ask
from tasks.identify import Location

F = TypeVar("F", bound=OperatorForm)
ANSWERS = tuple(choice.value for choice in (Choice.SAVED, Choice.HAND_OVER, Choice.DECLINED))
FORMS: dict[Extension, type[OperatorForm]] = {
    Extension.ACTIVE_DIRECTORY: ActiveDirectoryForm,
    Extension.MICROSOFT_365: Microsoft365Form,
}


def through(run: Run, location: Location, *, dry_run: bool) -> bool:
    """Have a person carry a section out; return whether its steps can be taken from what was reported."""
    kind, purpose = FORMS[location.extension], _purpose(location)
    while True:
        answers = _asked.given(run, location, purpose, kind)
        if not answers and not dry_run:
            _asked.leave_to_the_first(run, location)
        said = _said(answers)
        if location.extension is Extension.ACTIVE_DIRECTORY:
            found = guide.through_active_directory(  # A0
                run.systems, location, said, run.approvals, dry_run=dry_run
            )
        else:
            found = guide.through_microsoft_365(  # E0
                run.systems, location, said, run.approvals, dry_run=dry_run
            )
        if not isinstance(found, Ask):
            return isinstance(found, OperatorReport)
        key = _asked.key_of(run, location, purpose, len(answers) + 1)
        _asked.ask(run, location, _form(run, location, found, key), found.signed_in)


def _form(run: Run, location: Location, due: Ask, key: str) -> Form[OperatorForm]:
    hours = location.service.console.answer_hours
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
        approval=how_to_approve(run.approvals, key, ANSWERS) if run.approvals else "",
    )
    page = f"{location.name}-guide"
    kind = FORMS[location.extension]
    return Form(key, kind, texts.guide(told), hours, texts.summary(told), page)


def _purpose(location: Location) -> str:
    return hashlib.sha256(location.version.label.encode()).hexdigest()[:8]


def _said(answers: Sequence[Answered[F]]) -> list[Said]:
    return [_understood(answer) for answer in answers]


def _understood(answer: Answered[F]) -> Said:
    """Turn an answered form into plain words of ours; what was typed is foreign text."""
    form = answer.values
    if form is None:
        return Said(Choice.UNREADABLE, "somebody", answer.at, note=answer.unreadable)
    common = Said(CHOICES[form.outcome], answer.by(form.your_name), answer.at, key=answer.key)
    if isinstance(form, ActiveDirectoryForm):
        return replace(common, passed=PASSED[form.check_settings], note=one_line(form.remark, 500))
    if isinstance(form, Microsoft365Form):
        return replace(
            common,
            passed=PASSED[form.validate_said],
            note=one_line(form.remark, 500),
            box=BOX[form.on_behalf],
            consent_status=one_line(form.consent_status, 100),
            test_user=TRIED[form.test_user],
        )
    raise TypeError(type(form).__name__)
