"""The article's console steps, from sign-in to validation, on a console that really does them."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from connectors.cayosoft.bridge import BridgeConsole
from connectors.cayosoft.models import ConsoleConsent, Operation
from connectors.errors import InvalidInput, NotFound, NotPermitted, SignInRefused
from tests.contracts.cayosoft.contract import document
from tests.contracts.cayosoft.lab import (
    ACCOUNTS,
    AD,
    AD_ACCOUNT,
    APP,
    CLIENT,
    DOMAIN,
    M365,
    M365_ACCOUNT,
    OU,
    ROWS,
    TENANT_DOMAIN,
    Lab,
)


def collected(console: BridgeConsole) -> ConsoleConsent:
    """Return the consent section once the console has collected the tenant's data."""
    row = console.connection_row(M365, TENANT_DOMAIN)
    deadline = time.monotonic() + 10
    while (section := console.consent(row)).collecting:
        assert time.monotonic() < deadline
    return section


def test_active_directory(
    lab: Lab, console: BridgeConsole, new_password: Callable[[], str]
) -> None:
    """A1 to A6 and V1 to V4: after them the console's credential signs in and works."""
    handle = lab.rotate(AD, new_password())
    assert not lab.signs_in(AD)
    session = console.sign_in()
    assert (session.service, session.product_version, session.may_configure) == ("hq", "13.3", True)
    assert console.extension_enabled(AD)
    draft = console.enter_credential(console.connection_row(AD, DOMAIN), handle, "label-2")
    assert not lab.signs_in(AD)
    row = console.save(draft, "save-1")
    assert console.connection_row(AD, DOMAIN) == row
    assert (row.account, row.secret_label, row.saved_key) == (AD_ACCOUNT, "label-2", "save-1")
    assert console.check_settings(AD, DOMAIN).ok
    assert lab.signs_in(AD)

    def run(operation: Operation, **arguments: str) -> str:
        result = console.run_operation(AD, DOMAIN, operation, arguments, operation.value)
        assert result.ok, result
        return result.object_id or ""

    dn = run(Operation.AD_CREATE_USER, container=OU, username="rot-1", description="created by V1")
    user = lab.directory.state()["users"]["rot-1"]
    assert (dn, "created by V1", True) == (user["dn"], user["description"], user["enabled"])
    run(Operation.AD_RESET_PASSWORD, dn=dn)
    run(Operation.AD_MODIFY_USER, dn=dn, description="changed by V3")
    assert lab.directory.state()["users"]["rot-1"]["description"] == "changed by V3"
    run(Operation.AD_DELETE_USER, dn=dn)
    assert "rot-1" not in lab.directory.state()["users"]


def test_microsoft_365(lab: Lab, console: BridgeConsole, new_password: Callable[[], str]) -> None:
    """E1 to E7 and V5 to V7, with every request and answer held against the contract."""
    handle = lab.rotate(M365, new_password())
    assert console.extension_enabled(M365)
    row = console.connection_row(M365, TENANT_DOMAIN)
    draft = console.enter_credential(row, handle, "label-2")
    assert console.validate(draft).ok
    row = console.save(draft, "save-1")
    assert row.account == M365_ACCOUNT
    assert lab.signs_in(M365)
    app = console.find_or_register_app(row, "app-1")
    assert (app.display_name, app.registered_now) == (APP, False)
    prompt = console.permission_request(row)
    assert not prompt.already_granted
    assert "Microsoft Graph: User.ReadWrite.All (delegated)" in prompt.permissions
    console.accept_permissions(prompt, on_behalf_of_organization=False, idempotency_key="accept-1")
    section = collected(console)
    assert (section.status, section.red_banner) == ("Fully granted", False)
    assert {"Granted"} == {line.status for line in section.rows}
    assert console.permission_request(row).already_granted

    def run(operation: Operation, **arguments: str) -> str:
        result = console.run_operation(M365, TENANT_DOMAIN, operation, arguments, operation.value)
        assert result.ok, result
        return result.object_id or ""

    upn = f"rot-1@{TENANT_DOMAIN}"
    user_id = run(Operation.ENTRA_CREATE_USER, upn=upn, displayName="rot-1")
    assert upn in {user["upn"] for user in lab.tenant.state()["users"] if user["id"] == user_id}
    run(Operation.ENTRA_MODIFY_USER, id=user_id, department="V6")
    run(Operation.ENTRA_DELETE_USER, id=user_id)
    run(Operation.ENTRA_DELETE_USER, id=user_id)


