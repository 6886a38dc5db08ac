"""What ldap3's exceptions and a controller's result codes say about the world.

Judged by result code (RFC 4511 4.1.9) and by the machine code at the head of the diagnostic message
(a Win32 code in eight hexadecimal digits), never by its words.
"""

from __future__ import annotations

import re
from typing import Any

from ldap3.core import exceptions as ldap

from connectors.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    NotPermitted,
    PolicyRefused,
    Refused,
    RotationError,
    Unknown,
    Unreachable,
)

SYSTEM = "active directory"

SUCCESS = 0
SIZE_LIMIT_EXCEEDED = 4

# Result codes of RFC 4511 and its extensions: one meaning each. A code that is not here is Refused.
RESULTS: dict[int, type[RotationError]] = {
    1: Refused,  # operationsError
    2: Refused,  # protocolError
    3: Unknown,  # timeLimitExceeded
    4: Unreachable,  # sizeLimitExceeded (searches that can go on do not come here)
    7: InvalidInput,  # authMethodNotSupported
    8: InvalidInput,  # strongerAuthRequired
    10: InvalidInput,  # referral: this controller does not hold the object, or is read-only
    11: Unknown,  # adminLimitExceeded
    12: InvalidInput,  # unavailableCriticalExtension
    13: InvalidInput,  # confidentialityRequired
    14: Refused,  # saslBindInProgress
    16: InvalidInput,  # noSuchAttribute
    17: InvalidInput,  # undefinedAttributeType
    18: InvalidInput,  # inappropriateMatching
    19: InvalidInput,  # constraintViolation
    20: Conflict,  # attributeOrValueExists
    21: InvalidInput,  # invalidAttributeSyntax
    32: NotFound,  # noSuchObject
    33: InvalidInput,  # aliasProblem
    34: InvalidInput,  # invalidDNSyntax
    36: InvalidInput,  # aliasDereferencingProblem
    48: NotPermitted,  # inappropriateAuthentication
    49: NotPermitted,  # invalidCredentials, when it is not the answer to a bind
    50: NotPermitted,  # insufficientAccessRights
    51: Unreachable,  # busy
    52: Unreachable,  # unavailable
    53: Refused,  # unwillingToPerform
    54: InvalidInput,  # loopDetect
    64: InvalidInput,  # namingViolation
    65: InvalidInput,  # objectClassViolation
    66: Conflict,  # notAllowedOnNonLeaf
    67: InvalidInput,  # notAllowedOnRDN
    68: Conflict,  # entryAlreadyExists
    69: InvalidInput,  # objectClassModsProhibited
    71: InvalidInput,  # affectsMultipleDSAs
    80: Unknown,  # other
    113: Unreachable,  # lcupResourcesExhausted
    114: NotPermitted,  # lcupSecurityViolation
    115: InvalidInput,  # lcupInvalidData
    116: InvalidInput,  # lcupUnsupportedScheme
    117: Unreachable,  # lcupReloadRequired
    118: Unknown,  # canceled
    119: Refused,  # noSuchOperation
    120: Unknown,  # tooLate
    121: Unknown,  # cannotCancel
    122: Conflict,  # assertionFailed
    123: NotPermitted,  # authorizationDenied
    4096: Unreachable,  # e-syncRefreshRequired
}

# Machine codes that say more than the result code: ERROR_PASSWORD_RESTRICTION and friends.
_CODES: dict[str, type[RotationError]] = {
    "0000052D": PolicyRefused,
    "00000056": PolicyRefused,  # the old password given for a change was wrong
    "0000202F": Conflict,  # a unique value, such as the UPN, is taken
    "00002071": Conflict,  # the object or its sAMAccountName exists
    "00000005": NotPermitted,
    "00002098": NotPermitted,
    "000004DC": NotPermitted,  # no bind was done on this connection
}
_HEAD = re.compile(r"^([0-9A-Fa-f]{8}):")

