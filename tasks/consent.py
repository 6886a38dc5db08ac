"""E5-E7: the app and its consent (article: steps for the Microsoft 365 extension, from step 5 on)."""

from __future__ import annotations

from connectors.cayosoft.models import (
    AppRegistration,
    ConnectionRow,
    ConsoleConsent,
    PermissionRequest,
)
from connectors.entra.consent import review
from connectors.entra.manifest import load_manifest
from connectors.entra.models import ConsentReview, ConsentVerdict, EntraAccount
from connectors.errors import NotFound, OutOfStep, Refused, Unknown, Unreachable
from connectors.models import Finding
from connectors.protocols import ConsoleDriver, Systems, TenantService
from report.record import current_record
from tasks import _console, _entra_app
from tasks._step import AlreadySo, Answer, Done, step
from tasks._wait import eventually, observe
from tasks.identify import Location

COLLECTING_WITHIN = 300.0
"""Seconds that the console may take to collect the tenant's data after a consent."""

WORDS_WITHIN = 30.0
"""Seconds that the console's words may lag behind what the tenant has granted."""


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
    location.ledger.require()
    console = systems.console(location.service.name)
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


@step("E7")
def review_consent(
    systems: Systems, location: Location, row: ConnectionRow, app_id: str | None
) -> Answer[ConsentReview]:
    """Compute the consent status from the tenant and compare it with the console's words.

    Without ``app_id`` (dry run) the app is looked up by the manifest's name. Raises OutOfStep when the
    tenant says that all is granted and the console, asked again, does not.
    """
    account = systems.tenant(location.in_tenant.tenant).account(row.account)
    return Done(*_review(systems, location, row, account, app_id))


def _review(
    systems: Systems,
    location: Location,
    row: ConnectionRow,
    account: EntraAccount,
    app_id: str | None,
) -> tuple[ConsentReview, str]:
    record = current_record().here()
    tenant = systems.tenant(location.in_tenant.tenant)
    manifest = load_manifest(location.in_tenant.consent.manifest)
    app_id = app_id or _app_by_name(tenant, manifest.app_display_name)
    facts = tenant.consent_facts(app_id, account.id, manifest)
    reviewed = review(manifest, facts, account)
    record.consent = reviewed
    for unread in facts.unread:
        record.leave_unchecked(f"consent: {unread}")
    words = eventually(
        lambda: _console_words(systems, location, row),
        lambda seen: not reviewed.ready or current_record().dry_run or _agree(seen, reviewed),
        WORDS_WITHIN,
    )
    if words is not None and not _agree(words, reviewed):
        _out_of_step(location, words, reviewed)
    shown = f"the console shows {words.status!r}" if words else "the console's words were not read"
    return reviewed, f"{reviewed.verdict.value}; {shown}"


def _app_by_name(tenant: TenantService, name: str) -> str:
    """Return the app id of the only app of this name; somebody else's app proves nothing."""
    apps = tenant.find_apps(name)
    if len(apps) == 1:
        return apps[0].app_id
    if not apps:
        raise NotFound(
            "entra",
            "find the app",
            app=name,
            advice="Run the update without --dry-run: the console registers the app in step E5.",
        )
    raise OutOfStep(
        "entra",
        "find the app",
        app=name,
        app_ids=" ".join(sorted(app.app_id for app in apps)),
        advice="Several apps of the tenant have this name. Remove those that are not the product's, "
        "or run the update without --dry-run: the console says which one it uses.",
    )


def _agree(words: ConsoleConsent | None, reviewed: ConsentReview) -> bool:
    """Say whether the console's words contradict nothing; what is not known contradicts nothing."""
    if words is None or words.collecting:
        return True
    if reviewed.verdict is ConsentVerdict.INDETERMINATE:
        return True
    return _says_fully_granted(words) == reviewed.ready


def _out_of_step(location: Location, words: ConsoleConsent, reviewed: ConsentReview) -> None:
    record = current_record()
    banner = " with a red banner" if words.red_banner else ""
    advice = (
        "Trust the table of permissions in this report, which was read from the tenant. "
        "Press Refresh in the console's consent section and compare again."
    )
    if reviewed.ready and not record.dry_run:
        raise OutOfStep(
            "cayosoft",
            "review the consent status",
            row=location.row,
            console=words.status + banner,
            tenant=reviewed.verdict.value,
            advice=f"{advice} Then start the update again.",
        )
    detail = (
        f"The console shows {words.status!r}{banner}, the tenant says {reviewed.verdict.value!r}."
    )
    record.here().find(Finding("consent.out-of-step", location.row, detail, advice))


def _console_words(
    systems: Systems, location: Location, row: ConnectionRow
) -> ConsoleConsent | None:
    """Read the console's own status; None when it cannot tell, as with an outdated credential."""
    try:
        return systems.console(location.service.name).consent(row)
    except Refused as refused:
        current_record().here().leave_unchecked(f"the console's own consent status: {refused}")
    return None


def _says_fully_granted(words: ConsoleConsent) -> bool:
    return words.status.casefold() == "fully granted" and not words.red_banner