def test_the_whole_contract_was_used(lab: Lab, console: BridgeConsole) -> None:
    """The driver uses every operation of the contract: none is there for nothing."""
    console.sign_in()
    for extension, name in ROWS.items():
        console.extension_enabled(extension)
        draft = console.enter_credential(
            console.connection_row(extension, name), ACCOUNTS[extension], "label"
        )
        console.discard(draft)
        console.check_settings(extension, name)
    draft = console.enter_credential(
        console.connection_row(M365, TENANT_DOMAIN), ACCOUNTS[M365], "label"
    )
    console.validate(draft)
    row = console.save(draft, "save")
    console.find_or_register_app(row, "app")
    prompt = console.permission_request(row)
    console.accept_permissions(prompt, on_behalf_of_organization=False, idempotency_key="accept")
    console.consent(row)
    console.run_operation(AD, DOMAIN, Operation.AD_DELETE_USER, {"dn": f"CN=none,{OU}"}, "delete")
    every = {
        operation["operationId"]
        for methods in document()["paths"].values()
        for name, operation in methods.items()
        if name != "parameters"
    }
    assert every == lab.contract.seen


def test_another_role_sees_no_configuration(lab: Lab, console: BridgeConsole) -> None:
    """A client without Global Administrators signs in, and is told which role it lacks."""
    lab.console.do("set_role", role="Web Administrators")
    session = console.sign_in()
    assert (session.product_role, session.may_configure) == ("Web Administrators", False)
    with pytest.raises(NotPermitted) as caught:
        console.connection_row(AD, DOMAIN)
    assert "Global Administrators" in caught.value.what_to_do()


def test_a_client_with_another_secret(
    lab: Lab, console: BridgeConsole, new_password: Callable[[], str]
) -> None:
    """A client whose secret was changed at the bridge only does not get in, and is not tried twice."""
    lab.vault.put(CLIENT, client_id="rotation", client_secret=new_password())
    with pytest.raises(SignInRefused):
        console.sign_in()
    assert [call["outcome"] for call in lab.console.calls("token")] == ["401"]


def test_forgotten_tokens(lab: Lab, console: BridgeConsole) -> None:
    """A console that restarted has forgotten the token; the driver signs in again by itself."""
    console.sign_in()
    lab.console.do("expire_tokens")
    assert console.extension_enabled(AD)
    assert len(lab.console.calls("token")) == 2


def test_disabled_extension(lab: Lab, console: BridgeConsole) -> None:
    """A disabled extension says so on its page, in its rows and in Check Settings."""
    lab.console.do("disable_extension", extension="active_directory")
    assert not console.extension_enabled(AD)
    assert not console.connection_row(AD, DOMAIN).enabled
    assert not console.check_settings(AD, DOMAIN).ok
    assert console.extension_enabled(M365)


def test_unknown_row(lab: Lab, console: BridgeConsole) -> None:
    """A row that the console does not have is not found."""
    with pytest.raises(NotFound):
        console.connection_row(AD, "elsewhere.example.test")


def test_wrong_extension(lab: Lab, console: BridgeConsole) -> None:
    """An operation of the other extension is refused, naming the field."""
    with pytest.raises(InvalidInput) as caught:
        console.run_operation(
            M365, TENANT_DOMAIN, Operation.AD_DELETE_USER, {"dn": f"CN=x,{OU}"}, "k"
        )
    assert caught.value.identifiers["field"] == "extension"
