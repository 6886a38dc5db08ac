"""What explains a refused operation in Entra ID: the account, its sign-in, the app, a permission, or a role."""

from __future__ import annotations

import re
from collections.abc import Iterator

from connectors.cayosoft.models import Operation
from connectors.entra import codes, remedies
from connectors.entra.consent import review as reviewed
from connectors.entra.manifest import load_manifest
from connectors.entra.models import (
    ConsentReview,
    ConsentVerdict,
    EntraAccount,
    GrantedHow,
    PermissionKind,
    ProbeVerdict,
)
from connectors.entra.policies import policy_findings
from connectors.entra.roles import missing_roles
from connectors.errors import RotationError
from connectors.models import Finding
from connectors.protocols import Systems, TenantService
from report.record import current_record
from tasks.identify import Location

_ANY_OF = ("User.ReadWrite.All", "Directory.ReadWrite.All", "Directory.AccessAsUser.All")
_ENOUGH = {
    Operation.ENTRA_CREATE_USER.value: _ANY_OF,
    Operation.ENTRA_MODIFY_USER.value: _ANY_OF,
    Operation.ENTRA_DELETE_USER.value: (*_ANY_OF, "User.DeleteRestore.All"),
}
"""Graph delegated permissions of which one suffices (Microsoft's permission map)."""

_ROLES = ("User Administrator",)
"""Directory roles that the operations need, of the signed-in account itself; or Global Administrator."""

_FOR_THE_ACCOUNT = {GrantedHow.CONNECTION_ACCOUNT, GrantedHow.ORGANIZATION}
_APP_DISABLED, _NO_CONSENT, _ACCOUNT_DISABLED = 7000112, 65001, 50057


def explain(
    systems: Systems, location: Location, failed: RotationError, review: ConsentReview | None
) -> tuple[Finding, ...]:
    """Return what explains the refusal, read anew from the tenant; nothing where nothing does.

    A code of Microsoft's sign-in service says how far the product came: what it was stopped by is named, and
    what comes after it is not accused.
    """
    tenant = systems.tenant(location.in_tenant.tenant)
    account = tenant.account(systems.vault.credential(location.secret).username)
    now = _review_again(tenant, location, account, review)
    code = _sign_in_code(failed)
    if not account.enabled or code == _ACCOUNT_DISABLED:
        return (_account_disabled(account),)
    if now and now.app and (not now.app.enabled or code == _APP_DISABLED):
        return (remedies.app_disabled(now.app),)
    if code == _NO_CONSENT:
        return tuple(_grants(now, failed.operation))
    if code:
        return (_stopped(account, code), *_policies(tenant, account, code))
    found = (*_grants(now, failed.operation), *_roles(tenant, account))
    return found or _policies(tenant, account, None)


def _sign_in_code(failed: RotationError) -> int | None:
    """Return the AADSTS number that the product was refused with."""
    told = re.fullmatch(r"AADSTS(\d{4,8})", failed.identifiers.get("code", ""))
    return int(told[1]) if told else None


def _review_again(
    tenant: TenantService, location: Location, account: EntraAccount, before: ConsentReview | None
) -> ConsentReview | None:
    """Read the grants once more: since E7 somebody may have taken one away. An incomplete reading is said."""
    manifest = load_manifest(location.in_tenant.consent.manifest)
    apps = [before.app] if before and before.app else tenant.find_apps(manifest.app_display_name)
    if len(apps) != 1:
        return before
    facts = tenant.consent_facts(apps[0].app_id, account.id, manifest)
    for unread in facts.unread:
        current_record().here().leave_unchecked(f"consent, for the refused operation: {unread}")
    return reviewed(manifest, facts, account)


def _grants(review: ConsentReview | None, operation: str) -> Iterator[Finding]:
    enough = _ENOUGH.get(operation)
    if enough is None or review is None or review.verdict is ConsentVerdict.INDETERMINATE:
        return
    if review.app is None:
        yield from review.findings
        return
    held = {
        line.permission.value: {*line.granted}
        for line in review.lines
        if line.permission.kind is PermissionKind.DELEGATED and line.permission.value in enough
    }
    yield from (f for f in review.findings if _broken(f, enough))
    if any(how & _FOR_THE_ACCOUNT for how in held.values()):
        return
    elsewhere = sorted(name for name, how in held.items() if GrantedHow.ANOTHER_USER in how)
    only = f" ({', '.join(elsewhere)} is granted for another user only)" if elsewhere else ""
    yield Finding(
        "consent.permission-missing",
        enough[0],
        f"The product's app {review.app.display_name} lacks the delegated permission {enough[0]} for the "
        f"connection account{only}, which {operation} needs.",
        f"Grant {enough[0]} for the connection account, then start the update again.",
    )


def _broken(finding: Finding, enough: tuple[str, ...]) -> bool:
    """Say whether what is granted cannot work: its resource is not there, or does not offer it any more."""
    if finding.code == "consent.permission-stale":
        return finding.subject in enough
    return finding.code == "consent.resource-missing"


def _roles(tenant: TenantService, account: EntraAccount) -> tuple[Finding, ...]:
    return missing_roles(_ROLES, tenant.role_facts(account.id).holdings, account.upn)


def _policies(
    tenant: TenantService, account: EntraAccount, code: int | None
) -> tuple[Finding, ...]:
    """Return the policies that reach the account, where the sign-in was stopped by one or by nothing known."""
    verdict = codes.classify([code] if code else [])
    if code and verdict not in (
        ProbeVerdict.VALID_MFA_REQUIRED,
        ProbeVerdict.VALID_BLOCKED_BY_POLICY,
        ProbeVerdict.TENANT_CONFIG,
    ):
        return ()
    seen = tenant.sign_in_policies(account.id, tenant.role_facts(account.id))
    for unread in seen.unread:
        current_record().here().leave_unchecked(f"sign-in policies: {unread}")
    return policy_findings(seen, account.upn)


def _stopped(account: EntraAccount, code: int) -> Finding:
    return Finding(
        "entra.product-sign-in-stopped",
        account.upn,
        f"The product did not come so far as to need a permission: its own sign-in as {account.upn} ended "
        f"with AADSTS{code}, {codes.meaning([code])}.",
        codes.advice([code]),
    )


def _account_disabled(account: EntraAccount) -> Finding:
    return Finding(
        "entra.account-disabled",
        account.upn,
        f"The connection account {account.upn} is disabled, so the product cannot sign in with it.",
        f"Entra admin centre > Users > {account.upn} > Properties > Account enabled; then start the update again.",
    )
