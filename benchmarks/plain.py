"""The same update as a plain script: the same calls of the same connectors in the same order, and nothing else.

This is the honest answer to "why not a script". When all goes well it does what the flow does. What it does
not do: try again when a system does not answer, look before repeating after a lost answer, throw a draft
away, remove its test user when it fails, say which permission is missing, go on with the other connection
when one fails, notice that another run has overtaken it, remember a password that was refused, skip what is already so, run dry, keep evidence, or
show anybody where it is.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Mapping
from typing import TypeVar

from connectors.cayosoft.models import Operation
from connectors.entra.consent import review
from connectors.entra.manifest import load_manifest
from connectors.entra.models import ProbeVerdict
from connectors.entra.roles import missing_roles
from connectors.models import Extension, Presence, SecretVersion
from connectors.protocols import Systems
from inventory.models import ActiveDirectoryConnection, Microsoft365Connection
from inventory.wiring import open_inventory, open_systems
from tasks._wait import eventually

T = TypeVar("T")
PREFIX = "rot-plain-"


def update(service: str) -> None:
    """Bring both connections of a service to the credential that Vault holds; RuntimeError when not."""
    inventory = open_inventory()
    connections = inventory.service(service).connections
    name = f"{PREFIX}{uuid.uuid4().hex[:8]}"
    with open_systems(inventory) as systems:
        versions = {
            item.name: _there(systems.vault.metadata(item.secret.handle).current)
            for item in connections
        }
        for item in connections:
            if isinstance(item, ActiveDirectoryConnection):
                _active_directory(systems, service, item, versions[item.name])
        for item in connections:
            if isinstance(item, Microsoft365Connection):
                _microsoft_365(systems, service, item, versions[item.name])
        for item in connections:
            if isinstance(item, ActiveDirectoryConnection):
                _operate_in_active_directory(systems, service, item, versions[item.name], name)
            else:
                _operate_in_entra_id(systems, service, item, name)


def _active_directory(
    systems: Systems, service: str, item: ActiveDirectoryConnection, version: SecretVersion
) -> None:
    console, directory = systems.console(service), systems.directory(item.directory)
    _hold(console.sign_in().may_configure, "the console role may configure")
    _hold(console.extension_enabled(Extension.ACTIVE_DIRECTORY), "the extension is enabled")
    row = console.connection_row(Extension.ACTIVE_DIRECTORY, item.row)

    account = systems.vault.credential(version.handle).username
    _hold(account in {known.username for known in item.accounts}, "the account is the connection's")
    directory.sign_in(version.handle)
    managed = item.managed_ous or (directory.base_dn,)
    rights = directory.rights(version.handle, item.validation_ou, managed=managed)
    _hold(all(right.presence is Presence.PRESENT for right in rights), "no right is missing")
    draft = console.enter_credential(row, version.handle, version.label)
    console.save(draft, str(uuid.uuid4()))
    _hold(console.check_settings(Extension.ACTIVE_DIRECTORY, item.row).ok, "Check Settings passes")


def _microsoft_365(
    systems: Systems, service: str, item: Microsoft365Connection, version: SecretVersion
) -> None:
    console, tenant = systems.console(service), systems.tenant(item.tenant)
    _hold(console.sign_in().may_configure, "the console role may configure")
    _hold(console.extension_enabled(Extension.MICROSOFT_365), "the extension is enabled")
    row = console.connection_row(Extension.MICROSOFT_365, item.row)

    name = systems.vault.credential(version.handle).username
    _hold(name in {known.username for known in item.accounts}, "the account is the connection's")
    account = tenant.account(name)
    _hold(account.enabled, "the account is enabled")
    held = tenant.role_facts(account.id)
    _hold(not missing_roles(item.required_roles, held.holdings, account.upn), "no role is missing")
    _hold(not tenant.sign_in_policies(account.id, held).reaching, "no policy is in the way")
    proof = tenant.probe_password(version.handle)
    _hold(proof.verdict is ProbeVerdict.VALID, "the password signs in")
    draft = console.enter_credential(row, version.handle, version.label)
    _hold(console.validate(draft).ok, "Validate passes")
    row = console.save(draft, str(uuid.uuid4()))

    manifest = load_manifest(item.consent.manifest)
    needs = sorted({permission.resource_app_id for permission in manifest.permissions})
    tenant.app_presence(manifest.app_display_name, needs)
    app = console.find_or_register_app(row, str(uuid.uuid4()))
    request = console.permission_request(row)
    if not request.already_granted:
        console.accept_permissions(
            request, on_behalf_of_organization=False, idempotency_key=str(uuid.uuid4())
        )
    _until(lambda: console.consent(row), lambda shown: not shown.collecting, "data is collected")

    account = tenant.account(row.account)
    facts = tenant.consent_facts(app.app_id, account.id, manifest)
    _hold(review(manifest, facts, account).ready, "the consent is complete")
    _hold(console.consent(row).status == "Fully granted", "the console says so, too")


def _operate_in_active_directory(
    systems: Systems,
    service: str,
    item: ActiveDirectoryConnection,
    version: SecretVersion,
    name: str,
) -> None:
    directory = systems.directory(item.directory)

    def run(operation: Operation, arguments: Mapping[str, str]) -> None:
        _operate(systems, service, item.row, operation, arguments)

    directory.delete_test_users(version.handle, item.validation_ou, PREFIX, keep=name)
    run(Operation.AD_CREATE_USER, {"container": item.validation_ou, "username": name})
    user = _there(_until(lambda: directory.find_user(name), bool, "the user is there"))
    run(Operation.AD_RESET_PASSWORD, {"dn": user.dn})
    _until(
        lambda: directory.find_user(name),
        lambda seen: seen is not None and seen.password_last_set != user.password_last_set,
        "the password was reset",
    )
    run(Operation.AD_MODIFY_USER, {"dn": user.dn, "description": f"changed for {name}"})
    _until(
        lambda: directory.find_user(name),
        lambda seen: seen is not None and seen.description == f"changed for {name}",
        "the description changed",
    )
    run(Operation.AD_DELETE_USER, {"dn": user.dn})
    _until(lambda: directory.find_user(name), lambda seen: seen is None, "the user is gone")


def _operate_in_entra_id(
    systems: Systems, service: str, item: Microsoft365Connection, name: str
) -> None:
    tenant, upn = systems.tenant(item.tenant), f"{name}@{item.validation_domain}"

    def run(operation: Operation, arguments: Mapping[str, str]) -> None:
        _operate(systems, service, item.row, operation, arguments)

    tenant.delete_test_users(item.validation_domain, PREFIX, keep=upn)
    run(Operation.ENTRA_CREATE_USER, {"upn": upn, "displayName": name})
    user = _there(_until(lambda: tenant.find_user(upn), bool, "the user is there"))
    run(Operation.ENTRA_MODIFY_USER, {"id": user.id, "department": name})
    _until(
        lambda: tenant.find_user(upn),
        lambda seen: seen is not None and seen.department == name,
        "the department changed",
    )
    run(Operation.ENTRA_DELETE_USER, {"id": user.id})
    _until(lambda: tenant.find_user(upn), lambda seen: seen is None, "the user is gone")


def _operate(
    systems: Systems, service: str, row: str, operation: Operation, arguments: Mapping[str, str]
) -> None:
    extension = (
        Extension.ACTIVE_DIRECTORY if operation.value.startswith("ad.") else Extension.MICROSOFT_365
    )
    console, key = systems.console(service), str(uuid.uuid4())
    _hold(console.run_operation(extension, row, operation, arguments, key).ok, operation.value)


def _until(look: Callable[[], T], wanted: Callable[[T], bool], what: str) -> T:
    """Look with the same pauses as the flow does, for at most a minute."""
    seen = eventually(look, wanted, 60.0)
    _hold(wanted(seen), what)
    return seen


def _there(value: T | None) -> T:
    if value is None:
        raise RuntimeError("not there")
    return value


def _hold(condition: bool, what: str) -> None:
    if not condition:
        raise RuntimeError(f"does not hold: {what}")


if __name__ == "__main__":
    update(sys.argv[1])
