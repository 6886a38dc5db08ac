"""One password sign-in of a connection account, spent within its budget and remembered in the ledger."""

from __future__ import annotations

from connectors.entra.models import ProbeVerdict
from connectors.errors import SignInReason, SignInRefused
from connectors.models import Extension
from connectors.protocols import Systems
from tasks import _entra_checks
from tasks._wait import CLOCK
from tasks.identify import Location

SPREADS_WITHIN = 61.0
"""Seconds between two tries of a password that Entra may not know everywhere yet."""


def prove(systems: Systems, location: Location, account: str) -> str:
    """Sign in once with the version that the location holds; say what that proved.

    Raises SignInRefused with the reason, BudgetSpent when none was tried, Unreachable.
    """
    if location.extension is Extension.ACTIVE_DIRECTORY:
        return _in_directory(systems, location, account)
    return _in_tenant(systems, location, account)


def prove_patiently(systems: Systems, location: Location, account: str) -> str:
    """Sign in with a password that was set a moment ago.

    On the controller that took it a refusal is final. Entra needs time to spread it: there the same one
    is tried again, a minute apart, as often as smart lockout lets it go uncounted.
    """
    tries = 1
    if location.extension is Extension.MICROSOFT_365:
        tries = systems.tenant(location.in_tenant.tenant).tries_per_version
    while True:
        tries -= 1
        try:
            return prove(systems, location, account)
        except SignInRefused as refused:
            if refused.system == "ledger" or refused.reason is not SignInReason.WRONG_PASSWORD:
                raise
            if tries < 1:
                raise
        CLOCK.get().sleep(SPREADS_WITHIN)


def _in_directory(systems: Systems, location: Location, account: str) -> str:
    directory = systems.directory(location.in_directory.directory)
    with location.ledger.sign_in(
        account,
        location.version.label,
        tries=1,
        most=None,
        try_again=location.try_again,
    ):
        proof = directory.sign_in(location.secret, where=location.where)
    return f"{proof.account} signs in on {proof.where} with {location.secret}"


def _in_tenant(systems: Systems, location: Location, account: str) -> str:
    tenant = systems.tenant(location.in_tenant.tenant)
    with location.ledger.sign_in(
        account,
        location.version.label,
        tries=tenant.tries_per_version,
        most=tenant.wrong_sign_ins_an_hour,
        try_again=location.try_again,
    ) as attempt:
        verdict, said = _entra_checks.password(systems, location)
        if verdict is not ProbeVerdict.VALID:
            attempt.outcome = "not proven"
    return f"{account} with {location.secret}: {said}"
