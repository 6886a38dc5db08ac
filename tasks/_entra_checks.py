"""What is checked of the Entra account before its password is entered: roles, and one sign-in."""

from __future__ import annotations

from connectors.entra.models import EntraAccount, PasswordProbe, ProbeVerdict
from connectors.entra.roles import ELIGIBLE, missing_roles
from connectors.errors import InvalidInput, SignInReason, SignInRefused, Unreachable
from connectors.models import Finding
from connectors.protocols import Systems
from report.record import current_record
from tasks.identify import Location

GLOBAL_ADMINISTRATOR = "Global Administrator"
_REASONS = {
    ProbeVerdict.INVALID: SignInReason.WRONG_PASSWORD,
    ProbeVerdict.LOCKED: SignInReason.LOCKED,
    ProbeVerdict.DISABLED: SignInReason.DISABLED,
    ProbeVerdict.USER_NOT_FOUND: SignInReason.NOT_FOUND,
}

_EXCLUDE = (
    "Exclude the account from Conditional Access and multi-factor authentication, as the vendor asks; "
    "the product cannot sign in unattended otherwise."
)
_COMPLETE = {
    ProbeVerdict.VALID_EXPIRED: (
        "Set a new password that does not expire (PATCH /users/<id> with passwordPolicies "
        "DisablePasswordExpiration), put it in Vault, then start the update again."
    ),
    ProbeVerdict.VALID_NEEDS_CONSENT: (
        "The account is fine: consent to the probe app (probe_client_id in the inventory) for User.Read, "
        "so that the next sign-in can be proven."
    ),
}


def roles(systems: Systems, location: Location, account: EntraAccount) -> str:
    """Record a finding for every required role that is not active; return the active ones' names.

    Global Administrator stands for every required role: the vendor asks for it, or for less.
    """
    record = current_record().here()
    facts = systems.tenant(location.in_tenant.tenant).role_facts(account.id)
    for unread in facts.unread:
        record.leave_unchecked(f"roles of {account.upn}: {unread}")
    if missing_roles([GLOBAL_ADMINISTRATOR], facts.holdings, account.upn):
        required = location.in_tenant.required_roles
        record.find(*missing_roles(required, facts.holdings, account.upn))
    if not account.cloud_only:
        record.find(
            Finding(
                "entra.not-cloud-only",
                account.upn,
                "The connection account is synchronised from Active Directory.",
                "The vendor asks for a cloud-only account: create one and enter it instead.",
            )
        )
    active = {item.name for item in facts.holdings if item.how != ELIGIBLE}
    return ", ".join(sorted(active)) or "none"


def password(systems: Systems, location: Location) -> tuple[ProbeVerdict, str]:
    """Sign in once; return the verdict and what it proved, in words.

    Raises SignInRefused (rejected, locked, disabled, not found), Unreachable (no answer worth believing)
    or InvalidInput (the probe app or tenant is misconfigured).
    """
    probe = systems.tenant(location.in_tenant.tenant).probe_password(location.secret)
    record = current_record().here()
    codes = ", ".join(f"AADSTS{code}" for code in probe.codes)
    if probe.verdict is ProbeVerdict.VALID:
        return probe.verdict, f"signs in (correlation id {probe.correlation_id})"
    if probe.verdict.password_accepted:
        record.find(
            Finding(
                "entra.sign-in-not-complete",
                probe.account,
                f"The password is very likely right, but the sign-in ended with {codes}: "
                f"{probe.verdict.value}.",
                _COMPLETE.get(probe.verdict, _EXCLUDE),
            )
        )
        return probe.verdict, f"{probe.verdict.value} ({codes})"
    if probe.verdict is ProbeVerdict.UNKNOWN:
        record.leave_unchecked(
            f"the password of {probe.account}: Entra answered {codes}, whose meaning is not known; "
            "the console's Validate decides"
        )
        return probe.verdict, f"not proven ({codes})"
    raise _refusal(probe, location, codes)


def _refusal(
    probe: PasswordProbe, location: Location, codes: str
) -> SignInRefused | Unreachable | InvalidInput:
    again = f"account-rotation update {location.service.name} --connection {location.name}"
    facts = {
        "account": probe.account,
        "codes": codes or None,
        "correlation_id": probe.correlation_id,
    }
    reason = _REASONS.get(probe.verdict)
    if reason is SignInReason.WRONG_PASSWORD:
        return SignInRefused(
            "entra",
            "sign in",
            reason=reason,
            advice=f"{location.secret} does not hold the account's password, or a change has not "
            f"reached every data centre yet. Put the right one in Vault, or wait a minute, then: {again}. "
            "It was tried once; the console is unchanged.",
            **facts,
        )
    if reason is not None:
        return SignInRefused(
            "entra",
            "sign in",
            reason=reason,
            advice=f"Look at the account in Entra ID (sign-in logs name the cause), then: {again}",
            **facts,
        )
    if probe.verdict is ProbeVerdict.TRANSIENT:
        return Unreachable("entra", "sign in", retry_after=probe.retry_after, **facts)
    return InvalidInput(
        "entra",
        "sign in",
        advice="The probe app or the tenant is set up wrongly: look the code up, correct "
        "probe_client_id or tenant_id in the inventory; this says nothing about the password.",
        **facts,
    )
