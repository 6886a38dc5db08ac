"""E5 and E6: the app and its permission request (article: steps for the Microsoft 365 extension, from step 5 on)."""

from __future__ import annotations

from connectors.cayosoft.models import (
    AppRegistration,
    ConnectionRow,
    ConsoleConsent,
    PermissionRequest,
)
from connectors.errors import Unknown, Unreachable
from connectors.protocols import ConsoleDriver, Systems
from tasks import _console, _entra_app, _in_person
from tasks._step import AlreadySo, Answer, Done, step
from tasks._wait import eventually, observe
from tasks.identify import Location

COLLECTING_WITHIN = 300.0
"""Seconds that the console may take to collect the tenant's data after a consent."""


@step("E5")
def find_or_register_app(
    systems: Systems, location: Location, row: ConnectionRow
) -> Answer[AppRegistration]:
    """Find the product's Entra app, or register it, signing in with the same account.

    The console searches before it registers, so the repeat after a lost answer finds the app. What the
    tenant has under its name is looked at first: several, a deleted one and another one are findings. Raises
    Refused where the app is disabled, or cannot be registered, before the console is asked.
    """
    present = _entra_app.look(systems, location)
    console = systems.console(location.service.name)
    if report := _in_person.reported(systems, location):
        app = _entra_app.the_only_one(location, present)
        said = f"found or registered by {report.by}; the tenant has it as {app.app_id}"
        return Done(app, said)
    location.ledger.require()
    key = _console.run_key(location, "app")
    try:
        app = console.find_or_register_app(row, key)
    except Unknown as unknown:
        lost = unknown.sealed()
    else:
        how = "registered" if app.registered_now else "found"
        _entra_app.compare(present, app)
        return Done(app, f"{how} {app.display_name!r}, app id {app.app_id}")
    app = observe(lambda: console.find_or_register_app(row, key), lost)
    how = "the answer was lost, searched again and found"
    _entra_app.compare(present, app)
    return Done(app, f"{how} {app.display_name!r}, app id {app.app_id}")


@step("E6")
def accept_permission_request(
    systems: Systems, location: Location, row: ConnectionRow
) -> Answer[ConsoleConsent]:
    """Accept the permission request, never on behalf of the organization; wait for the tenant's data.

    Raises Unreachable when the console is still collecting after five minutes.
    """
    console = systems.console(location.service.name)
    if report := _in_person.reported(systems, location):
        return _in_person.permissions_accepted(console.consent(row), location, report)
    request = console.permission_request(row)
    if not request.already_granted:
        _accept(console, location, row, request)
    shown = eventually(lambda: console.consent(row), lambda c: not c.collecting, COLLECTING_WITHIN)
    if shown.collecting:
        raise Unreachable(
            "cayosoft",
            "collect the tenant's data",
            row=location.row,
            waited=f"{COLLECTING_WITHIN:g} s",
            advice="The console is still collecting. Look at it, then start the update again.",
        )
    if request.already_granted:
        return AlreadySo(shown, f"nothing was asked for; the console shows {shown.status!r}")
    evidence = (
        f"accepted the request for {len(request.permissions)} permissions, for this account only "
        f"('Consent on behalf of your organization' left unticked); "
        f"the console shows {shown.status!r}"
    )
    return Done(shown, evidence)


def _accept(
    console: ConsoleDriver, location: Location, row: ConnectionRow, request: PermissionRequest
) -> None:
    """Accept the request; after a lost answer, ask what is still to be granted before anything else."""
    lost: Unknown | None = None
    for _ in range(2):
        location.ledger.require()
        try:
            console.accept_permissions(
                request,
                on_behalf_of_organization=False,
                idempotency_key=_console.run_key(location, "consent", request.id),
            )
        except Unknown as unknown:
            lost = unknown.sealed()
        else:
            return
        request = observe(lambda: console.permission_request(row), lost)
        if request.already_granted:
            return
    if lost:
        raise lost
