"""One operation of the validation on its road, and the proof that it happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from connectors.cayosoft.models import Operation
from connectors.errors import Conflict, NotPermitted, OutOfStep, RotationError, Superseded, Unknown
from connectors.models import Extension
from connectors.protocols import Systems
from inventory.models import Validation
from tasks import _console
from tasks._bounds import require_within_bounds
from tasks._directly import directly
from tasks._names import Road, name_of
from tasks._wait import eventually, observe
from tasks.identify import Location

T = TypeVar("T")

SEEN_WITHIN = 60.0
"""Seconds that a directory may take to show what was done."""

LOST_WITHIN = 5.0
"""Seconds to look whether an operation happened whose answer was lost."""

_ROADS = {
    Validation.PRODUCT: (Road.PRODUCT,),
    Validation.ACCOUNT: (Road.ACCOUNT,),
    Validation.BOTH: (Road.PRODUCT, Road.ACCOUNT),
}


def roads_of(location: Location) -> tuple[Road, ...]:
    """Return who carries out the operations, as the inventory says; in a tenant always the product."""
    if location.extension is Extension.ACTIVE_DIRECTORY:
        return (Road.ACCOUNT,) if location.in_person else _ROADS[location.in_directory.validation]
    return (Road.PRODUCT,)


def prove(
    systems: Systems,
    location: Location,
    operation: Operation,
    arguments: Mapping[str, str],
    *,
    look: Callable[[], T],
    wanted: Callable[[T], bool],
    exists: Callable[[], bool] = lambda: True,
    road: Road = Road.PRODUCT,
) -> T:
    """Have it done on a road, and look with another identity until it is seen; return what was seen.

    ``exists`` says whether the test user is still there at all: another run of the same connection removes it.

    Raises InvalidInput before anything is sent for anything but a test user, NotPermitted when it was
    refused, OutOfStep when it is not seen in the directory, Superseded when the test user is gone.
    """
    require_within_bounds(location, arguments)
    refused: NotPermitted | None = None
    carry_out = {Road.PRODUCT: _through_the_product, Road.ACCOUNT: _as_the_account}[road]
    try:
        carry_out(systems, location, operation, arguments, lambda: wanted(look()))
    except NotPermitted as error:
        refused = error.sealed()
    else:
        seen = eventually(look, wanted, SEEN_WITHIN)
        if wanted(seen):
            return seen
    if not eventually(exists, bool, LOST_WITHIN):
        raise _overtaken(location, operation, road)
    if refused:
        raise refused
    raise OutOfStep(
        "cayosoft" if road is Road.PRODUCT else "active directory",
        operation.value,
        row=location.row,
        waited=f"{SEEN_WITHIN:g} s",
        advice=f"{road.value.capitalize()} reports success, but the directory does not show it. Compare the "
        "domain or tenant that the console manages with the inventory.",
    )


def _overtaken(location: Location, operation: Operation, road: Road) -> Superseded:
    return Superseded(
        "cayosoft",
        operation.value,
        row=location.row,
        test_user=name_of(location, road),
        advice="This run's test user is gone: another run of the same connection began and "
        "removed it. Look at that run.",
    )


def _through_the_product(
    systems: Systems,
    location: Location,
    operation: Operation,
    arguments: Mapping[str, str],
    happened: Callable[[], bool],
) -> None:
    """Run one operation through the product; after a lost answer, look before asking again.

    The second request carries the same key, so a bridge that has done it does not do it twice.
    """
    console = systems.console(location.service.name)
    key = _console.run_key(location, operation.value)

    def run() -> None:
        result = console.run_operation(location.extension, location.row, operation, arguments, key)
        if not result.ok:
            raise NotPermitted(
                "cayosoft",
                operation.value,
                row=location.row,
                code=result.error_code,
                advice="The product could not do this with the credential it holds. Step V8 names "
                "the permission where it can be told; see the findings.",
            )

    _at_most_twice(location, run, happened)


def _as_the_account(
    systems: Systems,
    location: Location,
    operation: Operation,
    arguments: Mapping[str, str],
    happened: Callable[[], bool],
) -> None:
    """Carry out one operation as the connection account; after a lost answer, look before the second try."""

    def act() -> None:
        try:
            directly(systems, location, operation, arguments)
        except Conflict:
            # It is there: a first try whose answer was lost has made it. Whether it is, is looked at next.
            return
        except NotPermitted as error:
            refused = error.sealed()
        else:
            return
        facts = {**refused.identifiers, "as": Road.ACCOUNT.value}
        raise NotPermitted(
            refused.system,
            operation.value,
            advice="The directory refuses this to the connection account itself. Step V8 names the "
            "permission where it can be told; see the findings.",
            **facts,
        )

    _at_most_twice(location, act, happened)


def _at_most_twice(
    location: Location, act: Callable[[], None], happened: Callable[[], bool]
) -> None:
    location.ledger.require()
    lost: list[RotationError] = []
    while len(lost) < 2:
        try:
            act()
        except Unknown as unknown:
            error = unknown.sealed()
        else:
            return
        lost.append(error)
        if observe(lambda: eventually(happened, bool, LOST_WITHIN), error):
            return
    raise lost[-1]
