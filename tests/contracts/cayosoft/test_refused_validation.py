"""A validation that fails in the tenant, in every broken set-up we know: the report names what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors.errors import NotPermitted
from tasks import permissions, validate_tenant
from tests.contracts.cayosoft.lab import APP, M365_ACCOUNT, TENANT_DOMAIN, Lab
from tests.contracts.cayosoft.steps import Desk, plain, working
from tests.contracts.cayosoft.test_consent import accept
from tests.contracts.cayosoft.test_procedure import collected

Break = Callable[[Lab], None]
GRANT = {"client": APP, "kind": "delegated", "values": ["User.ReadWrite.All"]}
ALL = ["User.Read", "User.ReadWrite.All", "Group.ReadWrite.All"]
UNIT = "/administrativeUnits/0f7c1d1e-0000-4000-8000-000000000001"
OTHER = f"other@{TENANT_DOMAIN}"


@pytest.fixture
def desk(lab: Lab, tmp_path: Path) -> Iterator[Desk]:
    """Return a connection that has its consent and works, until a test breaks it."""
    with working(lab, tmp_path) as desk:
        accept(desk.screen)
        assert collected(desk.screen).status == "Fully granted"
        yield desk


def _roles(*roles: object) -> Break:
    return lambda lab: lab.tenant.do("set_roles", upn=M365_ACCOUNT, roles=list(roles))


def _granted_for_another(lab: Lab) -> None:
    lab.tenant.do("add_user", upn=OTHER, password="")
    lab.tenant.do("revoke", upn=M365_ACCOUNT, **GRANT)
    lab.tenant.do("grant", upn=OTHER, **GRANT)


def _eligible(lab: Lab) -> None:
    lab.tenant.do("set_roles", upn=M365_ACCOUNT, roles=[])
    lab.tenant.do("set_eligible_roles", upn=M365_ACCOUNT, roles=["User Administrator"])


def _another_password(lab: Lab) -> None:
    lab.tenant.do("set_password", upn=M365_ACCOUNT, password=f"Aa1!{lab.tenant_id}")


def _conditional_access(*controls: str) -> Break:
    policy = {"display_name": "Lock it", "include_users": ["All"], "controls": list(controls)}
    return lambda lab: lab.tenant.do("set_conditional_access", policies=[policy])


BROKEN: dict[str, tuple[Break, str, list[tuple[str, str]], str]] = {
    "permission missing": (
        lambda lab: lab.tenant.do("revoke", upn=M365_ACCOUNT, **GRANT),
        "Authorization_RequestDenied",
        [("consent.permission-missing", "User.ReadWrite.All")],
        "for the connection account, which entra.create_user needs",
    ),
    "granted for another user only": (
        _granted_for_another,
        "Authorization_RequestDenied",
        [("consent.permission-missing", "User.ReadWrite.All")],
        "for another user only",
    ),
    "no consent at all": (
        lambda lab: lab.tenant.do("revoke", upn=M365_ACCOUNT, **GRANT | {"values": ALL}),
        "AADSTS65001",
        [("consent.permission-missing", "User.ReadWrite.All")],
        "lacks the delegated permission",
    ),
    "role missing": (
        _roles(),
        "Authorization_RequestDenied",
        [("entra.role-missing", "User Administrator")],
        "is not assigned",
    ),
    "another role": (
        _roles("Groups Administrator"),
        "Authorization_RequestDenied",
        [("entra.role-missing", "User Administrator")],
        "is not assigned",
    ),
    "role only eligible": (
        _eligible,
        "Authorization_RequestDenied",
        [("entra.role-missing", "User Administrator")],
        "is only eligible",
    ),
    "role for a part of the tenant": (
        _roles({"name": "User Administrator", "scope": UNIT}),
        "Authorization_RequestDenied",
        [("entra.role-missing", "User Administrator")],
        f"is assigned for {UNIT} only",
    ),
    "app disabled": (
        lambda lab: lab.tenant.do("disable_app", client=APP),
        "AADSTS7000112",
        [("consent.app-disabled", APP)],
        "disabled for sign-in",
    ),
    "account disabled": (
        lambda lab: lab.tenant.do("set_enabled", upn=M365_ACCOUNT, on=False),
        "AADSTS50057",
        [("entra.account-disabled", M365_ACCOUNT)],
        "is disabled",
    ),
    "Conditional Access blocks": (
        _conditional_access("block"),
        "AADSTS53003",
        [("entra.product-sign-in-stopped", M365_ACCOUNT), ("entra.conditional-access", "Lock it")],
        "Conditional Access blocks this sign-in",
    ),
    "Conditional Access wants a device": (
        _conditional_access("compliantDevice"),
        "AADSTS53000",
        [("entra.product-sign-in-stopped", M365_ACCOUNT), ("entra.conditional-access", "Lock it")],
        "managed device",
    ),
    "security defaults": (
        lambda lab: lab.tenant.do("set_security_defaults", on=True),
        "AADSTS50076",
        [
            ("entra.product-sign-in-stopped", M365_ACCOUNT),
            ("entra.security-defaults-on", "Security defaults"),
        ],
        "multi-factor authentication is demanded",
    ),
    "multi-factor authentication of the account": (
        lambda lab: lab.tenant.do("set_mfa", upn=M365_ACCOUNT),
        "AADSTS50076",
        [("entra.product-sign-in-stopped", M365_ACCOUNT)],
        "multi-factor authentication is demanded",
    ),
    "another password": (
        _another_password,
        "AADSTS50126",
        [("entra.product-sign-in-stopped", M365_ACCOUNT)],
        "password is wrong",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_report_names_what_is_wrong(desk: Desk, name: str) -> None:
    """The product is refused in the tenant's own words; what explains it is named, and nothing else."""
    broken, code, findings, said = BROKEN[name]
    broken(desk.lab)
    with pytest.raises(NotPermitted) as refused:
        plain(validate_tenant.provision_entra_user)(desk.systems, desk.location)
    assert refused.value.identifiers["code"] == code
    check = plain(permissions.double_check_permissions)
    found = check(desk.systems, desk.location, refused.value, None)
    assert [(item.code, item.subject) for item in found] == findings
    assert said in found[0].detail
    assert all(item.what_to_do() for item in found)
    assert list(found) == desk.here.findings


def test_the_tenant_as_it_must_be(desk: Desk) -> None:
    """Where nothing is broken the product is not refused, and nothing would be named."""
    user = plain(validate_tenant.provision_entra_user)(desk.systems, desk.location)
    plain(validate_tenant.delete_entra_user)(desk.systems, desk.location, user)
    failed = NotPermitted("cayosoft", "entra.create_user")
    check = plain(permissions.double_check_permissions)
    assert check(desk.systems, desk.location, failed, None) == ()
