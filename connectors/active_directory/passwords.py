"""Passwords of connection accounts, over a session that is signed in as the setter; what a refusal means."""

from __future__ import annotations

import logging

from connectors.active_directory import users
from connectors.active_directory.delegation import delegation_advice
from connectors.active_directory.errors import SYSTEM
from connectors.active_directory.models import Right, RightCheck
from connectors.active_directory.session import Session
from connectors.errors import InvalidInput, NotPermitted, PolicyRefused
from connectors.models import Credential, Presence
from connectors.secret import Secret

_log = logging.getLogger(__name__)


def usable(credential: Credential) -> Secret:
    """Return the password; raise InvalidInput for an empty one, which some policies would take."""
    if credential.password:
        return credential.password
    raise InvalidInput(
        SYSTEM,
        "set password",
        secret=credential.handle,
        field="password",
        advice=f"The password in {credential.handle} is empty: write one there, then start again.",
    )


def reset(
    session: Session, dn: str, password: Secret | None, operation: str, *, setter: str
) -> None:
    """Set the password, or a random one that nobody keeps, with exactly one request.

    ``setter`` is the name that the session is signed in with. Raises NotPermitted, PolicyRefused,
    NotFound, and Unknown when the answer was lost.
    """
    problem: NotPermitted | PolicyRefused
    try:
        users.reset_password(session, dn, password, operation)
    except PolicyRefused as refusal:
        advice = _policy_advice(dn, made_here=password is None)
        problem = PolicyRefused(SYSTEM, operation, advice=advice, **refusal.identifiers)
    except NotPermitted as refusal:
        advice = _right_advice(dn, setter)
        problem = NotPermitted(
            SYSTEM, operation, advice=advice, setter=setter, **refusal.identifiers
        )
    else:
        _log.info("active directory: %s: done: dn=%s controller=%s", operation, dn, session.where)
        return
    raise problem


def _policy_advice(dn: str, *, made_here: bool) -> str:
    rules = (
        "The directory's password policy refuses it: length, complexity, a name of the account in it, "
        "history, minimum age, or a password filter of the controllers. The rules in force (a password "
        "settings object, PSO, goes before the domain's policy): "
        f'Get-ADUserResultantPasswordPolicy -Identity "{dn}", or Get-ADDefaultDomainPasswordPolicy. '
    )
    if made_here:
        return f"{rules}Correct them, then start again: another random password is made."
    return (
        f"{rules}Let Vault make passwords that keep them (vault write sys/policies/password/POLICY "
        "policy=@POLICY.hcl), or correct them (Set-ADDefaultDomainPasswordPolicy, "
        "Set-ADFineGrainedPasswordPolicy), then start again with a new password."
    )


def _right_advice(dn: str, setter: str) -> str:
    check = RightCheck(
        Right.RESET_PASSWORD, Presence.MISSING, dn, "the directory's answer", setter, on_user=True
    )
    return (
        f"Run as a domain administrator: {delegation_advice(check)}, or for this account alone: "
        f'dsacls "{dn}" /G "{setter}:CA;Reset Password", then start again. A member of a protected '
        "group (adminCount 1) loses both within the hour; it takes its permissions from "
        "CN=AdminSDHolder,CN=System of its domain."
    )
