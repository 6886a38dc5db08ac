"""The product's operations: done once, and refused in the directory's own words."""

from __future__ import annotations

import pytest

from connectors.cayosoft.bridge import BridgeConsole
from connectors.cayosoft.models import Operation
from connectors.errors import InvalidInput, Unknown
from tests.contracts.cayosoft.lab import AD, BASE_DN, DOMAIN, M365, OU, TENANT_DOMAIN, Lab
from tests.contracts.cayosoft.test_consent import accept

CREATE = {"container": OU, "username": "rot-once"}


@pytest.fixture(autouse=True)
def _no_user_is_left(lab: Lab, console: BridgeConsole) -> None:
    dn = f"CN=rot-once,{OU}"
    console.run_operation(AD, DOMAIN, Operation.AD_DELETE_USER, {"dn": dn}, "clean")
    lab.console.forget()


def test_a_repeated_key_does_nothing(lab: Lab, console: BridgeConsole) -> None:
    """The same operation under the same key is done once and answered twice; a new key does it again."""
    first = console.run_operation(AD, DOMAIN, Operation.AD_CREATE_USER, CREATE, "create-1")
    assert first.ok
    assert first == console.run_operation(AD, DOMAIN, Operation.AD_CREATE_USER, CREATE, "create-1")
    again = console.run_operation(AD, DOMAIN, Operation.AD_CREATE_USER, CREATE, "create-2")
    assert (again.ok, again.error_code) == (False, "entryAlreadyExists")
    assert [call["detail"].get("repeat") for call in lab.console.calls("operation")] == [
        None,
        True,
        None,
    ]


def test_done_but_the_answer_lost(lab: Lab, console: BridgeConsole) -> None:
    """The operation is Unknown; asking again under the key tells what became of it."""
    lab.console.arm("operation", "answer_lost")
    with pytest.raises(Unknown):
        console.run_operation(AD, DOMAIN, Operation.AD_CREATE_USER, CREATE, "create-3")
    assert "rot-once" in lab.directory.state()["users"]
    result = console.run_operation(AD, DOMAIN, Operation.AD_CREATE_USER, CREATE, "create-3")
    assert (True, f"CN=rot-once,{OU}") == (result.ok, result.object_id)


def test_another_operation_under_the_key(lab: Lab, console: BridgeConsole) -> None:
    """A key that was used for another operation is refused, and nothing is done."""
    console.run_operation(AD, DOMAIN, Operation.AD_CREATE_USER, CREATE, "create-4")
    with pytest.raises(InvalidInput):
        console.run_operation(
            AD, DOMAIN, Operation.AD_DELETE_USER, {"dn": f"CN=rot-once,{OU}"}, "create-4"
        )
    assert "rot-once" in lab.directory.state()["users"]


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        (Operation.AD_CREATE_USER, {"container": f"OU=Forbidden,{BASE_DN}", "username": "rot-no"}),
        (Operation.AD_RESET_PASSWORD, {"dn": f"CN=Administrator,CN=Users,{BASE_DN}"}),
        (Operation.AD_MODIFY_USER, {"dn": f"CN=Administrator,CN=Users,{BASE_DN}", "title": "x"}),
        (Operation.AD_DELETE_USER, {"dn": f"CN=Administrator,CN=Users,{BASE_DN}"}),
    ],
    ids=lambda it: it.value if isinstance(it, Operation) else "",
)
def test_the_directory_refuses(
    lab: Lab, console: BridgeConsole, operation: Operation, arguments: dict[str, str]
) -> None:
    """A right that the account lacks is a result with the directory's code, not an error."""
    result = console.run_operation(AD, DOMAIN, operation, arguments, f"no-{operation.value}")
    assert (operation, False, None) == (result.operation, result.ok, result.object_id)
    assert result.error_code == "insufficientAccessRights"


def test_no_such_user(lab: Lab, console: BridgeConsole) -> None:
    """A user that is not there cannot be changed; deleting it is success."""
    dn = {"dn": f"CN=rot-none,{OU}"}
    reset = console.run_operation(AD, DOMAIN, Operation.AD_RESET_PASSWORD, dn, "none-1")
    assert reset.error_code == "noSuchObject"
    assert console.run_operation(AD, DOMAIN, Operation.AD_DELETE_USER, dn, "none-2").ok


def test_a_credential_that_does_not_sign_in(lab: Lab, console: BridgeConsole) -> None:
    """With a wrong password no operation runs, and the result says why."""
    lab.directory.do("disable", username="svc-cayo")
    try:
        result = console.run_operation(AD, DOMAIN, Operation.AD_CREATE_USER, CREATE, "disabled")
    finally:
        lab.directory.do("enable", username="svc-cayo")
    assert (result.ok, result.error_code) == (False, "533")


def test_an_app_without_consent(lab: Lab, console: BridgeConsole) -> None:
    """Without consent the product can do nothing in the tenant; with a part of it, only that part."""
    user = {"upn": f"rot-1@{TENANT_DOMAIN}", "displayName": "rot-1"}
    result = console.run_operation(M365, TENANT_DOMAIN, Operation.ENTRA_CREATE_USER, user, "one")
    assert (result.ok, result.error_code) == (False, "AADSTS65001")
    lab.tenant.do("withhold", values=["User.ReadWrite.All"])
    accept(console)
    result = console.run_operation(M365, TENANT_DOMAIN, Operation.ENTRA_CREATE_USER, user, "two")
    assert (result.ok, result.error_code) == (False, "Authorization_RequestDenied")


def test_disabled_extension(lab: Lab, console: BridgeConsole) -> None:
    """A disabled extension runs nothing."""
    lab.console.do("disable_extension", extension="active_directory")
    result = console.run_operation(AD, DOMAIN, Operation.AD_CREATE_USER, CREATE, "off")
    assert (result.ok, result.error_code) == (False, "ExtensionDisabled")


@pytest.mark.parametrize(
    ("operation", "arguments", "field"),
    [
        (Operation.AD_CREATE_USER, {"container": OU}, "arguments.username"),
        (Operation.AD_MODIFY_USER, {"dn": f"CN=x,{OU}"}, "arguments"),
        (Operation.AD_MODIFY_USER, {"dn": f"CN=x,{OU}", "unicodePwd": "x"}, "arguments.unicodePwd"),
        (Operation.AD_DELETE_USER, {"dn": f"CN=x,{OU}", "title": "x"}, "arguments.title"),
    ],
)
def test_arguments_are_checked(
    lab: Lab,
    operation: Operation,
    arguments: dict[str, str],
    field: str,
) -> None:
    """An argument that is missing or not meant for the operation is named, and nothing is done."""
    console = lab.driver(checked=False)
    with pytest.raises(InvalidInput) as caught:
        console.run_operation(AD, DOMAIN, operation, arguments, "wrong")
    assert field == caught.value.identifiers["field"]
    console.close()
