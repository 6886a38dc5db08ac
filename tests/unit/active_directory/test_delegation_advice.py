"""The advice that names the missing right."""

from __future__ import annotations

import pytest

from connectors.active_directory.models import Right, RightCheck
from connectors.active_directory.rights import delegation_advice
from connectors.models import Presence


@pytest.mark.parametrize(
    ("right", "grant"),
    [
        (Right.CREATE_USER, '/I:T /G "CORP\\svc:CC;user"'),
        (Right.DELETE_USER, '/I:T /G "CORP\\svc:DC;user"'),
        (Right.RESET_PASSWORD, '/I:S /G "CORP\\svc:CA;Reset Password;user"'),
        (Right.WRITE_ATTRIBUTES, '/I:S /G "CORP\\svc:RPWP;;user"'),
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
