"""Weigh what a person reports: by its own words, and by what the directory or the tenant shows beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from connectors.cayosoft.operator import Box, Tried
from connectors.ledger import Sighting
from connectors.models import Credential, Extension, Finding
from connectors.protocols import Systems
from report.record import current_record
from tasks import _test_users, _witness
from tasks.identify import Location

TESTS = {Extension.ACTIVE_DIRECTORY: "Check Settings", Extension.MICROSOFT_365: "Validate"}
"""The console's own test of a credential, by its label."""


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
    box: Box = Box.NOT_SHOWN
    consent_status: str = ""
    test_user: Tried = Tried.NOT_TRIED
    key: str = ""  # of the form


def without_password(said: Said, credential: Credential, location: Location) -> Said:
    """Take the password out of what was typed, if it is there, and say what that means: Prefect keeps answers."""
    password = credential.password.reveal()
    if not any(password in text for text in (said.note, said.by, said.consent_status)):
        return said
    current_record().here().find(
        Finding(
            "console.password-in-form",
            location.name,
            "The password was typed into the form, and is kept in Prefect's database.",
            "Rotate the account again, and delete this flow run in Prefect: its answers go with it.",
        )
    )
    return replace(said, by="somebody", note="(held the password)", consent_status="")


def unfinished(location: Location, said: Said) -> tuple[str, ...]:
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
    return tuple(doubts)


def not_confirmed(
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


def said_beside(systems: Systems, location: Location, account: str) -> str:
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
        record.find(_witness.not_seen(location, account, "since the form was shown"))
        return f"no domain controller of the inventory has seen {account} sign in since"
    said = f"{seen.where} saw {account} sign in at {seen.seen:%H:%M:%S} UTC"
    if seen.proves:
        return f"{said}, which only the new credential can"
    record.leave_unchecked(
        f"whether the console signs in with the new password: {seen.where} saw a sign-in, and Active Directory "
        f"accepts the previous password, too, until {seen.previous_until:%Y-%m-%d %H:%M} UTC"
    )
    return f"{said}, with the new password or the previous one"
