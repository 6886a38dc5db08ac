"""Why a controller did not sign an account in, by the code after ``data`` in its answer."""

from __future__ import annotations

import re
from typing import Any

from connectors.active_directory import errors
from connectors.active_directory.errors import SYSTEM
from connectors.errors import RotationError, SignInReason, SignInRefused, Unreachable

_INVALID_CREDENTIALS = 49
_DATA = re.compile(r"\bdata ([0-9a-fA-F]+)")

# After "data" in the answer to a refused bind: Win32 codes in hexadecimal.
_BIND_REASONS = {
    "525": SignInReason.NOT_FOUND,
    "52e": SignInReason.WRONG_PASSWORD,
    "52f": SignInReason.NOT_ALLOWED_HERE,
    "530": SignInReason.NOT_ALLOWED_HERE,
    "531": SignInReason.NOT_ALLOWED_HERE,
    "532": SignInReason.PASSWORD_EXPIRED,
    "533": SignInReason.DISABLED,
    "534": SignInReason.NOT_ALLOWED_HERE,
    "569": SignInReason.NOT_ALLOWED_HERE,
    "701": SignInReason.ACCOUNT_EXPIRED,
    "773": SignInReason.MUST_CHANGE_PASSWORD,
    "775": SignInReason.LOCKED,
}
_NO_LOGON_SERVERS = "51f"

_SIGN_IN_ADVICE = {
    SignInReason.WRONG_PASSWORD: "The password in Vault is not the account's. Compare the version in "
    "the run's report with the last rotation; do not try it again by hand, each try counts.",
    SignInReason.LOCKED: "Find out who uses the old password, then unlock the account "
    "(Unlock-ADAccount) and start the update again.",
    SignInReason.DISABLED: "Enable the account (Enable-ADAccount), then start the update again.",
    SignInReason.PASSWORD_EXPIRED: "Rotate the account, or set it to never expire, then start again.",
    SignInReason.MUST_CHANGE_PASSWORD: "Clear 'User must change password at next logon' and rotate "
    "the account.",
    SignInReason.ACCOUNT_EXPIRED: "Extend the account (Set-ADAccountExpiration), then start again.",
    SignInReason.NOT_ALLOWED_HERE: "Check the account's logon hours, its 'Log On To' list and the "
    "sign-in rights of the controllers.",
    SignInReason.NOT_FOUND: "Check the username in Vault; the reader sees no such account.",
}


def bind_code(message: object) -> str | None:
    """Return the code after ``data`` in the answer to a bind, in lower case, or None."""
    found = _DATA.search(message) if isinstance(message, str) else None
    return found[1].lower() if found else None


def from_bind(code: int, message: object, operation: str, **identifiers: Any) -> RotationError:
    """Say what a controller's refusal of a bind means."""
    if code != _INVALID_CREDENTIALS:
        return errors.from_result(code, message, operation, changes=False, **identifiers)
    data = bind_code(message)
    if data == _NO_LOGON_SERVERS:
        return Unreachable(SYSTEM, operation, code=data, **identifiers)
    reason = _BIND_REASONS.get(data or "", SignInReason.OTHER)
    return sign_in_refused(operation, reason, code=data, **identifiers)


def sign_in_refused(operation: str, reason: SignInReason, **identifiers: Any) -> SignInRefused:
    """Return the error for an account that did not or would not sign in, with advice for the reason."""
    return SignInRefused(
        SYSTEM, operation, reason=reason, advice=_SIGN_IN_ADVICE.get(reason), **identifiers
    )
