"""The whole sandbox: every stand-in started, seeded and wired, on loopback, with secrets made now.

Two services. ``hq`` has a tenant where everything can be granted; ``branch`` has one whose consent policy
withholds a permission and where another one was granted for the whole organization long ago. At the start
the consoles hold passwords that are in use; ``rotate`` changes one in the directory and in Vault, as
Vault's own rotation would, and leaves the console behind.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import ldap3
from ruamel.yaml import YAML

from sandbox import people
from sandbox.people import BASE_DN, DOMAIN, ServiceSeed, TenantSeed
from sandbox.standin.ldap import verified_tls
from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority
from sandbox.vault_admin import ORCHESTRATOR_POLICY, VaultAdmin

AD_ROW = DOMAIN
RIGHTS = ("create users", "reset passwords", "write user attributes", "delete users")


@dataclass
class World:
    """A running sandbox. ``environment`` is what the product needs to find it."""

    folder: Path
    authority: Authority
    vault: StandIn
    admin: VaultAdmin
    directory: StandIn
    administrator: dict[str, str] = field(repr=False)  # a failed test prints its world
    reader_password: str = field(repr=False)
    services: list[ServiceSeed]
    tenants: dict[str, StandIn]
    consoles: dict[str, StandIn]
    environment: dict[str, str] = field(default_factory=dict)
    canaries: set[str] = field(default_factory=set, repr=False)

    @property
    def inventory_file(self) -> Path:
        """The inventory that describes this sandbox."""
        return self.folder / "inventory.yaml"

    def service(self, name: str) -> ServiceSeed:
        """Return a service by name."""
        return next(item for item in self.services if item.name == name)

    def rotate_ad(self, service: str) -> int:
        """Change the AD account's password in the directory and in Vault; return Vault's new version."""
        seed = self.service(service)
        seed.ad_password = people.password()
        self.canaries.add(seed.ad_password)
        self.set_ad_password(seed.ad_username, seed.ad_password)
        return self.publish(service, "ad")

    def rotate_entra(self, service: str) -> int:
        """Change the Entra account's password in the tenant and in Vault; return Vault's new version."""
        seed = self.service(service)
        seed.entra_password = people.password()
        self.canaries.add(seed.entra_password)
        self.tenants[seed.tenant.name].do(
            "set_password", upn=seed.entra_upn, password=seed.entra_password
        )
        return self.publish(service, "m365")

    def publish(self, service: str, which: str, password: str | None = None) -> int:
        """Write the account's password (or another one) to Vault; return the new version."""
        seed = self.service(service)
        username = seed.ad_upn if which == "ad" else seed.entra_upn
        current = seed.ad_password if which == "ad" else seed.entra_password
        self.canaries.add(password or current)
        return self.admin.write(
            f"cayosoft/{service}/{which}",
            {"username": username, "password": password or current},
        )

    def set_ad_password(self, username: str, password: str) -> None:
        """Reset an account's password as the domain administrator, over LDAPS."""
        (dn,) = self.directory_search(f"(sAMAccountName={username})")
        with self.as_administrator() as connection:
            quoted = f'"{password}"'.encode("utf-16-le")
            change = {"unicodePwd": [(ldap3.MODIFY_REPLACE, [quoted])]}
            if not connection.modify(dn, change):
                raise RuntimeError(f"reset of {username}: {connection.result['description']}")

    def directory_search(self, wanted: str) -> list[str]:
        """Return the names (DN) of the directory's objects that match an LDAP filter."""
        with self.as_administrator() as connection:
            connection.search(BASE_DN, wanted, attributes=["cn"])
            return [e["dn"] for e in connection.response if e["type"] == "searchResEntry"]

    def locked_accounts(self) -> list[str]:
        """Return the accounts of the directory that are locked."""
        return self.directory_search("(lockoutTime>=1)")

    @contextmanager
    def as_administrator(self) -> Iterator[Any]:
        """Bind to the directory as the domain administrator."""
        tls = verified_tls(self.authority.ca_file)
        server = ldap3.Server(self.directory.url, tls=tls, get_info=ldap3.NONE, connect_timeout=10)
        connection = ldap3.Connection(
            server,
            f"{self.administrator['username']}@{DOMAIN}",
            # Bytes, so that ldap3 does not prepare (change) the text; its stubs know only str.
            self.administrator["password"].encode(),  # type: ignore[arg-type]
            auto_referrals=False,
            receive_timeout=20,
        )
        if not connection.bind():
            raise RuntimeError("the administrator does not sign in")
        try:
            yield connection
        finally:
            connection.unbind()

    def console_signs_in(self, service: str, extension: str) -> bool:
        """Say whether the credential that a console holds signs in right now."""
        row = AD_ROW if extension == "active_directory" else self.service(service).tenant.domain
        answer = self.consoles[service].do("signs_in", extension=extension, row=row)
        return bool(answer["signs_in"])

    def stand_ins(self) -> dict[str, StandIn]:
        """Return every stand-in by the name a person would use."""
        return {
            "Vault": self.vault,
            "Active Directory": self.directory,
            **{f"Entra ID ({name})": item for name, item in self.tenants.items()},
            **{f"Cayosoft console ({name})": item for name, item in self.consoles.items()},
        }


