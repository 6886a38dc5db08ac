"""Faults of files, Vault and clocks, each with what doctor must say of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from cli.doctor.model import Area
from sandbox import people
from sandbox.standin.tls import Authority
from sandbox.vault_admin import ROTATING_POLICY
from tests.flows.doctor.planting import planted
from tests.flows.doctor.site import Site

NOWHERE = "https://127.0.0.1:9"
SECRETS = (Area.VAULT, Area.DIRECTORIES, Area.CONSOLES)


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


@planted("vault.state", fault="no answer within 4 s", fix="vault status", areas=SECRETS)
def _vault_hangs(site: Site) -> Iterator[None]:
    site.world.vault.arm("sys.health", "hold_before", times=0)
    site.patience = 4.0
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
    areas=(*SECRETS, Area.TENANTS),
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
    fault="sign-in service of north is",
    fix="chronyc",
    areas=(Area.CLOCKS,),
)
def _the_clock_of_the_tenant(site: Site) -> Iterator[None]:
    site.world.tenants["north"].advance(600)
    yield
    site.world.tenants["north"].advance(-600)
