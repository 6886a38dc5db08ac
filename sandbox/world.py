"""The whole sandbox: every stand-in started, seeded and wired, on loopback, with secrets made now.

Four kinds of service, started when they are asked for; each has a console and accounts of its own.

``hq``      Vault rotates its accounts; its tenant grants everything
``branch``  Vault rotates them; its tenant's consent policy withholds a permission, and another one was granted
            for the whole organization long ago
``plant``   the orchestrator rotates them, in place
``depot``   the orchestrator rotates them; each connection has two, which take turns

At the start the consoles hold passwords that are in use, and Vault the same ones. ``rotate_ad`` and
``rotate_entra`` change one in the directory and in Vault, as Vault's own rotation would, and leave the
console behind. Who is there is said in ``people``, what each system begins with in ``seeding``.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ldap3

from sandbox import inventory_file, people, seeding
from sandbox.people import AD_ROW, BASE_DN, DOMAIN, ServiceSeed
from sandbox.seeding import DirectoryIdentities
from sandbox.standin.ldap import verified_tls
from sandbox.standin.process import StandIn
from sandbox.standin.tls import Authority
from sandbox.vault_admin import VaultAdmin

RIGHTS = ("create users", "reset passwords", "write user attributes", "delete users")
_PLACES = {"active_directory": "ad", "microsoft_365": "m365"}


@dataclass
class World:
    """A running sandbox. ``environment`` is what the product needs to find it."""

    folder: Path
    authority: Authority
    vault: StandIn
    admin: VaultAdmin
    directory: StandIn
    identities: DirectoryIdentities
    services: list[ServiceSeed]
    tenants: dict[str, StandIn]
    consoles: dict[str, StandIn]
    on_samba: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    canaries: set[str] = field(default_factory=set, repr=False)  # a failed test prints its world

    @property
    def inventory_file(self) -> Path:
        """The inventory that describes this sandbox."""
        return self.folder / "inventory.yaml"

    @property
    def console_accounts_file(self) -> Path:
        """Who may open the pages of the consoles, and with what password; only its owner can read it."""
        return self.folder / "console-accounts.txt"

    def service(self, name: str) -> ServiceSeed:
        """Return a service by name."""
        return next(item for item in self.services if item.name == name)

    def current(self, service: str, extension: str) -> dict[str, str]:
        """Return username and password that Vault holds for a connection right now."""
        fields = self.admin.read(f"cayosoft/{service}/{_PLACES[extension]}")
        return {name: fields[name] for name in ("username", "password")}

    def password(self, path: str, version: int) -> str:
        """Return the password that Vault holds in one version of a secret."""
        return self.admin.read(path, version)["password"]

    def names_below(self, folder: str) -> list[str]:
        """Return the paths of Vault's secrets in a folder, and in the folders inside it."""
        return self.admin.names_below(folder)

    def passwords_below(self, place: str) -> set[str]:
        """Return the passwords of a secret of Vault, and of those below its path, in every version."""
        return self.admin.passwords_below(place)

    def ledger(self, connection: str) -> dict[str, Any]:
        """Return the ledger of a connection as it lies in Vault."""
        return dict(json.loads(self.admin.read(f"rotation/{connection}/ledger")["ledger"]))

    def collect_canaries(self) -> None:
        """Add the passwords that the orchestrator made to the canaries: all that Vault can still tell.

        What was discarded is gone; a test that wants those too calls this before.
        """
        for place in ("cayosoft", "rotation"):
            self.canaries |= self.passwords_below(place)

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
        administrator = self.identities.administrator
        with self._bound(**administrator) as connection:
            if connection is None:
                raise RuntimeError("the administrator does not sign in")
            yield connection

    @contextmanager
    def _bound(self, username: str, password: str) -> Iterator[Any]:
        """Bind to the directory once; None when it refuses."""
        tls = verified_tls(self.authority.ca_file)
        server = ldap3.Server(self.directory.url, tls=tls, get_info=ldap3.NONE, connect_timeout=10)
        connection = ldap3.Connection(
            server,
            username if "@" in username else f"{username}@{DOMAIN}",
            # Bytes, so that ldap3 does not prepare (change) the text; its stubs know only str.
            password.encode(),  # type: ignore[arg-type]
            auto_referrals=False,
            receive_timeout=20,
        )
        try:
            yield connection if connection.bind() else None
        finally:
            connection.unbind()

    def signs_in(self, extension: str, username: str, password: str) -> bool:
        """Say whether this is the newest password of an account, and signs it in right now.

        The stand-ins are asked and count nothing. On Samba it is one sign-in, which counts when it is
        refused, and with which the password before the newest one passes for an hour.
        """
        if extension == "microsoft_365":
            tenant = next(s.tenant.name for s in self.services if username in s.entra_upns)
            answer = self.tenants[tenant].do("would_sign_in", upn=username, password=password)
            return bool(answer["signs_in"])
        if self.on_samba:
            with self._bound(username, password) as connection:
                return connection is not None
        digest = hashlib.sha256(password.encode()).hexdigest()
        name = username.partition("@")[0]
        said = self.directory.do("would_sign_in", username=name, password_sha256=digest)
        return bool(said["signs_in"]) and said["match"] == "current"

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

    def short_names(self) -> dict[str, StandIn]:
        """Return every stand-in by a name that is quickly typed."""
        return {
            "vault": self.vault,
            "ad": self.directory,
            **{f"entra-{name}": item for name, item in self.tenants.items()},
            **{f"console-{name}": item for name, item in self.consoles.items()},
        }


