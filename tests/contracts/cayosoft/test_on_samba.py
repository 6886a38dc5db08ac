"""The same console before a real domain controller."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.cayosoft.models import Operation
from sandbox import samba
from sandbox.standin.tls import Authority
from tests.contracts.cayosoft.lab import AD, BASE_DN, DOMAIN, OU, running


@pytest.mark.samba
def test_update_and_operations(
    authority: Authority, new_password: Callable[[], str], tmp_path: Path, samba_golden: Path
) -> None:
    """A new credential is entered, saved and checked, and the product's operations run with it."""
    if missing := samba.available():
        pytest.skip(f"samba: {missing}")
    with running(
        authority, tmp_path, new_password, directory="samba", golden=str(samba_golden)
    ) as lab:
        console = lab.driver()
        handle = lab.rotate(AD, new_password())
        draft = console.enter_credential(console.connection_row(AD, DOMAIN), handle, "label")
        console.save(draft, "save")
        assert console.check_settings(AD, DOMAIN).ok
        dn = f"CN=rot-1,{OU}"
        for operation, arguments in (
            (Operation.AD_CREATE_USER, {"container": OU, "username": "rot-1"}),
            (Operation.AD_RESET_PASSWORD, {"dn": dn}),
            (Operation.AD_MODIFY_USER, {"dn": dn, "description": "V3"}),
            (Operation.AD_DELETE_USER, {"dn": dn}),
        ):
            result = console.run_operation(AD, DOMAIN, operation, arguments, operation.value)
            assert (True, dn) == (result.ok, result.object_id), result
        forbidden = {"container": f"OU=Forbidden,{BASE_DN}", "username": "rot-2"}
        refused = console.run_operation(AD, DOMAIN, Operation.AD_CREATE_USER, forbidden, "no")
        assert (refused.ok, refused.error_code) == (False, "insufficientAccessRights")
        lab.publish(AD, new_password())
        draft = console.enter_credential(console.connection_row(AD, DOMAIN), handle, "wrong")
        console.save(draft, "save-2")
        shown = console.check_settings(AD, DOMAIN)
        assert (shown.ok, "52e" in shown.messages[0]) == (False, True)
        console.close()
