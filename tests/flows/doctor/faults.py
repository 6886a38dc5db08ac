"""Faults of files, Vault, directory, tenants and consoles, each with what doctor must say of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cli.doctor.model import Area
from sandbox import people
from sandbox.standin.tls import Authority
from sandbox.vault_admin import ROTATING_POLICY
from tests.flows.doctor.planting import planted
from tests.flows.doctor.site import Site

NOWHERE = "https://127.0.0.1:9"
SECRETS = (Area.VAULT, Area.DIRECTORIES, Area.TENANTS, Area.CONSOLES, Area.LEDGERS)


def _plant_ad(data: Any) -> Any:
    return data["services"][1]["connections"][0]


# -- configuration ----------------------------------------------------------------------------------


@planted(
    "configuration.inventory", fault="services[hq].surprise", fix="account-rotation inventory check"
)
def _a_mistake_in_the_inventory(site: Site) -> Iterator[None]:
    with site.inventory(lambda data: data["services"][0].update(surprise=1)):
        yield


@planted(
    "configuration.inventory-file", fault="mode 666", fix="chmod go-w", areas=(Area.CONFIGURATION,)
)
def _everybody_may_write_the_inventory(site: Site) -> Iterator[None]:
    with site.mode(site.world.inventory_file, 0o666):
        yield


@planted(
    "configuration.variables",
    fault="ROTATION_INVENTROY",
    fix="Did you mean ROTATION_INVENTORY?",
    areas=(Area.CONFIGURATION,),
)
def _a_misspelt_variable(site: Site) -> Iterator[None]:
    with site.variable("ROTATION_INVENTROY", "x"):
        yield


@planted("configuration.vault-settings", fault="ROTATION_VAULT_ADDR", fix="use https")
def _vault_without_tls(site: Site) -> Iterator[None]:
    with site.variable("ROTATION_VAULT_ADDR", "http://vault.example.test:8200"):
        yield


@planted("configuration.vault-login", fault="login to Vault", fix="chmod 600")
def _others_can_read_the_secret_id(site: Site) -> Iterator[None]:
    with site.mode(site.world.folder / "secret-id", 0o644):
        yield


@planted("configuration.ca-file", "ca.pem", fault="holds no certificate", fix="PEM")
def _a_ca_file_of_something_else(site: Site) -> Iterator[None]:
    file = site.world.authority.ca_file
    text = file.read_text()
    file.write_text("not a certificate\n")
    yield
    file.write_text(text)


# -- Vault ------------------------------------------------------------------------------------------


@planted("vault.reachable", fault="connection is refused", fix="nc -vz 127.0.0.1 9")
def _vault_is_away(site: Site) -> Iterator[None]:
    with site.variable("ROTATION_VAULT_ADDR", NOWHERE):
        yield


@planted("vault.tls", fault="no trusted authority has issued it", fix="ROTATION_VAULT_CA_FILE")
def _the_authority_of_somebody_else(site: Site) -> Iterator[None]:
    other = Authority.create(site.world.folder / "other-authority")
    with site.variable("ROTATION_VAULT_CA_FILE", str(other.ca_file)):
        yield
    shutil.rmtree(other.folder)


@planted("vault.state", fault="is sealed", fix="vault operator unseal")
def _vault_is_sealed(site: Site) -> Iterator[None]:
    site.world.vault.do("seal")
    yield
    site.world.vault.do("unseal")


@planted("vault.state", fault="no answer within 1 s", fix="vault status", areas=SECRETS)
def _vault_hangs(site: Site) -> Iterator[None]:
    site.world.vault.arm("sys.health", "hold_before", times=0)
    site.patience = 1.0
    yield
    site.patience = 20.0
    site.world.vault.disarm()
    site.world.vault.release()


@planted(
    "vault.sign-in",
    fault="does not sign the orchestrator in",
    fix="vault write -f auth/approle/role/ROLE/secret-id",
)
def _a_secret_id_that_has_ended(site: Site) -> Iterator[None]:
    file = site.world.folder / "secret-id"
    text = file.read_text()
    file.write_text("an-older-one")
    yield
    file.write_text(text)


@planted(
    "vault.too-much-power",
    fault="root token",
    fix="deployments/vault/apply.sh",
    warns=True,
    areas=(Area.VAULT,),
)
def _the_root_token(site: Site) -> Iterator[None]:
    file = site.world.folder / "root-token"
    file.touch(mode=0o600)
    file.write_text(site.world.admin.token)
    for name in ("ROLE_ID", "SECRET_ID_FILE"):
        site.patch.delenv(f"ROTATION_VAULT_{name}")
    with (
        site.variable("ROTATION_VAULT_AUTH", "token"),
        site.variable("ROTATION_VAULT_TOKEN_FILE", str(file)),
    ):
        yield
    for name in ("ROLE_ID", "SECRET_ID_FILE"):
        site.patch.setenv(
            f"ROTATION_VAULT_{name}", site.world.environment[f"ROTATION_VAULT_{name}"]
        )


@planted(
    "vault.capabilities",
    fault="kv/data/cayosoft/plant/ad",
    fix='capabilities = ["read", "update"]',
    areas=SECRETS,
)
def _a_policy_that_only_reads(site: Site) -> Iterator[None]:
    less = ROTATING_POLICY.replace(
        '["create", "update", "read"] }\npath "kv/metadata/cayosoft',
        '["read"] }\npath "kv/metadata/cayosoft',
    )
    assert less != ROTATING_POLICY
    site.world.admin.call("PUT", "/sys/policies/acl/orchestrator", {"policy": less})
    yield
    site.world.admin.call("PUT", "/sys/policies/acl/orchestrator", {"policy": ROTATING_POLICY})


@planted(
    "vault.capabilities",
    fault="kv/data/orchestrator",
    fix='path "kv/data/orchestrator/ad-reader"',
    areas=SECRETS,
)
def _a_policy_without_our_identities(site: Site) -> Iterator[None]:
    less = "\n".join(line for line in ROTATING_POLICY.splitlines() if "orchestrator" not in line)
    site.world.admin.call("PUT", "/sys/policies/acl/orchestrator", {"policy": less})
    yield
    site.world.admin.call("PUT", "/sys/policies/acl/orchestrator", {"policy": ROTATING_POLICY})


@planted(
    "vault.identity",
    "verifier of north",
    fault="has no certificate",
    fix="vault kv put -mount=kv orchestrator/north/verifier",
    areas=SECRETS,
)
def _an_identity_without_its_certificate(site: Site) -> Iterator[None]:
    with site.secret("orchestrator/north/verifier", certificate=""):
        yield


@planted(
    "vault.secret",
    "hq-ad",
    fault="no readable version of kv/cayosoft/hq/ad",
    fix="vault kv put -mount=kv cayosoft/hq/ad",
    areas=SECRETS,
)
def _a_deleted_secret(site: Site) -> Iterator[None]:
    site.world.admin.call("DELETE", "/kv/data/cayosoft/hq/ad")
    yield
    site.world.publish("hq", "ad")


@planted(
    "vault.secret",
    "hq-ad",
    fault="somebody@corp.example.test",
    fix="accounts of hq-ad",
    areas=SECRETS,
)
def _a_secret_of_another_account(site: Site) -> Iterator[None]:
    with site.secret("cayosoft/hq/ad", username="somebody@corp.example.test"):
        yield


@planted(
    "vault.password-policy",
    people.PASSWORD_POLICY,
    fault="no password policy",
    fix="vault write sys/policies/password/account-rotation",
    areas=SECRETS,
)
def _no_password_policy(site: Site) -> Iterator[None]:
    site.world.admin.call("DELETE", f"/sys/policies/password/{people.PASSWORD_POLICY}")
    yield
    site.world.admin.write_password_policy(people.PASSWORD_POLICY)


# -- clocks -----------------------------------------------------------------------------------------


@planted("clocks.agree", fault="the controller ldaps", fix="w32tm", areas=(Area.CLOCKS,))
def _the_clock_of_the_directory(site: Site) -> Iterator[None]:
    site.world.directory.advance(600)
    yield
    site.world.directory.advance(-600)


@planted(
    "clocks.agree",
    fault="sign-in service of north is 600 s ahead of",
    fix="chronyc",
    areas=(Area.CLOCKS,),
)
def _the_clock_of_the_tenant(site: Site) -> Iterator[None]:
    site.world.tenants["north"].advance(600)
    yield
    site.world.tenants["north"].advance(-600)


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
    fault="no answer within 1.5 s",
    fix="ldapsearch",
    areas=(Area.DIRECTORIES,),
)
def _a_controller_hangs(site: Site) -> Iterator[None]:
    site.world.directory.arm("dc2.search", "hold_before", times=1)
    site.patience = 1.5
    yield
    site.patience = 20.0
    site.world.directory.disarm()
    site.world.directory.release()


@planted(
    "directory.reader",
    "corp",
    fault="wrong password",
    fix="vault kv put -mount=kv orchestrator/ad-reader",
    areas=(Area.DIRECTORIES,),
)
def _the_reader_has_another_password(site: Site) -> Iterator[None]:
    def wrong() -> int:
        users = site.world.directory.state()["users"]
        return sum(users[people.READER]["bad_password_counts"].values())

    before = wrong()
    with site.secret("orchestrator/ad-reader", password=people.password()):
        yield
    assert wrong() == before + 1, "one sign-in, although there are two controllers"


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
