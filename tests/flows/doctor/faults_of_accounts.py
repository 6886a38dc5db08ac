"""Faults of Active Directory, Entra ID and consoles, each with what doctor must say of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli.doctor.model import Area
from sandbox import people
from tests.flows.doctor.planting import planted
from tests.flows.doctor.site import Site

NOWHERE = "https://127.0.0.1:9"


def _plant_ad(data: Any) -> Any:
    return data["services"][1]["connections"][0]


# -- Active Directory -------------------------------------------------------------------------------


@planted(
    "directory.reachable",
    "corp 127.0.0.1:9",
    fault="connection is refused",
    fix="nc -vz 127.0.0.1 9",
    areas=(Area.DIRECTORIES,),
)
def _a_controller_is_away(site: Site) -> Iterator[None]:
    with site.inventory(
        lambda data: data["directories"][0]["controllers"].insert(0, "ldaps://127.0.0.1:9")
    ):
        yield


@planted(
    "directory.domain",
    "*",
    fault="no answer within 4 s",
    fix="ldapsearch",
    areas=(Area.DIRECTORIES,),
)
def _a_controller_hangs(site: Site) -> Iterator[None]:
    site.world.directory.arm("dc2.search", "hold_before", times=1)
    site.patience = 4.0
    yield
    site.patience = 20.0
    site.world.directory.disarm()
    site.world.directory.release()


def _wrong_sign_ins(site: Site, username: str) -> int:
    users = site.world.directory.state()["users"]
    return sum(users[username]["bad_password_counts"].values())


@planted(
    "directory.reader",
    "corp",
    fault="wrong password",
    fix="vault kv put -mount=kv orchestrator/ad-reader",
    areas=(Area.DIRECTORIES,),
)
def _the_reader_has_another_password(site: Site) -> Iterator[None]:
    before = _wrong_sign_ins(site, people.READER)
    with site.secret("orchestrator/ad-reader", password=people.password()):
        yield
    after = _wrong_sign_ins(site, people.READER)
    assert after == before + 1, "one sign-in, although there are two controllers"


@planted(
    "directory.setter-sign-in",
    "corp",
    fault="wrong password",
    fix="vault kv put -mount=kv orchestrator/ad-setter",
    areas=(Area.DIRECTORIES,),
)
def _the_setter_has_another_password(site: Site) -> Iterator[None]:
    before = _wrong_sign_ins(site, people.SETTER)
    with site.secret("orchestrator/ad-setter", password=people.password()):
        yield
    after = _wrong_sign_ins(site, people.SETTER)
    assert after == before + 1, "one sign-in, whatever is to be asked about accounts"


@planted(
    "directory.account",
    "hq-ad",
    fault="is disabled",
    fix="Enable-ADAccount svc-cayo-hq",
    areas=(Area.DIRECTORIES,),
)
def _a_disabled_account(site: Site) -> Iterator[None]:
    site.world.directory.do("disable", username="svc-cayo-hq")
    yield
    site.world.directory.do("enable", username="svc-cayo-hq")


@planted(
    "directory.account",
    "plant-ad",
    fault="is locked",
    fix="Unlock-ADAccount svc-cayo-plant",
    areas=(Area.DIRECTORIES,),
)
def _a_locked_account(site: Site) -> Iterator[None]:
    site.world.directory.do("lock", username="svc-cayo-plant")
    yield
    site.world.directory.do("unlock", username="svc-cayo-plant")


@planted(
    "directory.validation-ou",
    "hq-ad",
    fault="OU=Nowhere",
    fix='New-ADOrganizationalUnit -Name "Nowhere"',
    areas=(Area.DIRECTORIES,),
)
def _no_validation_unit(site: Site) -> Iterator[None]:
    def change(data: Any) -> None:
        data["services"][0]["connections"][0]["validation_ou"] = f"OU=Nowhere,{people.BASE_DN}"

    with site.inventory(change):
        yield


@planted(
    "directory.setter",
    "plant-ad",
    fault="may not reset the password",
    fix="Reset Password;user",
    areas=(Area.DIRECTORIES,),
)
def _a_setter_without_its_right(site: Site) -> Iterator[None]:
    right = {
        "trustee": people.SETTER,
        "container": "OU=Service Accounts",
        "rights": ["reset passwords"],
    }
    site.world.directory.do("revoke", **right)
    yield
    site.world.directory.do("delegate", **right)


# -- Entra ID ---------------------------------------------------------------------------------------


@planted(
    "tenant.known",
    "north",
    fault="does not know the tenant",
    fix="tenant_id",
    areas=(Area.TENANTS,),
)
def _another_tenant(site: Site) -> Iterator[None]:
    other = "11111111-2222-3333-4444-555555555555"
    with site.inventory(lambda data: data["tenants"][0].update(tenant_id=other)):
        yield


def _client(site: Site, role: str) -> str:
    key = site.world.services[0].tenant.identities[role]
    return key.client_id


@planted(
    "tenant.application", "north verifier", fault="does not sign in", fix="", areas=(Area.TENANTS,)
)
def _a_disabled_application(site: Site) -> Iterator[None]:
    client = _client(site, "verifier")
    site.world.tenants["north"].do("disable_app", client=client)
    yield
    site.world.tenants["north"].do("disable_app", client=client, on=True)


@planted(
    "tenant.permissions",
    "north remediator",
    fault="DelegatedPermissionGrant.ReadWrite.All",
    fix="Grant admin consent",
    areas=(Area.TENANTS,),
)
def _a_permission_that_lacks(site: Site) -> Iterator[None]:
    grant = {
        "client": _client(site, "remediator"),
        "kind": "application",
        "values": ["DelegatedPermissionGrant.ReadWrite.All"],
    }
    site.world.tenants["north"].do("revoke", **grant)
    yield
    site.world.tenants["north"].do("grant", **grant)


@planted(
    "tenant.too-much-power",
    "north",
    fault="User.ReadWrite.All",
    fix="API permissions",
    warns=True,
    areas=(Area.TENANTS,),
)
def _a_verifier_that_may_write(site: Site) -> Iterator[None]:
    grant = {
        "client": _client(site, "verifier"),
        "kind": "application",
        "values": ["User.ReadWrite.All"],
    }
    site.world.tenants["north"].do("grant", **grant)
    yield
    site.world.tenants["north"].do("revoke", **grant)


@planted(
    "tenant.setter",
    "plant-m365",
    fault="may not set the password",
    fix="roleAssignments",
    areas=(Area.TENANTS,),
)
def _a_setter_without_its_role(site: Site) -> Iterator[None]:
    client = _client(site, "setter")
    site.world.tenants["north"].do("set_roles", client=client, roles=[])
    yield
    roles = ["Privileged Authentication Administrator"]
    site.world.tenants["north"].do("set_roles", client=client, roles=roles)


@planted(
    "tenant.account", "hq-m365", fault="is disabled", fix="Update-MgUser", areas=(Area.TENANTS,)
)
def _a_disabled_user(site: Site) -> Iterator[None]:
    upn = site.world.service("hq").entra_upn
    site.world.tenants["north"].do("set_enabled", upn=upn, on=False)
    yield
    site.world.tenants["north"].do("set_enabled", upn=upn, on=True)


@planted(
    "tenant.account",
    "hq-m365",
    fault="synchronised",
    fix="created in Entra ID",
    areas=(Area.TENANTS,),
)
def _a_synchronised_user(site: Site) -> Iterator[None]:
    upn = site.world.service("hq").entra_upn
    site.world.tenants["north"].do("set_user", upn=upn, onPremisesSyncEnabled=True)
    yield
    site.world.tenants["north"].do("set_user", upn=upn, onPremisesSyncEnabled=None)


def _manifest(site: Site) -> Path:
    return site.world.folder / "consent-manifest.json"


@planted(
    "tenant.manifest",
    "consent-manifest.json",
    fault="manifest cannot be used",
    fix="valid JSON",
    areas=(Area.TENANTS,),
)
def _a_manifest_that_is_no_json(site: Site) -> Iterator[None]:
    text = _manifest(site).read_text()
    _manifest(site).write_text(text[:-20])
    yield
    _manifest(site).write_text(text)


@planted(
    "tenant.manifest-complete",
    "consent-manifest.json",
    fault="a part of",
    fix="account-rotation consent capture",
    warns=True,
    areas=(Area.TENANTS,),
)
def _a_manifest_of_a_part(site: Site) -> Iterator[None]:
    text = _manifest(site).read_text()
    _manifest(site).write_text(json.dumps({**json.loads(text), "complete": False}))
    yield
    _manifest(site).write_text(text)


# -- consoles ---------------------------------------------------------------------------------------


@planted(
    "console.reachable",
    "hq",
    fault="connection is refused",
    fix="nc -vz 127.0.0.1 9",
    areas=(Area.CONSOLES,),
)
def _a_bridge_is_away(site: Site) -> Iterator[None]:
    with site.inventory(lambda data: data["services"][0]["console"].update(url=NOWHERE)):
        yield


@planted(
    "console.sign-in",
    "hq",
    fault="does not sign our client in",
    fix="kv/orchestrator/bridge/hq",
    areas=(Area.CONSOLES,),
)
def _a_bridge_client_with_another_secret(site: Site) -> Iterator[None]:
    with site.secret("orchestrator/bridge/hq", client_secret=people.password()):
        yield


@planted(
    "console.service",
    "hq",
    fault="is the one of the service plant",
    fix="services[hq].console.url",
    areas=(Area.CONSOLES,),
)
def _the_bridge_of_another_service(site: Site) -> Iterator[None]:
    client = site.world.admin.read("orchestrator/bridge/plant")
    url = site.world.consoles["plant"].url
    with (
        site.secret("orchestrator/bridge/hq", **client),
        site.inventory(lambda data: data["services"][0]["console"].update(url=url)),
    ):
        yield


@planted(
    "console.role",
    "hq",
    fault="product role Readers",
    fix="Global Administrators",
    areas=(Area.CONSOLES,),
)
def _a_client_that_may_not_configure(site: Site) -> Iterator[None]:
    site.world.consoles["hq"].do("set_role", role="Readers")
    yield
    site.world.consoles["hq"].do("set_role", role="Global Administrators")


@planted(
    "console.extension",
    "hq-m365",
    fault="switched off",
    fix="Connected System Extensions",
    areas=(Area.CONSOLES,),
)
def _a_disabled_extension(site: Site) -> Iterator[None]:
    site.world.consoles["hq"].do("disable_extension", extension="microsoft_365")
    yield
    site.world.consoles["hq"].do("enable_extension", extension="microsoft_365")


@planted(
    "console.row",
    "plant-ad",
    fault="no row nowhere.example",
    fix="row of plant-ad",
    areas=(Area.CONSOLES,),
)
def _a_row_that_is_not_there(site: Site) -> Iterator[None]:
    with site.inventory(lambda data: _plant_ad(data).update(row="nowhere.example")):
        yield


@planted(
    "console.row",
    "hq-ad",
    fault="signs in as admin@corp.example.test",
    fix="account-rotation update hq",
    areas=(Area.CONSOLES,),
)
def _a_row_with_somebody_elses_account(site: Site) -> Iterator[None]:
    row = {"extension": "active_directory", "row": people.AD_ROW}
    site.world.consoles["hq"].do("set_row", **row, account="admin@corp.example.test")
    yield
    site.world.consoles["hq"].do("set_row", **row, account=site.world.service("hq").ad_upn)