@contextmanager
def running(
    folder: Path,
    directory: str = "active_directory",
    rights: Sequence[str] = RIGHTS,
    *,
    services: Sequence[str] = ("hq", "branch"),
    replicas: int = 1,
    grace_period_hours: float | None = None,
    golden: Path | None = None,
    driver: str = "bridge",
) -> Iterator[World]:
    """Start the sandbox in ``folder``; ``directory`` is ``active_directory`` or ``samba``.

    ``rights`` are what the Active Directory connection accounts may do in their validation OU; ``services``
    are any of ``hq``, ``branch``, ``plant`` and ``depot``; ``replicas`` domain controllers listen, more than one
    on the stand-in only. ``grace_period_hours`` is written into the inventory where two accounts take turns.
    ``driver`` is who carries the console's steps out, ``bridge`` or ``operator``. ``golden`` is a folder in which Samba keeps its fresh domain, for the next start to be quicker.
    """
    on_samba = directory == "samba"
    if on_samba and replicas > 1:
        raise ValueError("the real domain controller of the sandbox has no replicas")
    seeds = people.make_services(services)
    with ExitStack() as stack:
        more: dict[str, Any] = {"golden": str(golden)} if on_samba and golden else {}
        if replicas > 1:
            more["replicas"] = replicas
        world = _start(folder, directory, seeds, rights, more, stack)
        addresses = inventory_file.Addresses(
            world.authority.ca_file,
            [world.directory.url] if on_samba else world.directory.endpoints["urls"],
            {name: item.url for name, item in world.tenants.items()},
            {name: item.url for name, item in world.consoles.items()},
        )
        inventory_file.write(world.inventory_file, seeds, addresses, grace_period_hours, driver)
        yield world


def _start(
    folder: Path,
    directory: str,
    services: list[ServiceSeed],
    rights: Sequence[str],
    of_directory: dict[str, Any],
    stack: ExitStack,
) -> World:
    authority = Authority.create(folder / "tls")
    identities = DirectoryIdentities.make(services)
    root_token = f"root-{secrets.token_hex(16)}"

    def start(system: str, name: str, **config: Any) -> StandIn:
        certificate, key = authority.issue(name, f"dc1.{DOMAIN}", DOMAIN)
        tls = {"cert": str(certificate), "key": str(key)}
        whole = {"port": 0, "tls": tls, "ca_file": str(authority.ca_file), **config}
        log = folder / f"{name}.log"
        return stack.enter_context(StandIn.start(f"sandbox.{system}", whole, log))

    vault = start("vault", "vault", root_token=root_token)
    config = seeding.directory_config(services, identities, rights)
    ad = start(directory, "ad", **config, **of_directory)
    tenants = {
        tenant.name: start("entra", f"entra-{tenant.name}", **tenant.config())
        for tenant in people.tenants_of(services)
    }
    consoles = {}
    for seed in services:
        entra_url = tenants[seed.tenant.name].url
        settings = seeding.console_config(folder, seed, ad.url, entra_url)
        consoles[seed.name] = start("cayosoft", f"console-{seed.name}", **settings)
    admin = VaultAdmin(vault.url, authority.ca_file, root_token)
    stack.callback(admin.close)
    world = World(
        folder, authority, vault, admin, ad, identities, services, tenants, consoles,
        on_samba=directory == "samba",
    )  # fmt: skip
    world.canaries |= {root_token, *seeding.secrets_of(services, identities)}
    seeding.fill_vault(admin, services, identities)
    _write_console_accounts(world)
    for seed in services:
        world.publish(seed.name, "ad")
        world.publish(seed.name, "m365")
    _admit(world)
    return world


def _write_console_accounts(world: World) -> None:
    world.console_accounts_file.touch(mode=0o600)
    lines = [
        f"{world.consoles[seed.name].url}/console/  {seed.console_account}  {seed.console_password}\n"
        for seed in world.services
    ]
    world.console_accounts_file.write_text("".join(lines))


def _admit(world: World) -> None:
    """Let the orchestrator into Vault, and tell the product where everything is."""
    role_id, secret_id = seeding.admit_orchestrator(world.admin, world.services)
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
