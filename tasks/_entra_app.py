"""What the tenant has under the name of the product's app, before and after the console finds or registers it."""

from __future__ import annotations

from connectors.cayosoft.models import AppRegistration
from connectors.entra import remedies
from connectors.entra.manifest import load_manifest
from connectors.entra.models import AppPresence, BinnedApp, EntraApp
from connectors.errors import OutOfStep, Refused
from connectors.models import Finding
from connectors.protocols import Systems
from report.record import current_record
from tasks.identify import Location


def look(systems: Systems, location: Location) -> AppPresence:
    """Record what is odd about the app before the console is asked for it.

    Raises Refused where the app is there and disabled, or where it would have to be registered and a resource
    that it needs is not in the tenant; the console has done nothing then.
    """
    record = current_record().here()
    manifest = load_manifest(location.in_tenant.consent.manifest)
    name, needs = manifest.app_display_name, {p.resource_app_id for p in manifest.permissions}
    seen = systems.tenant(location.in_tenant.tenant).app_presence(name, sorted(needs))
    for unread in seen.unread:
        record.leave_unchecked(f"what the tenant has of {name}: {unread}")
    if len(seen.apps) > 1:
        record.find(_several(name, seen.apps))
    record.find(*(_deleted(name, app) for app in seen.binned))
    record.find(
        *(remedies.resource_missing(r, manifest.permissions) for r in seen.missing_resources)
    )
    disabled = [app for app in seen.apps if not app.enabled]
    record.find(*(remedies.app_disabled(app) for app in disabled))
    if seen.apps and len(disabled) == len(seen.apps):
        raise _refused(
            name,
            "the app is disabled",
            [app.app_id for app in disabled],
            remedies.app_disabled(disabled[0]),
        )
    if not (seen.apps or seen.unread) and seen.missing_resources:
        missing = remedies.resource_missing(seen.missing_resources[0], manifest.permissions)
        why = "the app is not registered, and a resource that it needs is not in the tenant"
        raise _refused(name, why, seen.missing_resources, missing)
    return seen


def the_only_one(location: Location, seen: AppPresence) -> AppRegistration:
    """Return the app that a person has found or registered: the only one that the tenant has under the name.

    Raises OutOfStep where there is none, or several: nobody can tell which, then.
    """
    name = load_manifest(location.in_tenant.consent.manifest).app_display_name
    if len(seen.apps) == 1:
        return AppRegistration(seen.apps[0].app_id, name, registered_now=False)
    raise OutOfStep(
        "entra",
        "find or register the app",
        app=name,
        app_ids=" ".join(sorted(app.app_id for app in seen.apps)) or "none",
        advice="Only one enterprise application of this name can be the product's. Remove the others when their "
        "sign-in logs are empty; where there is none, press Find or register the app in the console. Then: "
        f"account-rotation update {location.service.name} --connection {location.name} --try-again",
    )


def compare(seen: AppPresence, app: AppRegistration) -> None:
    """Record where the console uses another app than those that the tenant was seen to have."""
    known = [it.app_id for it in seen.apps]
    if seen.unread or app.app_id.casefold() in {it.casefold() for it in known}:
        return
    if app.registered_now and not known:
        return
    there = f"has {' and '.join(known)}" if known else "has none"
    did = "registered" if app.registered_now else "uses"
    current_record().here().find(
        Finding(
            "consent.another-app",
            app.app_id,
            f"The console {did} the app {app.app_id}, and under the name {app.display_name!r} the tenant {there}.",
            "Make sure that the console manages this tenant (its row, and tenant_id in the inventory). If it does, "
            "Entra admin centre > Enterprise applications shows both: the one that the console names is in use; "
            "delete the other one when its sign-in log is empty.",
        )
    )


def _several(name: str, apps: tuple[EntraApp, ...]) -> Finding:
    ids = ", ".join(sorted(app.app_id for app in apps))
    return Finding(
        "consent.app-duplicate",
        name,
        f"The tenant has {len(apps)} enterprise applications of this name: {ids}.",
        "Step E5 of this report says which one the console uses. Entra admin centre > Enterprise applications: "
        "delete the others when their sign-in logs are empty; consent that was given to them is of no use.",
    )


def _deleted(name: str, app: BinnedApp) -> Finding:
    when = f" since {app.deleted_at:%Y-%m-%d %H:%M} UTC" if app.deleted_at else ""
    return Finding(
        "consent.app-deleted",
        app.app_id,
        f"The tenant has no app {name!r}, but one with the app id {app.app_id} is in the recycle bin{when}; the "
        "console registers a new one, with an id of its own and without the old one's consent.",
        "If it was deleted by mistake and is to come back: POST /directory/deletedItems/"
        f"{app.id}/restore within 30 days, and delete the new one, so that there are not two. Else nothing is due.",
    )


def _refused(name: str, why: str, ids: object, finding: Finding) -> Refused:
    return Refused(
        "entra",
        "find or register the app",
        app=name,
        why=why,
        ids=" ".join(ids) if isinstance(ids, list | tuple) else ids,
        advice=f"{finding.what_to_do()} Then start the update again; the console was not asked.",
    )
