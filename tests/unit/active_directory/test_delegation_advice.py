"""The advice that names the missing right."""

from __future__ import annotations

import pytest

from connectors.active_directory.delegation import delegation_advice, remedy, why_missing
from connectors.active_directory.models import Denial, Right, RightCheck
from connectors.models import Presence


@pytest.mark.parametrize(
    ("right", "grant"),
    [
        (Right.CREATE_USER, '/I:T /G "CORP\\svc:CC;user"'),
        (Right.DELETE_USER, '/I:T /G "CORP\\svc:DC;user"'),
        (Right.RESET_PASSWORD, '/I:S /G "CORP\\svc:CA;Reset Password;user"'),
        (Right.WRITE_ATTRIBUTES, '/I:S /G "CORP\\svc:RPWP;;user"'),
        (Right.MANAGE_USER, '/I:S /G "CORP\\svc:RPWP;;user"'),
        (Right.FORCE_CHANGE, '/I:S /G "CORP\\svc:RPWP;pwdLastSet;user"'),
        (Right.READ_USER, '/I:S /G "CORP\\svc:RP;;user"'),
        (Right.CHANGE_MEMBERS, '/I:S /G "CORP\\svc:RPWP;member;group"'),
        (Right.CREATE_CONTACT, '/I:T /G "CORP\\svc:CC;contact"'),
        (Right.DELETE_CONTACT, '/I:T /G "CORP\\svc:DC;contact"'),
        (Right.CREATE_GROUP, '/I:T /G "CORP\\svc:CC;group"'),
        (Right.DELETE_GROUP, '/I:T /G "CORP\\svc:DC;group"'),
        (Right.CREATE_COMPUTER, '/I:T /G "CORP\\svc:CC;computer"'),
        (Right.DELETE_COMPUTER, '/I:T /G "CORP\\svc:DC;computer"'),
        (Right.READ_EVERYTHING, '/I:T /G "CORP\\svc:GR"'),
    ],
)  # fmt: skip
def test_command(right: Right, grant: str):
    """Every right has the dsacls command that adds it for this account on this container."""
    check = RightCheck(right, Presence.MISSING, "OU=V,DC=corp", "read", "CORP\\svc")

    assert f'dsacls "OU=V,DC=corp" {grant}' == delegation_advice(check)


def test_one_user():
    """A right on one user is given on the container that it is in, whatever signs its name has."""
    dn = "CN=svc\\, one,OU=V,DC=corp"
    check = RightCheck(
        Right.RESET_PASSWORD, Presence.MISSING, dn, "read", "CORP\\svc", on_user=True
    )

    command = 'dsacls "OU=V,DC=corp" /I:S /G "CORP\\svc:CA;Reset Password;user"'
    assert command == delegation_advice(check)


RESET_GRANT = 'dsacls "OU=V,DC=corp" /I:S /G "CORP\\svc:CA;Reset Password;user"'


@pytest.mark.parametrize(
    ("right", "denial", "begins", "goes_on"),
    [
        (Right.RESET_PASSWORD, None, RESET_GRANT, ""),
        (Right.RESET_PASSWORD, Denial("Helpers", inherited=True), RESET_GRANT, ""),
        (Right.RESET_PASSWORD, Denial("Helpers", inherited=False), RESET_GRANT, "denies it to Helpers"),
        (
            Right.DELETE_GROUP,
            Denial("Everyone", inherited=False, of_children=True),
            'dsacls "OU=V,DC=corp" /I:S /G "CORP\\svc:SD;;group"',
            "",
        ),
    ],
)  # fmt: skip
def test_denials(right: Right, denial: Denial | None, begins: str, goes_on: str):
    """A denial on the container itself has to go first; one from above, or of children only, is got around."""
    check = RightCheck(right, Presence.MISSING, "OU=V,DC=corp", "read", "CORP\\svc", denial=denial)

    command, _, rest = remedy(check).partition("; but first ")
    assert command == begins
    assert goes_on in rest
    assert bool(rest) is bool(goes_on)
    assert denial is None or denial.trustee in why_missing(check)
