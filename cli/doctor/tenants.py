"""Entra ID: the tenant's sign-in service, our own applications, the connection accounts, and the manifests.

No password is probed: the daily verification spends those sign-ins, within the budget of the ledger.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path

from cli.doctor import tls
from cli.doctor.configuration import Configured
from cli.doctor.model import Check, Plan, Wrong, check
from cli.doctor.site import Site
from cli.doctor.tls import NO_DOOR, door_of
from cli.doctor.vault_content import Vault
from cli.doctor.words import many
from connectors.entra.manifest import load_manifest
from connectors.entra.models import EntraAccount
from connectors.entra.needs import beyond_reading, lacking
from connectors.entra.settings import CLOUDS
from connectors.errors import NotFound
from inventory.models import AppIdentity, Microsoft365Connection, RotatedBy, Tenant

SIGN_IN = tls.doors("tenant.sign-in-service", "the sign-in service of Entra ID")
GRAPH = tls.doors("tenant.graph", "Microsoft Graph")
ROLES = ("verifier", "validator", "setter", "remediator")
ENOUGH_DAYS = 30


@check(
    "tenant.known",
    "the sign-in service knows the tenant",
    fault="The sign-in service does not know the tenant.",
    fix="Compare tenant_id and cloud in the inventory with Entra admin centre > Overview.",
)
def known(site: Site, item: Tenant) -> str:
    """Read its discovery document as a stranger."""
    facts = site.tenant(item).authority()
    site.clock_of(f"the sign-in service of {item.name}", facts.clock)
    return facts.issuer


@check(
    "tenant.application",
    "each of our applications signs in",
    fault="One of our applications does not sign in.",
    fix="Compare client_id and credential with Entra admin centre > App registrations.",
)
def application(site: Site, item: Tenant, role: str) -> str:
    """Sign in with its certificate or secret; applications are never locked out."""
    held = _permissions(site, item, role)
    return f"{role}, {many(len(held), 'permission')}" if held is not None else f"{role}, signed in"


def _permissions(site: Site, item: Tenant, role: str) -> frozenset[str] | None:
    """Sign in once, and remember what the token carried."""
    return site.once(
        "permissions", f"{item.name} {role}", lambda: site.tenant(item).permissions(role)
    )


@check(
    "tenant.permissions",
    "each of our applications holds the Microsoft Graph permissions that it needs",
    fault="The permissions of one of our applications cannot be told.",
    fix="Grant them in Entra admin centre > App registrations > API permissions, with admin consent.",
)
def permissions(site: Site, item: Tenant, role: str, app: AppIdentity) -> str:
    """Look into its access token."""
    held = _permissions(site, item, role)
    if held is None:
        return "could not be told: the token is not readable"
    if missing := lacking(role, held):
        raise Wrong(
            f"The {role} of {item.name} lacks the application permission {', '.join(missing)} of Microsoft Graph.",
            f"Entra admin centre > App registrations > {app.client_id} > API permissions: add {', '.join(missing)} as "
            "application permission, then press Grant admin consent.",
        )
    return ", ".join(sorted(held))


@check(
    "tenant.too-much-power",
    "the verifier can change nothing",
    fault="The verifier has more power than it needs.",
    fix="Remove the permission in Entra admin centre > App registrations > API permissions.",
    warns=True,
)
def too_much_power(site: Site, item: Tenant) -> str:
    """It is used most often, so it is the one that only reads."""
    held = _permissions(site, item, "verifier") or frozenset()
    if beyond := beyond_reading(held):
        raise Wrong(
            f"The verifier of {item.name} only has to read, and holds {', '.join(beyond)}.",
            f"Remove it: Entra admin centre > App registrations > {item.verifier.client_id} > API permissions.",
        )
    return "it only reads"


@check(
    "tenant.certificate-days",
    f"the certificate of each of our applications lasts at least {ENOUGH_DAYS} days",
    fault="The certificate of one of our applications cannot be looked at.",
    fix="Upload a new certificate to the app registration, and write it with its key to Vault.",
    warns=True,
)
def certificate_days(site: Site, item: Tenant, role: str, app: AppIdentity) -> str:
    """Read the certificate that is in Vault."""
    ends = site.tenant(item).certificate_ends(role)
    if ends is None:
        return "a client secret, whose end only Entra knows"
    days = (ends - datetime.now(UTC)).days
    if days < ENOUGH_DAYS:
        raise Wrong(
            f"The certificate of the {role} of {item.name} ends in {many(days, 'day')}, on {ends:%Y-%m-%d}.",
            f"Upload a new one (App registrations > {app.client_id} > Certificates & secrets), then write it with its key: "
            f"vault kv put -mount={app.credential.mount} {app.credential.path} private_key=@KEY certificate=@CERT",
        )
    return f"ends on {ends:%Y-%m-%d}, in {many(days, 'day')}"


@check(
    "tenant.account",
    "each connection account is there, enabled and cloud-only",
    fault="A connection account cannot be looked at.",
    fix="Look at it in Entra admin centre > Users.",
)
def account(site: Site, item: Tenant, connection: str, upn: str) -> str:
    """Read it as the verifier."""
    found: EntraAccount | None = None
    with contextlib.suppress(NotFound):
        found = site.tenant(item).account(upn)
    if found is None:
        raise Wrong(
            f"The account {upn} of {connection} is not in the tenant {item.name}.",
            f"Correct its name under accounts of {connection} in the inventory, or create it.",
        )
    if not found.enabled:
        raise Wrong(
            f"The account {upn} of {connection} is disabled.",
            f"Enable it: Entra admin centre > Users > {upn}, or: Update-MgUser -UserId {upn} -AccountEnabled:$true",
        )
    if not found.cloud_only:
        raise Wrong(
            f"The account {upn} of {connection} is synchronised from a directory on the premises.",
            "Use an account that was created in Entra ID: a password that is set there would be overwritten.",
        )
    changed = found.password_last_changed
    return f"{upn}, password changed {changed:%Y-%m-%d}" if changed else upn


@check(
    "tenant.setter",
    "the setter may set the password of each account that the orchestrator rotates",
    fault="What the setter may do cannot be told.",
    fix="Give it the role Privileged Authentication Administrator (docs/identities.md).",
)
def setter(site: Site, item: Tenant, connection: str, upn: str) -> str:
    """Read its permission and roles as the verifier."""
    tenant = site.tenant(item)
    told = tenant.check_setter(tenant.account(upn).id)
    if told.findings:
        first = told.findings[0]
        raise Wrong(
            f"The setter of {item.name} may not set the password of {upn} ({connection}): {first.detail}",
            first.advice,
        )
    return f"{upn}" + (f"; not told: {'; '.join(told.unread)}" if told.unread else "")


@check(
    "tenant.manifest",
    "each consent manifest can be read",
    fault="A consent manifest cannot be used.",
    fix="Capture one: account-rotation consent capture --help",
)
def manifest(_site: Site, source: str) -> str:
    """Load it as a run does."""
    loaded = load_manifest(source)
    return f"{loaded.name}, {many(len(loaded.permissions), 'permission')}"


@check(
    "tenant.manifest-complete",
    "each consent manifest is the whole list of what the product needs",
    fault="A consent manifest is not complete.",
    fix="Capture one: account-rotation consent capture --help",
    warns=True,
)
def manifest_complete(_site: Site, source: str, connection: str) -> str:
    """Holding all of a part proves nothing."""
    loaded = load_manifest(source)
    if not loaded.complete:
        raise Wrong(
            f"The manifest {source} of {connection} holds a part of the product's permissions only, so no consent can be "
            "called fully granted.",
            "Capture your own from a tenant where the product works, and name the file as consent.manifest: "
            "account-rotation consent capture --help",
        )
    return "complete"


def add(plan: Plan, site: Site, configured: Configured, vault: Vault) -> None:
    """Add every tenant of the inventory."""
    if site.inventory is None:
        plan.add(SIGN_IN.reachable.on("", [configured.inventory])(NO_DOOR))
        return
    for item in site.inventory.tenants:
        apps = _add_tenant(plan, item, configured, vault)
        for service in site.inventory.services:
            for connection in service.connections:
                if (
                    isinstance(connection, Microsoft365Connection)
                    and connection.tenant == item.name
                ):
                    _add_connection(plan, item, connection, apps)
    _add_manifests(plan, site)


def _add_tenant(plan: Plan, item: Tenant, configured: Configured, vault: Vault) -> dict[str, Check]:
    cloud = CLOUDS[item.cloud.value]
    trust = configured.trust(item.ca_file)
    ca = f"tenants[{item.name}].ca_file"
    sign_in = door_of(
        item.authority or cloud.authority, item.ca_file, ca, f"tenants[{item.name}].authority"
    )
    graph = door_of(item.graph or cloud.graph, item.ca_file, ca, f"tenants[{item.name}].graph")
    trusted = SIGN_IN.add(plan, item.name, sign_in, trust)
    served = [plan.add(known.on(item.name, [trusted])(item))]
    if (graph.host, graph.port) != (sign_in.host, sign_in.port):
        served.append(GRAPH.add(plan, item.name, graph, trust))
    usable: dict[str, Check] = {}
    for role in ROLES:
        app: AppIdentity | None = getattr(item, role)
        if app is None:
            continue
        subject = f"{item.name} {role}"
        mine = vault.of(app.credential.handle)
        signed_in = plan.add(application.on(subject, [*served, mine])(item, role))
        if app.kind == "certificate":
            plan.add(certificate_days.on(subject, [signed_in])(item, role, app))
        usable[role] = plan.add(permissions.on(subject, [signed_in])(item, role, app))
    plan.add(too_much_power.on(item.name, [usable["verifier"]])(item))
    return usable


def _add_connection(
    plan: Plan, item: Tenant, connection: Microsoft365Connection, apps: dict[str, Check]
) -> None:
    for of in connection.accounts:
        subject = (
            f"{connection.name} {of.username}" if len(connection.accounts) > 1 else connection.name
        )
        there = plan.add(
            account.on(subject, [apps["verifier"]])(item, connection.name, of.username)
        )
        if connection.rotated_by is RotatedBy.ORCHESTRATOR and "setter" in apps:
            needs = [there, apps["setter"]]
            plan.add(setter.on(subject, needs)(item, connection.name, of.username))


def _add_manifests(plan: Plan, site: Site) -> None:
    sources: dict[str, str] = {}
    for service in site.known.services:
        for connection in service.connections:
            if isinstance(connection, Microsoft365Connection):
                sources.setdefault(connection.consent.manifest, connection.name)
    for source, user in sources.items():
        subject = Path(source).name
        loads = plan.add(manifest.on(subject)(source))
        plan.add(manifest_complete.on(subject, [loads])(source, user))
