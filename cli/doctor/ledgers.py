"""The ledgers: what was cut off, what waits for a person, and what has not been verified lately."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from cli.doctor.configuration import Configured
from cli.doctor.model import Check, NotLooked, Plan, Wrong, check
from cli.doctor.site import Site
from cli.doctor.vault_content import Vault
from connectors.errors import NotFound, OutOfStep, RotationError
from connectors.ledger import Ledger
from report.verdict import OUTCOMES

SOON = timedelta(minutes=30)
"""By then reconcile has gone on with what was cut off."""
LONG = timedelta(hours=6)
"""No run takes that long; asked only where Prefect cannot tell about the run."""
VERIFIED_WITHIN = timedelta(hours=26)
GOOD = frozenset(outcome.name for outcome in OUTCOMES if outcome.succeeded)
_FINAL = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})


@check(
    "ledger.readable",
    "each ledger can be read by this version",
    fault="A ledger cannot be read.",
    fix="account-rotation ledger SUBJECT",
)
def readable(site: Site, connection: str) -> str:
    """One that is not there yet is fine: no run has ended."""
    place = site.known.ledgers
    path = f"{place.mount}/data/{place.path}/{connection}/ledger"
    if path in site.denied:
        raise NotLooked(f"the policy does not give {path} (vault.capabilities)")
    strange: OutOfStep | None = None
    try:
        found = site.ledgers.read(connection)
    except OutOfStep as error:
        strange = error
    else:
        site.once("ledger", connection, lambda: found)
        return f"version {found.fence}" if found.fence else "no run has ended yet"
    why = strange.identifiers.get("why", "it is not understood")
    raise Wrong(
        f"The ledger of {connection} is not one that this version understands: {why}.",
        strange.what_to_do(),
    )


def _ledger(site: Site, connection: str) -> Ledger:
    return site.once("ledger", connection, _nothing)


def _nothing() -> Ledger:
    raise NotLooked("the ledger was not read")


@check(
    "ledger.person",
    "no connection waits for a person",
    fault="A ledger cannot be looked at.",
    fix="account-rotation ledger SUBJECT",
)
def person(site: Site, connection: str) -> str:
    """Scheduled runs leave such a one alone."""
    trouble = _ledger(site, connection).trouble
    if trouble and trouble.needs_person:
        raise Wrong(
            f"{connection} needs a person: {trouble.reason} ({trouble.cycles} failed runs since {trouble.since:%Y-%m-%d %H:%M} UTC).",
            f"{trouble.what_to_do} Then: account-rotation rotate {connection} --finish",
        )
    if trouble:
        return f"{trouble.cycles} failed runs, tried again after {trouble.not_before:%Y-%m-%d %H:%M} UTC"
    return "no trouble"


@check(
    "ledger.cut-off",
    "nothing that was cut off has been left lying",
    fault="A ledger cannot be looked at.",
    fix="account-rotation ledger SUBJECT",
)
def cut_off(site: Site, service: str, connection: str) -> str:
    """An unfinished rotation or update whose run is over, and that nobody has gone on with."""
    ledger = _ledger(site, connection)
    now = datetime.now(UTC)
    holder, rotation = ledger.holder, ledger.rotation
    if holder and _goes_on(site, holder.run, now - holder.since):
        return f"worked on by {holder.run}"
    if rotation and not ledger.trouble and now - rotation.begun > SOON:
        raise Wrong(
            f"A rotation of {connection} was cut off after {rotation.phase}, begun {rotation.begun:%Y-%m-%d %H:%M} UTC, and no run "
            "goes on with it.",
            f"account-rotation rotate {connection} --finish (and look why reconcile does not: prefect.schedules)",
        )
    if holder and not rotation and now - holder.since > SOON:
        raise Wrong(
            f"An update of {connection} was cut off: its run {holder.run}, of {holder.since:%Y-%m-%d %H:%M} UTC, is over and has "
            "not let go.",
            f"account-rotation update {service} --connection {connection}",
        )
    return "nothing unfinished" if not rotation else f"rotation {rotation.id}, to be gone on with"


def _goes_on(site: Site, run: str, age: timedelta) -> bool:
    """Say whether a run is still at work; by its age where Prefect cannot tell."""
    if site.prefect_address is not None:
        try:
            found, _ = site.prefect.get("read flow run", f"flow_runs/{run}")
        except NotFound:
            return False
        except RotationError:
            pass
        else:
            return str(found.get("state_type")) not in _FINAL
    return age < LONG


@check(
    "ledger.last-run",
    "the last run of each connection ended well",
    fault="A ledger cannot be looked at.",
    fix="account-rotation ledger SUBJECT",
    warns=True,
)
def last_run(site: Site, connection: str) -> str:
    """The report of the run says what to do."""
    ledger = _ledger(site, connection)
    if ledger.outcome and ledger.outcome not in GOOD:
        findings = f" ({', '.join(ledger.findings)})" if ledger.findings else ""
        raise Wrong(
            f"The last run of {connection} ended as {ledger.outcome}{findings}.",
            f"Read its report (artifact {connection} in the Prefect UI), and: account-rotation ledger {connection}",
        )
    return ledger.outcome or "no run has ended yet"


@check(
    "ledger.verified",
    f"each connection in use was verified within {VERIFIED_WITHIN.total_seconds() / 3600:.0f} hours",
    fault="A ledger cannot be looked at.",
    fix="prefect deployment run verify_connections/verify --watch",
    warns=True,
)
def verified(site: Site, connection: str) -> str:
    """The daily verification is missing, or fails."""
    ledger = _ledger(site, connection)
    if ledger.applied is None:
        return "not in use yet"
    if ledger.outcome and ledger.outcome not in GOOD:
        return "its last run did not end well (ledger.last-run)"
    age = datetime.now(UTC) - ledger.verified_at if ledger.verified_at else None
    if age is None or age > VERIFIED_WITHIN:
        since = f"for {age.days * 24 + age.seconds // 3600} hours" if age else "since it is in use"
        raise Wrong(
            f"{connection} has not been verified {since}.",
            "prefect deployment run verify_connections/verify --watch; it runs daily, so look at its schedule too",
        )
    return f"{ledger.verified_at:%Y-%m-%d %H:%M} UTC"


@check(
    "ledger.retirement",
    "no account that is to be retired is overdue",
    fault="A ledger cannot be looked at.",
    fix="account-rotation rotate SUBJECT --finish",
    warns=True,
)
def retirement(site: Site, connection: str) -> str:
    """Its old password still works until then."""
    retire = _ledger(site, connection).retire
    if retire and datetime.now(UTC) - retire.due > timedelta(days=1):
        raise Wrong(
            f"The account {retire.account} of {connection} was to be retired on {retire.due:%Y-%m-%d}, and its old password still works.",
            f"account-rotation rotate {connection} --finish",
        )
    return f"{retire.account} on {retire.due:%Y-%m-%d}" if retire else "none"


def add(
    plan: Plan, site: Site, configured: Configured, vault: Vault, prefect: Check | None
) -> None:
    """Add the ledger of every connection."""
    if site.inventory is None:
        plan.add(readable.on("", [configured.inventory])(""))
        return
    permitted = [item for item in plan.checks if item.kind.id == "vault.capabilities"]
    for service in site.inventory.services:
        for item in service.connections:
            after = [*permitted, prefect]
            read = plan.add(readable.on(item.name, [vault.signed_in], after)(item.name))
            alone = plan.add(person.on(item.name, [read])(item.name))
            plan.add(cut_off.on(item.name, [alone])(service.name, item.name))
            for kind in (last_run, verified, retirement):
                plan.add(kind.on(item.name, [alone])(item.name))
