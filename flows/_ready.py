"""Before a password changes in place: wait until a person is at the console."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.errors import NeedsPerson
from flows import _asked
from flows._form import Readiness
from flows._run import Run
from flows.asking import Answered, Form
from report import guide as texts
from report.text import one_line
from tasks.approvals import approver, how_to_approve, missing_approval
from tasks.identify import Location

READY = ("ready",)


def at_the_console(run: Run, location: Location) -> None:
    """Wait until a person is at the console: a password that changes in place stops the product until it is entered.

    Raises NeedsPerson when it was put off; nothing has been changed then.
    """
    purpose = f"ready-{location.ledger.under_way.id}"
    while True:
        answers = _asked.given(run, location, purpose, Readiness)
        notes = _not_ready(run, answers)
        if answers and not notes:
            break
        _asked.leave_to_the_first(run, location)
        key = _asked.key_of(run, location, purpose, len(answers) + 1)
        hours = location.service.console.answer_hours
        account = location.ledger.under_way.account
        how = how_to_approve(run.approvals, key, READY) if run.approvals else ""
        text = texts.ready(location.name, account, hours, notes=notes, approval=how)
        _asked.ask(run, location, Form(key, Readiness, text, hours))
    last = answers[-1].values
    if last is not None and last.ready == "Not now":
        remark = one_line(last.remark, 500)
        raise NeedsPerson(
            "cayosoft",
            "change the password in place",
            row=location.row,
            put_off=f"by {one_line(last.your_name, 100)!r}{f' ({remark})' if remark else ''}",
            advice="Nothing was changed. When somebody is at the console: account-rotation rotate "
            f"{location.name}, or the deployment of that name.",
        )


def _not_ready(run: Run, answers: Sequence[Answered[Readiness]]) -> list[str]:
    """Return why the last answer does not count; nothing where it does, or there is none."""
    if not answers:
        return []
    last = answers[-1]
    if last.values is None:
        return [last.unreadable]
    place = run.approvals
    if place is None or last.values.ready == "Not now":
        return []
    if approver(run.systems, place, last.key, READY[0]) is None:
        return [missing_approval(place, last.key, READY[0])]
    return []
