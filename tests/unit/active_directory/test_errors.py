"""Every exception of ldap3 and every result code has one meaning, found without reading any text."""

from __future__ import annotations

import inspect

import pytest
from ldap3.core import exceptions as library
from ldap3.core.exceptions import communication_exception_factory

from connectors.active_directory import errors, refusals
from connectors.errors import (
    Conflict,
    InvalidInput,
    NotPermitted,
    PolicyRefused,
    Refused,
    SignInReason,
    SignInRefused,
    Unknown,
    Unreachable,
)

BASES = {
    library.LDAPException,
    library.LDAPExceptionError,
    library.LDAPOperationResult,
}
WORDS = "the words of the directory, and a password"


def declared() -> list[type[Exception]]:
    """Return every exception class that ldap3 declares, but the bare bases."""
    return [
        kind
        for _, kind in inspect.getmembers(library, inspect.isclass)
        if issubclass(kind, library.LDAPException) and kind not in BASES
    ]


@pytest.mark.parametrize("kind", declared(), ids=lambda kind: kind.__name__)
def test_every_exception_is_mapped(kind: type[Exception]):
    """An exception class that a new ldap3 brings, or that was forgotten, fails here."""
    if issubclass(kind, library.LDAPOperationResult):
        codes = [code for code, found in library.exception_table.items() if found is kind]
        assert codes
        assert codes[0] in errors.RESULTS
        return
    groups = [errors.NOT_SENT, errors.LOST, errors.MISUSE]
    assert sum(kind in group for group in groups) == 1


@pytest.mark.parametrize("code", library.exception_table)
def test_reads_change_nothing(code: int):
    """Whatever the code, a read is never Unknown."""
    assert not isinstance(errors.from_result(code, WORDS, "x", changes=False), Unknown)


@pytest.mark.parametrize(
    ("error", "changes", "expected"),
    [
        (library.LDAPSocketOpenError("x"), True, Unreachable),
        (library.LDAPSocketReceiveError("x"), True, Unknown),
        (library.LDAPSocketSendError("x"), True, Unknown),
        (library.LDAPSessionTerminatedByServerError("x"), True, Unknown),
        (library.LDAPSessionTerminatedByServerError("x"), False, Unreachable),
        (library.LDAPInvalidDnError("x"), True, InvalidInput),
        (IndexError("x"), True, Unknown),
        (UnicodeDecodeError("utf-8", b"", 0, 0, "x"), False, Unreachable),
        (
            communication_exception_factory(library.LDAPSocketReceiveError, TimeoutError())("x"),
            True,
            Unknown,
        ),
        (
            communication_exception_factory(library.LDAPSocketOpenError, TimeoutError())("x"),
            True,
            Unreachable,
        ),
    ],
)
def test_exceptions(error: Exception, changes: bool, expected: type[Exception]):
    """No connection is Unreachable; a lost answer is Unknown for a change; misuse is InvalidInput."""
    assert expected is type(errors.from_exception(error, "x", changes=changes))


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (19, "0000052D: " + WORDS, PolicyRefused),
        (53, "0000052D: " + WORDS, PolicyRefused),
        (53, "00002035: " + WORDS, Refused),
        (53, WORDS, Refused),
        (19, "0000202F: " + WORDS, Conflict),
        (19, WORDS, InvalidInput),
        (68, "00002071: " + WORDS, Conflict),
        (50, WORDS, NotPermitted),
        (1, "000004DC: " + WORDS, NotPermitted),
        (66, "00002015: " + WORDS, Conflict),
        (51, "", Unreachable),
        (80, WORDS, Unknown),
        (10, WORDS, InvalidInput),
        (9999, WORDS, Refused),
    ],
)
def test_results(code: int, message: str, expected: type[Exception]):
    """Result code and machine code decide; the words are neither read nor kept."""
    problem = errors.from_result(code, message, "set password", changes=True, dn="CN=x")

    assert expected is type(problem)
    assert "words" not in str(problem) + repr(problem.__dict__)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("52e", SignInReason.WRONG_PASSWORD),
        ("525", SignInReason.NOT_FOUND),
        ("775", SignInReason.LOCKED),
        ("533", SignInReason.DISABLED),
        ("532", SignInReason.PASSWORD_EXPIRED),
        ("773", SignInReason.MUST_CHANGE_PASSWORD),
        ("701", SignInReason.ACCOUNT_EXPIRED),
        ("530", SignInReason.NOT_ALLOWED_HERE),
        ("531", SignInReason.NOT_ALLOWED_HERE),
        ("7ff", SignInReason.OTHER),
    ],
)
def test_bind_reasons(data: str, reason: SignInReason):
    """The code after "data" gives the reason of a refused sign-in, and every known one has advice."""
    message = f"80090308: LdapErr: DSID-0C0903A9, comment: {WORDS}, data {data}, v1db1"

    problem = refusals.from_bind(49, message, "sign in", account="svc")

    assert isinstance(problem, SignInRefused)
    assert reason is problem.reason
    assert "words" not in str(problem)
    assert reason is SignInReason.OTHER or problem.advice


def test_bind_without_code():
    """A refusal without a code is not called a wrong password."""
    problem = refusals.from_bind(49, "", "sign in")

    assert isinstance(problem, SignInRefused)
    assert SignInReason.OTHER is problem.reason


def test_no_logon_servers():
    """A controller that cannot ask for the account's domain gave no verdict."""
    assert isinstance(refusals.from_bind(49, "80090308: x, data 51f, v1", "sign in"), Unreachable)


def test_busy_bind():
    """A busy controller gave no verdict either."""
    assert isinstance(refusals.from_bind(51, "", "sign in"), Unreachable)
