"""What the verbs of ``account-rotation consent`` do, at any tenant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.text import Text

from connectors.entra.capture import capture
from connectors.entra.consent import review
from connectors.entra.history import sentences, with_history
from connectors.entra.manifest import load_manifest
from connectors.entra.models import ConsentManifest, ConsentReview, EntraApp
from connectors.entra.planning import plan
from connectors.entra.remediation import TIME_BOX, ConsentSnapshot, Permit, RemediationPlan
from connectors.entra.restoring import restorable
from connectors.entra.snapshot import from_json
from connectors.errors import InvalidInput, NotFound, OutOfStep
from connectors.protocols import TenantService
from inventory.wiring import open_inventory, open_systems
from report.text import printable


@contextmanager
def open_tenant(name: str) -> Iterator[TenantService]:
    """Connect to one tenant of the inventory; raises InvalidInput for a name that is not in it."""
    with open_systems(open_inventory()) as systems:
        yield systems.tenant(name)


def capture_to(tenant: TenantService, upn: str, app_name: str, name: str, output: Path) -> None:
    """Write the manifest to a new file. Raises InvalidInput when the file exists or cannot be written."""
    account, app = tenant.account(upn), _only(tenant, app_name)
    nothing = ConsentManifest(name, app_name, frozenset())
    text = capture(tenant.consent_facts(app.app_id, account.id, nothing), name)
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        problem = _file(output, f"Give a new file in a folder that is there: {error.strerror}.")
    else:
        return
    raise problem


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at one consent came to. ``not_checked`` says what could not be read."""

    app: EntraApp
    reviewed: ConsentReview
    plan: RemediationPlan
    history: tuple[str, ...]
    not_checked: tuple[str, ...]


def look(tenant: TenantService, upn: str, manifest: str, *, withdraw_beyond: bool) -> Seen:
    """Read one account's consent, its history, and what would repair it."""
    wanted = load_manifest(manifest)
    account, app = tenant.account(upn), _only(tenant, wanted.app_display_name)
    facts = tenant.consent_facts(app.app_id, account.id, wanted)
    history = tenant.consent_history(app)
    reviewed = with_history(review(wanted, facts, account), history)
    sharing = tenant.connection_accounts()
    made = plan(wanted, facts, account, withdraw_beyond=withdraw_beyond, sharing=sharing)
    return Seen(app, reviewed, made, tuple(sentences(history)), (*facts.unread, *history.unread))


def show(seen: Seen, console: Console) -> None:
    """Print verdict, findings, plan and history."""
    app, made = seen.app, seen.plan
    _print(console, f"{app.display_name} ({app.app_id}): {seen.reviewed.verdict.value}")
    for finding in seen.reviewed.findings:
        _print(console, f"- {finding.detail}", f"  {finding.what_to_do()}")
    _print(console, "", f"A remediation {made.digest} would:" if not made.empty else "No remedy.")
    _print(console, *(f"- {line}" for line in made.lines()))
    told = seen.history or ("none to see; the log keeps a month at most.",)
    _print(console, "", "Consents in the audit log:", *(f"- {line}" for line in told))
    _print(console, *(f"Not checked: {what}" for what in seen.not_checked))


def reviewed_as_data(seen: Seen) -> dict[str, object]:
    """Return what was seen as plain data for ``--json``."""
    made = seen.plan
    return {
        "app": seen.app.display_name,
        "app_id": seen.app.app_id,
        "verdict": seen.reviewed.verdict.value,
        "ready": seen.reviewed.ready,
        "findings": [
            {
                "code": finding.code,
                "subject": finding.subject,
                "detail": finding.detail,
                "what_to_do": finding.what_to_do(),
            }
            for finding in seen.reviewed.findings
        ],
        "plan": None if made.empty else {"name": made.digest, "steps": list(made.lines())},
        "history": list(seen.history),
        "not_checked": list(seen.not_checked),
    }


def restore_from(tenant: TenantService, path: Path, console: Console, *, really: bool) -> None:
    """Show what a snapshot holds, and put it back where it is not so; raises InvalidInput for its file."""
    snapshot = _read(path)
    for grant in restorable(snapshot):
        whom = "the whole organization" if grant.for_everybody else "the account"
        _print(console, f"- {' '.join(grant.scopes)} for {whom} on {grant.resource_id}")
    if not really:
        _print(
            console, f"As of {snapshot.taken:%Y-%m-%d %H:%M} UTC. Nothing was changed; add --yes."
        )
        return
    permit = Permit(datetime.now(UTC) + TIME_BOX, lambda: None)
    changes = tenant.remediator.restore_consent(snapshot, permit)
    _print(console, *(f"done: {change}" for change in changes))
    _print(console, f"{len(changes)} put back. What was granted since then stays.")


def _only(tenant: TenantService, name: str) -> EntraApp:
    """Return the only app of this name; another one's grants would prove nothing."""
    apps = tenant.find_apps(name)
    if len(apps) == 1:
        return apps[0]
    if not apps:
        raise NotFound(
            "entra",
            "find the app",
            app=name,
            advice="Name the app as Enterprise applications shows it, or let the console register it.",
        )
    raise OutOfStep(
        "entra",
        "find the app",
        app=name,
        app_ids=" ".join(sorted(app.app_id for app in apps)),
        advice="Several apps of the tenant have this name. Remove those that are not the product's.",
    )


def _read(path: Path) -> ConsentSnapshot:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        problem = _file(path, "Give the snapshot that the remediation's report holds.")
    else:
        return from_json(text)
    raise problem


def _file(path: Path, advice: str) -> InvalidInput:
    return InvalidInput("entra", "open file", file=path, advice=advice)


def _print(console: Console, *lines: str) -> None:
    for line in lines:
        console.print(Text(printable(line)), soft_wrap=True)
