"""LDAP results, and the machine codes that Active Directory puts in front of its messages."""

from __future__ import annotations

from dataclasses import dataclass

SUCCESS = 0
OPERATIONS_ERROR = 1
PROTOCOL_ERROR = 2
SIZE_LIMIT_EXCEEDED = 4
AUTH_METHOD_NOT_SUPPORTED = 7
REFERRAL = 10
UNAVAILABLE_CRITICAL_EXTENSION = 12
NO_SUCH_ATTRIBUTE = 16
CONSTRAINT_VIOLATION = 19
VALUE_EXISTS = 20
INVALID_SYNTAX = 21
NO_SUCH_OBJECT = 32
INVALID_DN_SYNTAX = 34
INVALID_CREDENTIALS = 49
INSUFFICIENT_RIGHTS = 50
BUSY = 51
UNWILLING = 53
NAMING_VIOLATION = 64
CLASS_VIOLATION = 65
NOT_ON_NON_LEAF = 66
NOT_ON_RDN = 67
ALREADY_EXISTS = 68
OTHER = 80

# Sub-codes of a refused bind: the last word of AcceptSecurityContext.
WRONG_PASSWORD = "52e"
PASSWORD_EXPIRED = "532"
DISABLED = "533"
ACCOUNT_EXPIRED = "701"
MUST_CHANGE = "773"
LOCKED = "775"


@dataclass(frozen=True)
class Result:
    """One LDAP result. ``data`` is the machine code for the journal."""

    code: int
    message: str = ""
    data: str | None = None
    matched: str = ""


OK = Result(SUCCESS)


class Refusal(Exception):
    """An operation ends with a result other than success."""

    def __init__(self, code: int, data: str | None, text: str, *, matched: str = "") -> None:
        message = f"{data}: {text}" if data else text
        super().__init__(message)
        self.result = Result(code, message, data, matched)


def bind_refused(data: str) -> Result:
    """Return the result of a bind that is refused for the reason ``data``."""
    comment = f"comment: AcceptSecurityContext error, data {data}, v1db1"
    message = f"80090308: LdapErr: DSID-0C0903A9, {comment}"
    return Result(INVALID_CREDENTIALS, message, data)


def no_such_object(what: object, matched: object = "") -> Refusal:
    """Return the refusal for a name that is not there, or that the caller may not see."""
    text = f"NameErr: no such object: {what}"
    return Refusal(NO_SUCH_OBJECT, "00002030", text, matched=str(matched))


def no_right(what: str, data: str = "00002098") -> Refusal:
    """Return the refusal for a caller who lacks a right."""
    return Refusal(INSUFFICIENT_RIGHTS, data, f"SecErr: insufficient access rights: {what}")


def not_bound() -> Refusal:
    """Return the refusal for an anonymous caller."""
    text = "LdapErr: comment: this operation needs a successful bind on the connection"
    return Refusal(OPERATIONS_ERROR, "000004DC", text)
