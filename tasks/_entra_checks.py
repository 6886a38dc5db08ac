"""What is checked of the Entra account before its password is entered: roles, policies, and one sign-in."""

from __future__ import annotations

from connectors.entra import codes
from connectors.entra.models import EntraAccount, PasswordProbe, ProbeVerdict, RoleFacts
from connectors.entra.policies import policy_findings
from connectors.entra.roles import ELIGIBLE, missing_roles, shown
from connectors.errors import InvalidInput, SignInReason, SignInRefused, Unreachable
from connectors.models import Finding
from connectors.protocols import Systems
from report.record import current_record
from tasks.identify import Location

_REASONS = {
    ProbeVerdict.INVALID: SignInReason.WRONG_PASSWORD,
    ProbeVerdict.LOCKED: SignInReason.LOCKED,
    ProbeVerdict.DISABLED: SignInReason.DISABLED,
    ProbeVerdict.USER_NOT_FOUND: SignInReason.NOT_FOUND,
}


def standing(systems: Systems, location: Location, account: EntraAccount) -> str:
    """Record what is wrong with the account's roles and what policies reach it; return both in a sentence."""
    facts, active = _roles(systems, location, account)
    return f"roles: {active}; {_policies(systems, location, account, facts)}"


def _roles(systems: Systems, location: Location, account: EntraAccount) -> tuple[RoleFacts, str]:
    """Record a finding for every required role that is not active; return the active ones' names.

    Global Administrator stands for every required role: the vendor asks for it, or for less.
    """
    record = current_record().here()
    facts = systems.tenant(location.in_tenant.tenant).role_facts(account.id)
    for unread in facts.unread:
        record.leave_unchecked(f"roles of {account.upn}: {unread}")
    record.find(*missing_roles(location.in_tenant.required_roles, facts.holdings, account.upn))
    if not account.cloud_only:
        record.find(
            Finding(
                "entra.not-cloud-only",
                account.upn,
                "The connection account is synchronised from Active Directory.",
                "The vendor asks for a cloud-only account: create one and enter it instead.",
            )
        )
    active = {shown(item) for item in facts.holdings if item.how != ELIGIBLE}
    return facts, ", ".join(sorted(active)) or "none"


def _policies(systems: Systems, location: Location, account: EntraAccount, held: RoleFacts) -> str:
    """Record what security defaults and Conditional Access mean for the account; return a sentence.

    They are signals: the sign-in decides. What may not be read is said to be unchecked.
    """
    record = current_record().here()
    tenant = systems.tenant(location.in_tenant.tenant)
    seen = tenant.sign_in_policies(account.id, held)
    for unread in seen.unread:
        record.leave_unchecked(f"sign-in policies that reach {account.upn}: {unread}")
    record.find(*policy_findings(seen, account.upn))
    names = [policy.name for policy in seen.reaching]
    names += ["security defaults"] if seen.security_defaults else []
    names += [f"{name} (report only)" for name in seen.report_only]
    otherwise = "not all read" if seen.unread else "none"
    return f"policies that reach its sign-in: {', '.join(names) or otherwise}"


def password(systems: Systems, location: Location) -> tuple[ProbeVerdict, str]:
    """Sign in once; return the verdict and what it proved, in words.

    Raises SignInRefused (rejected, locked, disabled, not found), Unreachable (no answer worth believing)
    or InvalidInput (the probe app or tenant is misconfigured).
    """
    probe = systems.tenant(location.in_tenant.tenant).probe_password(location.secret)
    record = current_record().here()
    numbers = codes.numbers(probe.codes)
    if probe.verdict is ProbeVerdict.VALID:
        return probe.verdict, f"signs in (correlation id {probe.correlation_id})"
    if probe.verdict.password_accepted:
        record.find(
            Finding(
                "entra.sign-in-not-complete",
                probe.account,
                f"The password is very likely right, but the sign-in did not come to its end: "
                f"{codes.meaning(probe.codes)} ({numbers}).",
                codes.advice(probe.codes),
            )
        )
        return probe.verdict, f"{probe.verdict.value}: {codes.meaning(probe.codes)} ({numbers})"
    if probe.verdict is ProbeVerdict.UNKNOWN:
        record.leave_unchecked(
            f"the password of {probe.account}: Entra answered {numbers}, {codes.meaning(probe.codes)}; "
            f"the console's Validate decides. {codes.advice(probe.codes)}"
        )
        return probe.verdict, f"not proven ({numbers})"
    raise _refusal(probe, location, numbers)


def _refusal(
    probe: PasswordProbe, location: Location, numbers: str
) -> SignInRefused | Unreachable | InvalidInput:
    again = f"account-rotation update {location.service.name} --connection {location.name}"
    facts = {
        "account": probe.account,
        "codes": numbers if probe.codes else None,
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
            advice=f"{_said(probe)} Then: {again}",
            **facts,
        )
    if probe.verdict is ProbeVerdict.TRANSIENT:
        return Unreachable("entra", "sign in", retry_after=probe.retry_after, **facts)
    return InvalidInput(
        "entra",
        "sign in",
        advice=f"{_said(probe)} This says nothing about the password. Then: {again}",
        **facts,
    )


def _said(probe: PasswordProbe) -> str:
    """Return what the answer means and what is due, as two sentences."""
    meaning = codes.meaning(probe.codes)
    return f"{meaning[:1].upper()}{meaning[1:]}. {codes.advice(probe.codes)}"