# Raised before anything was sent, or because no connection came about.
NOT_SENT: tuple[type[Exception], ...] = (
    ldap.LDAPSocketOpenError,
    ldap.LDAPStartTLSError,
    ldap.LDAPCertificateError,
    ldap.LDAPInvalidServerError,
    ldap.LDAPServerPoolError,
    ldap.LDAPServerPoolExhaustedError,
    ldap.LDAPConnectionPoolNotStartedError,
)
# Raised when a request may have gone out and no usable answer came back.
LOST: tuple[type[Exception], ...] = (
    ldap.LDAPCommunicationError,
    ldap.LDAPSocketCloseError,
    ldap.LDAPSocketReceiveError,
    ldap.LDAPSocketSendError,
    ldap.LDAPSessionTerminatedByServerError,
    ldap.LDAPUnknownResponseError,
    ldap.LDAPUnknownRequestError,
    ldap.LDAPReferralError,
    ldap.LDAPResponseTimeoutError,
    ldap.LDAPTransactionError,
    ldap.LDAPMaximumRetriesError,
    ldap.LDAPSignatureVerificationFailedError,
    ldap.LDAPControlError,
    ldap.LDAPExtensionError,
    ldap.LDAPBindError,
    ldap.LDAPSASLBindInProgressError,
)
# Raised by ldap3's own checks of what it was given; nothing went out.
MISUSE: tuple[type[Exception], ...] = (
    ldap.LDAPConfigurationError,
    ldap.LDAPUnknownStrategyError,
    ldap.LDAPUnknownAuthenticationMethodError,
    ldap.LDAPSSLConfigurationError,
    ldap.LDAPDefinitionError,
    ldap.LDAPPackageUnavailableError,
    ldap.LDAPConfigurationParameterError,
    ldap.LDAPKeyError,
    ldap.LDAPObjectError,
    ldap.LDAPAttributeError,
    ldap.LDAPCursorError,
    ldap.LDAPCursorAttributeError,
    ldap.LDAPObjectDereferenceError,
    ldap.LDAPSSLNotSupportedError,
    ldap.LDAPInvalidTlsSpecificationError,
    ldap.LDAPInvalidHashAlgorithmError,
    ldap.LDAPSASLMechanismNotSupportedError,
    ldap.LDAPConnectionIsReadOnlyError,
    ldap.LDAPChangeError,
    ldap.LDAPInvalidPortError,
    ldap.LDAPUserNameNotAllowedError,
    ldap.LDAPUserNameIsMandatoryError,
    ldap.LDAPPasswordIsMandatoryError,
    ldap.LDAPInvalidFilterError,
    ldap.LDAPInvalidScopeError,
    ldap.LDAPInvalidDereferenceAliasesError,
    ldap.LDAPInvalidValueError,
    ldap.LDAPLDIFError,
    ldap.LDAPSchemaError,
    ldap.LDAPSASLPrepError,
    ldap.LDAPMetricsError,
    ldap.LDAPObjectClassError,
    ldap.LDAPInvalidDnError,
    ldap.LDAPInfoError,
    ldap.LDAPConnectionPoolNameIsMandatoryError,
)


def machine_code(message: object) -> str | None:
    """Return the Win32 code at the head of a diagnostic message, in upper case, or None."""
    found = _HEAD.match(message) if isinstance(message, str) else None
    return found[1].upper() if found else None


def from_exception(
    error: Exception, operation: str, *, changes: bool, **identifiers: Any
) -> RotationError:
    """Say what an exception from ldap3 means: Unreachable, Unknown for a change, or InvalidInput.

    What is not ldap3's own comes from its decoder when an answer is broken: as good as no answer.
    """
    if isinstance(error, NOT_SENT):
        return Unreachable(SYSTEM, operation, **identifiers)
    if isinstance(error, MISUSE):
        return InvalidInput(SYSTEM, operation, cause=type(error).__name__, **identifiers)
    kind = Unknown if changes else Unreachable
    return kind(SYSTEM, operation, cause=type(error).__name__, **identifiers)


def from_result(
    code: int, message: object, operation: str, *, changes: bool, **identifiers: Any
) -> RotationError:
    """Say what a controller's refusal of an operation means; ``message`` is read for its code only."""
    machine = machine_code(message)
    kind = _CODES.get(machine or "", RESULTS.get(code, Refused))
    if kind is Unknown and not changes:
        kind = Unreachable
    advice = None
    if code == 10:
        advice = "Name writable controllers of the domain that base_dn names."
    return kind(SYSTEM, operation, result=code, code=machine, advice=advice, **identifiers)
