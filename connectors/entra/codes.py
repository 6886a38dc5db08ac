"""What each AADSTS number says about a password, as data (facts: section 4).

Microsoft publishes what a number means, not whether the password was right; the numbers may change. So
only a token proves a password, and a number that is not in this table says nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from connectors.entra.models import ProbeVerdict

V = ProbeVerdict


@dataclass(frozen=True, slots=True)
class Row:
    """Numbers that mean the same, the verdict they give, and what a person does about it."""

    codes: tuple[int, ...]
    verdict: ProbeVerdict
    meaning: str
    action: str


_ROWS: tuple[Row, ...] = (
    Row(
        (50126, 50064),
        V.INVALID,
        "the user name or password is wrong, or a new password has not arrived everywhere yet",
        "Compare the account's last password change in Entra with the secret's date in Vault. "
        "Try the same password once more after 60 seconds; never try another one.",
    ),
    Row(
        (50034, 51004, 50020),
        V.USER_NOT_FOUND,
        "the user is not in this tenant",
        "Correct the user name in Vault, or the tenant in the inventory.",
    ),
    Row(
        (50053,),
        V.LOCKED,
        "smart lockout, or the address that asked is blocked",
        "Stop signing in as this account. Entra admin centre > Users > the account > Sign-in logs "
        "tells which of the two it is; a lockout ends by itself after a minute or more.",
    ),
    Row(
        (50055,),
        V.VALID_EXPIRED,
        "the password has expired, or a change of it is forced at the next sign-in",
        "Set a new password that does not expire (PATCH /users/<id> with passwordPolicies "
        "DisablePasswordExpiration, and no change forced), put it in Vault, then start the update again.",
    ),
    Row(
        (50144,),
        V.VALID_EXPIRED,
        "the password has expired in the on-premises Active Directory",
        "Set a new password there, put it in Vault, then start the update again; the vendor asks for a "
        "cloud-only account.",
    ),
    Row(
        (50056,),
        V.TENANT_CONFIG,
        "the directory holds no password for this user",
        "Check password hash synchronisation or the user's authentication method.",
    ),
    Row(
        (50057,),
        V.DISABLED,
        "the account is disabled",
        "Enable the account in Entra admin centre > Users > the account, then start again.",
    ),
    Row(
        (50074, 50076, 50078),
        V.VALID_MFA_REQUIRED,
        "multi-factor authentication is demanded of this account",
        "Exclude the account from every Conditional Access policy and from per-user multi-factor "
        "authentication, as the vendor asks: the product cannot answer it unattended. The policies that reach "
        "the account are among the findings where they may be read.",
    ),
    Row(
        (50072, 50079),
        V.VALID_MFA_REQUIRED,
        "the account must enrol in multi-factor authentication first, as security defaults or a "
        "registration policy demand",
        "With security defaults: enrol the account in two-step verification, then Console > Microsoft 365 > "
        "... > Validate > Next. Else exclude the account from the policy that demands it.",
    ),
    Row(
        (50158,),
        V.VALID_MFA_REQUIRED,
        "a control outside Entra is to be answered (third-party multi-factor authentication, or terms)",
        "Exclude the account from the Conditional Access policy with the custom control: nothing answers it "
        "unattended.",
    ),
    Row(
        (53003, 50131, 530032),
        V.VALID_BLOCKED_BY_POLICY,
        "Conditional Access blocks this sign-in",
        "Exclude the account from the Conditional Access policy; the account's sign-in log names it, and so do "
        "the findings where policies may be read. From another network the answer may differ.",
    ),
    Row(
        (53000, 53001, 53002),
        V.VALID_BLOCKED_BY_POLICY,
        "Conditional Access demands a managed device or an approved app",
        "Exclude the account from that Conditional Access policy: a sign-in by password never comes from a "
        "managed device.",
    ),
    Row(
        (50097, 50129, 50155),
        V.VALID_BLOCKED_BY_POLICY,
        "device authentication is demanded",
        "Exclude the account from the device policy for the worker's named location.",
    ),
    Row(
        (50105,),
        V.VALID_BLOCKED_BY_POLICY,
        "the user is not assigned to the app that signs in",
        "Enterprise applications > the app > Users and groups: assign the account.",
    ),
    Row(
        (50135, 50125),
        V.VALID_BLOCKED_BY_POLICY,
        "a password change or a registration is demanded first",
        "Sign in once in a browser as this account and finish what is asked.",
    ),
    Row(
        (65001, 90094, 90008),
        V.VALID_NEEDS_CONSENT,
        "the probe app lacks consent",
        "The account is fine: sign in to the probe app (probe_client_id in the inventory) once as this account "
        "and accept User.Read for this user only, so that the next sign-in can be proven.",
    ),
    Row(
        (530035,),
        V.TENANT_CONFIG,
        "security defaults block this sign-in",
        "Replace security defaults by Conditional Access that lets this account sign in.",
    ),
    Row(
        (53011, 530034),
        V.UNKNOWN,
        "blocked because of risk",
        "Review the account in Entra admin centre > Protection > Risky users before anything else.",
    ),
    Row(
        (65004, 7000215, 7000222, 700027, 7000218, 700025, 7000112, 70001),
        V.CLIENT_CONFIG,
        "the application's own credential or registration is wrong",
        "Check the app registration: a probe app allows public client flows and has no secret; another "
        "app's secret or certificate in Vault must be valid today.",
    ),
    Row(
        (700016, 700011, 50194, 500011, 650052, 650056, 650057, 70011, 65005),
        V.CLIENT_CONFIG,
        "the application, or what it asks for, is not known in this tenant",
        "Compare the client id in the inventory with Entra admin centre > App registrations.",
    ),
    Row(
        (9001023, 90002, 50128, 50059, 90038),
        V.TENANT_CONFIG,
        "the tenant or the cloud is not the right one",
        "Compare tenant_id and authority in the inventory with Entra admin centre > Overview.",
    ),
    Row(
        (50173, 50132, 50133, 700082, 70008, 70043, 50089),
        V.UNKNOWN,
        "an old session or grant was revoked, which says nothing about the password",
        "Start the update again; it signs in with the password, not with an old session.",
    ),
    Row(
        (50196,),
        V.UNKNOWN,
        "Entra sees the same request in a loop",
        "Stop whatever signs in as this account over and over, then start again.",
    ),
    Row(
        (90055, 90033, 90006, 90012, 90024, 90090, 50033, 50087),
        V.TRANSIENT,
        "Entra is busy",
        "Start the update again after a few minutes; nothing was changed.",
    ),
    Row(
        (80001, 80002, 80005, 80007, 80010, 80013, 80014),
        V.TENANT_CONFIG,
        "the pass-through authentication agent has trouble",
        "Repair the agents first: every attempt also counts against the account in Active Directory.",
    ),
    Row(
        (80012,),
        V.UNKNOWN,
        "outside the logon hours of the account in Active Directory",
        "Widen the account's logon hours, or schedule the update inside them.",
    ),
    Row(
        (120000, 120002, 120012),
        V.UNKNOWN,
        "an answer about changing a password, which a probe never asks for",
        "Check that no proxy answers in place of the sign-in service.",
    ),
)

TABLE: dict[int, Row] = {code: row for row in _ROWS for code in row.codes}

# When one answer carries several numbers: what stops us first, then what claims least.
CAUTION: tuple[ProbeVerdict, ...] = (
    V.LOCKED,
    V.UNKNOWN,
    V.TENANT_CONFIG,
    V.CLIENT_CONFIG,
    V.TRANSIENT,
    V.DISABLED,
    V.USER_NOT_FOUND,
    V.INVALID,
    V.VALID_EXPIRED,
    V.VALID_BLOCKED_BY_POLICY,
    V.VALID_NEEDS_CONSENT,
    V.VALID_MFA_REQUIRED,
)
_NOT_LISTED = (
    "Look the number up at login.microsoftonline.com/error and do not try again before you know."
)


def classify(codes: Iterable[int]) -> ProbeVerdict:
    """Return the most cautious verdict of all numbers; UNKNOWN for none, or one that is not listed."""
    verdicts = {TABLE[code].verdict if code in TABLE else V.UNKNOWN for code in codes}
    return min(verdicts, key=CAUTION.index, default=V.UNKNOWN)


def advice(codes: Iterable[int]) -> str:
    """Return what a person does about the number that decided the verdict."""
    listed = tuple(codes)
    verdict = classify(listed)
    rows = [TABLE[code] for code in listed if code in TABLE and TABLE[code].verdict is verdict]
    return rows[0].action if rows else _NOT_LISTED


def meaning(codes: Iterable[int]) -> str:
    """Return in words what the numbers mean that are listed."""
    rows = dict.fromkeys(TABLE[code].meaning for code in codes if code in TABLE)
    return "; ".join(rows) or "an answer without a number that is known here"


def numbers(codes: Iterable[int]) -> str:
    """Return the numbers as Microsoft writes them."""
    return ", ".join(f"AADSTS{code}" for code in codes) or "no AADSTS number"