@contextmanager
def running(
    folder: Path, directory: str = "active_directory", rights: Sequence[str] = RIGHTS
) -> Iterator[World]:
    """Start the sandbox in ``folder``; ``directory`` is ``active_directory`` or ``samba``.

    ``rights`` are what the Active Directory connection accounts may do in their validation OU.
    """
    with ExitStack() as stack:
        yield _build(folder, directory, rights, stack)


def _build(folder: Path, directory: str, rights: Sequence[str], stack: ExitStack) -> World:
    authority = Authority.create(folder / "tls")
    services = [
        ServiceSeed("hq", TenantSeed("north")),
        ServiceSeed(
            "branch",
            TenantSeed(
                "south",
                withhold=("Group.ReadWrite.All",),
                organization_wide=("Directory.Read.All",),
            ),
        ),
    ]
    root_token, reader_password = f"root-{secrets.token_hex(16)}", people.password()
    administrator = {"username": "Administrator", "password": people.password()}

    def start(system: str, name: str, **config: Any) -> StandIn:
        certificate, key = authority.issue(name, f"dc1.{DOMAIN}", DOMAIN)
        tls = {"cert": str(certificate), "key": str(key)}
        whole = {"port": 0, "tls": tls, "ca_file": str(authority.ca_file), **config}
        log = folder / f"{name}.log"
        return stack.enter_context(StandIn.start(f"sandbox.{system}", whole, log))

    vault = start("vault", "vault", root_token=root_token)
    ad = start(directory, "ad", **_directory_seed(services, administrator, reader_password, rights))
    for seed in services:
        user = {
            "upn": seed.entra_upn,
            "password": seed.entra_password,
            "roles": ["Global Administrator"],
        }
        seed.tenant.users.append(user)
    tenants = {
        seed.tenant.name: start("entra", f"entra-{seed.tenant.name}", **seed.tenant.config())
        for seed in services
    }
    consoles = {
        seed.name: start(
            "cayosoft",
            f"console-{seed.name}",
            **_console_seed(folder, seed, ad.url, tenants[seed.tenant.name].url),
        )
        for seed in services
    }
    admin = VaultAdmin(vault.url, authority.ca_file, root_token)
    stack.callback(admin.close)
    world = World(
        folder, authority, vault, admin, ad, administrator, reader_password, services,
        tenants, consoles,
    )  # fmt: skip
    world.canaries |= {root_token, reader_password, administrator["password"]}
    _fill_vault(world)
    _write_inventory(world)
    return world


def _directory_seed(
    services: Sequence[ServiceSeed],
    administrator: dict[str, str],
    reader_password: str,
    rights: Sequence[str],
) -> dict[str, Any]:
    accounts = [
        {
            "username": seed.ad_username,
            "password": seed.ad_password,
            "container": "OU=Service Accounts",
        }
        for seed in services
    ]
    reader = {
        "username": "svc-rotation-reader",
        "password": reader_password,
        "container": "OU=Service Accounts",
    }
    return {
        "domain": DOMAIN,
        "netbios": "CORP",
        "administrator": administrator,
        "organizational_units": [
            "OU=Service Accounts",
            *(seed.validation_ou.removesuffix(f",{BASE_DN}") for seed in services),
        ],
        "users": [*accounts, reader],
        "delegations": [
            {
                "trustee": seed.ad_username,
                "container": seed.validation_ou.removesuffix(f",{BASE_DN}"),
                "rights": list(rights),
            }
            for seed in services
        ],
        "lockout_threshold": 5,
        "lockout_window": 1800,
        "lockout_duration": 1800,
        "min_password_length": 12,
    }


def _console_seed(folder: Path, seed: ServiceSeed, ad_url: str, entra_url: str) -> dict[str, Any]:
    return {
        "database": str(folder / f"console-{seed.name}.sqlite"),
        "service": seed.name,
        "product_version": "13.3",
        "client": {"client_id": seed.client_id, "client_secret": seed.client_secret},
        "active_directory": {"url": ad_url, "base_dn": BASE_DN, "domain": DOMAIN},
        "entra": {
            "authority": f"{entra_url}/{seed.tenant.tenant_id}",
            "graph": f"{entra_url}/v1.0",
            "tenant_id": seed.tenant.tenant_id,
            "domain": seed.tenant.domain,
            "app_display_name": people.APP_NAME,
            "setup_client_id": seed.tenant.setup_client_id,
        },
        "rows": [
            {
                "extension": "active_directory",
                "row": AD_ROW,
                "account": seed.ad_upn,
                "password": seed.ad_password,
            },
            {
                "extension": "microsoft_365",
                "row": seed.tenant.domain,
                "account": seed.entra_upn,
                "password": seed.entra_password,
            },
        ],
    }


