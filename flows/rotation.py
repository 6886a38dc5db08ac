"""Sections N and F around the update of one connection: with one account in place, or with two in turn."""

from __future__ import annotations

from contextlib import suppress

from connectors.errors import NotFound, OutOfStep, PolicyRefused, Refused, RotationError, Superseded
from connectors.models import Extension
from connectors.rotation import Rotation
from flows import _guided, _ready, validation
from flows._article import carry_out
from flows._run import Run
from tasks import active_directory, entra_id, new_password, preflight, promote
from tasks._restore import previous_of
from tasks.identify import Location


def rotate(run: Run, location: Location, *, overwrite: bool) -> None:
    """Make a password, set it, prove it, bring it to the console, prove that, and promote it."""
    begun = preflight.preflight(run.systems, location, overwrite=overwrite)  # N1
    if run.record.dry_run:
        return
    if begun.phase == "F1":
        _end(run, location)
        return
    staged = new_password.stage(run.systems, location, begun)  # N2
    if staged.in_person and begun.in_place and staged.ledger.under_way.setting is None:
        _ready.at_the_console(run, staged)
    try:
        staged = new_password.set_password(run.systems, staged, overwrite=overwrite)  # N3
    except PolicyRefused:
        if _nobody_needs(staged.ledger.under_way):
            with suppress(OutOfStep):  # somebody does, who was not written down
                new_password.discard(run.systems, staged)  # N2u
        raise
    new_password.sign_in(run.systems, staged, run.spread(staged))  # N4
    problem = _brought_to_the_console(run, staged)
    promote.measure_gap(staged)
    if begun.in_place or (problem is None and _consented(run)):
        _promote(run, staged)
    else:
        _go_back(run, staged, problem)
    if problem is not None:
        raise problem


def _nobody_needs(rotation: Rotation) -> bool:
    """Say whether a refused password can be thrown away: no account in use has it, or may have it."""
    return rotation.entered_at is None and not (rotation.in_place and rotation.may_be_set)


def _end(run: Run, location: Location) -> None:
    """End a rotation that was cut off after its promotion, when what is current now was proven once more."""
    problem = _brought_to_the_console(run, location)
    promote.measure_gap(location)
    _promote(run, location)
    if problem is not None:
        raise problem


def _promote(run: Run, location: Location) -> None:
    """Promote what the console holds; in place there is no way back, whatever else is wrong."""
    if location.ledger.under_way.entered_at is not None:
        promote.promote(run.systems, location)  # F1


def _consented(run: Run) -> bool:
    review = run.record.here().consent
    return review is None or review.ready


def give_up(run: Run, location: Location) -> None:
    """Give an unfinished rotation up: the console first, then what was staged; prove what is in use then."""
    rotation = location.ledger.rotation
    if rotation is None:
        raise NotFound(
            "ledger",
            "give the rotation up",
            connection=location.name,
            advice=f"There is no unfinished rotation. Look: account-rotation ledger {location.name}",
        )
    if not rotation.in_place:
        _restore(run, location)
    new_password.discard(run.systems, location)  # N2u
    problem = _brought_to_the_console(run, location)
    if problem is not None:
        raise problem


def _brought_to_the_console(run: Run, location: Location) -> RotationError | None:
    """Carry the article out with the staged credential; return what ended it, None when all was done."""
    try:
        carry_out(run, location, dry_run=False)
        review = run.record.here().consent
        validation.validate_changes(run.systems, location, review, dry_run=False)
    except RotationError as error:
        return error.sealed()
    return None


def _go_back(run: Run, location: Location, problem: RotationError | None) -> None:
    """Give the console the account in use back where a no, or an incomplete consent, came after the other.

    What may pass is not gone back on: the next run finds the console as it is, and goes on.
    """
    said_no = problem is None or isinstance(problem, Refused | OutOfStep)
    entered = location.ledger.under_way.entered_at is not None
    if said_no and entered and not isinstance(problem, Superseded):
        _restore(run, location)


def _restore(run: Run, location: Location) -> None:
    if location.in_person:
        _guided.through(run, previous_of(run.systems, location), dry_run=False)
    if location.extension is Extension.ACTIVE_DIRECTORY:
        active_directory.restore_previous(run.systems, location)  # A5u
    else:
        entra_id.restore_previous(run.systems, location)  # E4u
