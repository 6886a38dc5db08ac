"""E7 and R3: the consent status, computed from the tenant and compared with the console's words."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.cayosoft.models import ConnectionRow, ConsoleConsent
from connectors.entra.consent import review
from connectors.entra.history import with_history
from connectors.entra.manifest import load_manifest
from connectors.entra.models import ConsentReview, ConsentVerdict, EntraAccount
from connectors.entra.planning import plan
from connectors.entra.remediation import RemediationPlan
from connectors.errors import NotFound, OutOfStep, Refused
from connectors.models import Finding
from connectors.protocols import Systems, TenantService
from report.record import current_record
from tasks import _console, _in_person
from tasks._step import Answer, Done, step
from tasks._wait import eventually
from tasks.identify import Location

WORDS_WITHIN = 30.0
"""Seconds that the console's words may lag behind what the tenant has granted."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The verdict, and what would make it a better one; both from the same readings."""

    review: ConsentReview
    plan: RemediationPlan

    @property
    def ready(self) -> bool:
        """Say whether the product may work."""
        return self.review.ready


@step("E7")
def review_consent(
    systems: Systems, location: Location, row: ConnectionRow | None, app_id: str | None
) -> Answer[Reviewed]:
    """Compute the consent status from the tenant and compare it with the console's words.

    Without ``row`` the account is the one that the console holds, or whose turn it is in a rotation that has not
    ended. Without ``app_id`` the app is looked up by the manifest's name. Raises OutOfStep when the tenant says
    that all is granted and the console, asked again, does not.
    """
    reviewed, said = _compared(systems, location, row, app_id, with_words=True)
    if reviewed.ready:  # else R1 says what is missing
        current_record().here().find(*reviewed.review.findings)
    return Done(reviewed, said)


@step("R3")
def review_again(
    systems: Systems,
    location: Location,
    row: ConnectionRow | None,
    app_id: str | None,
    before: Reviewed,
) -> Answer[Reviewed]:
    """Review the consent status once more, after what was missing was granted; raises as E7 does.

    What was found before and is so no longer is no finding of this run any more.
    """
    record = current_record().here()
    # What a person has reported of the console was before the grants.
    reviewed, said = _compared(systems, location, row, app_id, with_words=not location.in_person)
    record.withdraw(*before.review.findings)
    record.find(*reviewed.review.findings)
    record.plan = reviewed.plan
    return Done(reviewed, said)


def _compared(
    systems: Systems,
    location: Location,
    row: ConnectionRow | None,
    app_id: str | None,
    *,
    with_words: bool,
) -> tuple[Reviewed, str]:
    record = current_record().here()
    row = row or _console.row_of(systems, location)
    rotation = location.ledger.rotation
    upn = rotation.account if rotation else row.account
    tenant = systems.tenant(location.in_tenant.tenant)
    account = tenant.account(upn)
    manifest = load_manifest(location.in_tenant.consent.manifest)
    app_id = app_id or _app_by_name(tenant, manifest.app_display_name)
    facts = tenant.consent_facts(app_id, account.id, manifest)
    reviewed = review(manifest, facts, account)
    sharing: tuple[EntraAccount, ...] = ()
    if facts.app and any(grant.for_everybody for grant in facts.delegated):
        # Others may live on a grant for everybody, and somebody has given it.
        sharing = tenant.connection_accounts()
        history = tenant.consent_history(facts.app)
        reviewed = with_history(reviewed, history)
        for unread in history.unread:
            record.leave_unchecked(f"consent: {unread}")
    record.consent = reviewed
    for unread in facts.unread:
        record.leave_unchecked(f"consent: {unread}")
    said = f"{reviewed.verdict.value} for {upn}"
    if with_words and row.account.casefold() == upn.casefold():
        said = f"{said}; {_beside_the_console(systems, location, row, reviewed)}"
    return Reviewed(reviewed, plan(manifest, facts, account, sharing=sharing)), said


def _beside_the_console(
    systems: Systems, location: Location, row: ConnectionRow, reviewed: ConsentReview
) -> str:
    """Compare the verdict with the console's own words, which may lag behind for a while."""
    words = eventually(
        lambda: _console_words(systems, location, row),
        lambda seen: (
            not reviewed.ready
            or location.in_person  # what was reported does not change
            or current_record().dry_run
            or _agree(seen, reviewed)
        ),
        WORDS_WITHIN,
    )
    if words is not None and not _agree(words, reviewed):
        _out_of_step(location, words, reviewed)
    return f"the console shows {words.status!r}" if words else "the console's words were not read"


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
    if reviewed.ready and not record.dry_run and not location.in_person:
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
    if location.in_person and not _words_were_told(systems, location):
        current_record().here().leave_unchecked(
            "the console's own consent status: only a person can look"
        )
        return None
    try:
        return systems.console(location.service.name).consent(row)
    except Refused as refused:
        current_record().here().leave_unchecked(f"the console's own consent status: {refused}")
    return None


def _words_were_told(systems: Systems, location: Location) -> bool:
    report = _in_person.reported(systems, location)
    return report is not None and report.consent_status != ""


def _says_fully_granted(words: ConsoleConsent) -> bool:
    return words.status.casefold() == "fully granted" and not words.red_banner