def _fill_vault(world: World) -> None:
    admin = world.admin
    reader = {"username": f"svc-rotation-reader@{DOMAIN}", "password": world.reader_password}
    admin.write("orchestrator/ad-reader", reader)
    for seed in world.services:
        client = {"client_id": seed.client_id, "client_secret": seed.client_secret}
        admin.write(f"orchestrator/bridge/{seed.name}", client)
        for role, key in (
            ("verifier", seed.tenant.verifier),
            ("validator", seed.tenant.validator),
        ):
            document = {"private_key": key.private_key, "certificate": key.certificate}
            admin.write(f"orchestrator/{seed.tenant.name}/{role}", document)
            # The body of the key, so that a scan finds it however its lines are broken.
            world.canaries.add(key.private_key.splitlines()[1])
        world.publish(seed.name, "ad")
        world.publish(seed.name, "m365")
        world.canaries |= {seed.client_secret, seed.ad_password, seed.entra_password}
    role_id, secret_id = admin.admit("orchestrator", ORCHESTRATOR_POLICY)
    world.canaries.add(secret_id)
    secret_id_file = world.folder / "secret-id"
    secret_id_file.touch(mode=0o600)
    secret_id_file.write_text(secret_id)
    world.environment.update(
        ROTATION_INVENTORY=str(world.inventory_file),
        ROTATION_VAULT_ADDR=world.vault.url,
        ROTATION_VAULT_CA_FILE=str(world.authority.ca_file),
        ROTATION_VAULT_ROLE_ID=role_id,
        ROTATION_VAULT_SECRET_ID_FILE=str(secret_id_file),
    )


def _write_inventory(world: World) -> None:
    manifest_file = world.folder / "consent-manifest.json"
    manifest_file.write_text(json.dumps(people.manifest(), indent=2))
    ca_file = str(world.authority.ca_file)
    inventory = {
        "version": 1,
        "directories": [
            {
                "name": "corp",
                "domain": DOMAIN,
                "base_dn": BASE_DN,
                "controllers": [world.directory.url],
                "ca_file": ca_file,
                "reader": {"path": "orchestrator/ad-reader"},
            }
        ],
        "tenants": [_tenant(world, seed.tenant) for seed in world.services],
        "services": [_service(world, seed, manifest_file) for seed in world.services],
    }
    yaml = YAML()
    yaml.default_flow_style = False
    with world.inventory_file.open("w") as file:
        yaml.dump(inventory, file)


def _tenant(world: World, seed: TenantSeed) -> dict[str, Any]:
    url = httpx.URL(world.tenants[seed.name].url)

    def identity(role: str, key: people.AppKey) -> dict[str, Any]:
        path = f"orchestrator/{seed.name}/{role}"
        return {"client_id": key.client_id, "credential": {"path": path}, "kind": "certificate"}

    return {
        "name": seed.name,
        "tenant_id": seed.tenant_id,
        "domain": seed.domain,
        "authority": str(url),
        "graph": str(url.join("/v1.0")),
        "ca_file": str(world.authority.ca_file),
        "verifier": identity("verifier", seed.verifier),
        "validator": identity("validator", seed.validator),
        "probe_client_id": seed.probe_client_id,
    }


def _service(world: World, seed: ServiceSeed, manifest_file: Path) -> dict[str, Any]:
    return {
        "name": seed.name,
        "console": {
            "driver": "bridge",
            "url": world.consoles[seed.name].url,
            "ca_file": str(world.authority.ca_file),
            "client": {"path": f"orchestrator/bridge/{seed.name}"},
        },
        "connections": [
            {
                "name": f"{seed.name}-ad",
                "extension": "active_directory",
                "row": AD_ROW,
                "accounts": [{"username": seed.ad_upn}],
                "secret": {"path": f"cayosoft/{seed.name}/ad"},
                "rotated_by": "vault",
                "directory": "corp",
                "validation_ou": seed.validation_ou,
            },
            {
                "name": f"{seed.name}-m365",
                "extension": "microsoft_365",
                "row": seed.tenant.domain,
                "accounts": [{"username": seed.entra_upn}],
                "secret": {"path": f"cayosoft/{seed.name}/m365"},
                "rotated_by": "vault",
                "tenant": seed.tenant.name,
                "validation_domain": seed.tenant.domain,
                "consent": {"manifest": str(manifest_file), "policy": "ask"},
            },
        ],
    }
