"""The whole sandbox: who is in it, what each of them may do, and what the product is told."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import ldap3
import pytest

from inventory.loader import load
from inventory.models import Mode, RotatedBy
from sandbox.people import BASE_DN, DOMAIN, READER, SETTER
from sandbox.samba.availability import available
from sandbox.standin.ldap import verified_tls
from sandbox.standin.tls import client_context
from sandbox.vault_admin import VaultAdmin
from sandbox.world import World, running
from tests.sandbox.entra.conftest import Desk

NOT_PERMITTED, OK = 50, 0
SAMBA = pytest.param(
    "samba",
    marks=[
        pytest.mark.samba,
        pytest.mark.skipif(available() is not None, reason=available() or "it is here"),
    ],
)


@pytest.fixture(scope="module")
def rotating(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start a sandbox whose accounts the orchestrator rotates, with two domain controllers."""
    folder = tmp_path_factory.mktemp("rotating")
    services = ("plant", "depot")
    with running(folder, services=services, replicas=2, grace_period_hours=0) as world:
        yield world


def test_default_is_as_ever(tmp_path: Path) -> None:
    """Nobody rotates but Vault: no setter anywhere, no right to write a secret that consumers read."""
    with running(tmp_path) as world:
        assert list(world.tenants) == ["north", "south"]
        assert list(world.consoles) == ["hq", "branch"]
        assert "setter" not in world.inventory_file.read_text()
        assert SETTER not in world.directory.state()["users"]
        assert not [path for path in world.names_below("orchestrator") if "setter" in path]
        assert capabilities(world, "kv/data/cayosoft/hq/ad") == ["read"]
        assert capabilities(world, "kv/metadata/rotation/hq-ad/pending/1") == ["read"]


def test_starts_what_is_asked_for(tmp_path: Path) -> None:
    """A service brings its console and its tenant, and nothing else."""
    with running(tmp_path, services=("branch",)) as world:
        assert list(world.stand_ins()) == [
            "Vault",
            "Active Directory",
            "Entra ID (south)",
            "Cayosoft console (branch)",
        ]


def test_unknown_services_are_named(tmp_path: Path) -> None:
    """A service that the sandbox does not have is refused, before anything is started."""
    with (
        pytest.raises(ValueError, match="no service attic; there are hq, branch, plant, depot"),
        running(tmp_path, services=("hq", "attic")),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_samba_is_one_controller(tmp_path: Path) -> None:
    """A second real domain controller is refused, before anything is started."""
    with pytest.raises(ValueError, match="no replicas"), running(tmp_path, "samba", replicas=2):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("service", ["plant", "depot"])
@pytest.mark.parametrize("extension", ["active_directory", "microsoft_365"])
def test_console_and_vault_agree_at_the_start(
    rotating: World, service: str, extension: str
) -> None:
    """Console and Vault hold the same account, the first one, and its password signs in."""
    current = rotating.current(service, extension)

    rows = rotating.consoles[service].state()["rows"]
    (row,) = [row for row in rows if row["extension"] == extension]
    assert row["account"] == current["username"]
    assert (
        current["username"].partition("@")[0]
        == {
            "plant": "svc-cayo-plant",
            "depot": "svc-cayo-depot-a",
        }[service]
    )
    assert rotating.console_signs_in(service, extension)
    assert rotating.signs_in(extension, **current)
    assert not rotating.signs_in(extension, current["username"], "no-password-of-it-1")


def test_the_other_account_is_ready(rotating: World) -> None:
    """The second account of each pair signs in with a password that Vault does not know."""
    depot = rotating.service("depot")
    assert rotating.signs_in("active_directory", depot.ad_upns[1], depot.ad_passwords[1])
    assert rotating.signs_in("microsoft_365", depot.entra_upns[1], depot.entra_passwords[1])
    known = rotating.passwords_below("cayosoft")
    assert known.isdisjoint({depot.ad_passwords[1], depot.entra_passwords[1]})


def test_signing_in_means_the_newest_password(rotating: World) -> None:
    """The password before the newest one, which Active Directory takes for an hour, does not count."""
    old = rotating.current("plant", "active_directory")
    rotating.rotate_ad("plant")
    assert rotating.signs_in("active_directory", **rotating.current("plant", "active_directory"))
    assert not rotating.signs_in("active_directory", **old)
    assert rotating.console_signs_in("plant", "active_directory")  # for that hour


def test_product_reads_the_inventory(rotating: World) -> None:
    """The inventory names setters, modes, both accounts, both controllers and the password policy."""
    inventory = load(rotating.inventory_file)

    (directory,) = inventory.directories
    (tenant,) = inventory.tenants
    assert len(directory.controllers) == 2
    assert directory.setter is not None
    assert directory.setter.path == "orchestrator/ad-setter"
    assert tenant.setter is not None
    assert tenant.setter.credential.path == "orchestrator/north/setter"
    found = {c.name: c for service in inventory.services for c in service.connections}
    assert {name: (c.mode, len(c.accounts)) for name, c in found.items()} == {
        "plant-ad": (Mode.IN_PLACE, 1),
        "plant-m365": (Mode.IN_PLACE, 1),
        "depot-ad": (Mode.ALTERNATE, 2),
        "depot-m365": (Mode.ALTERNATE, 2),
    }
    assert {c.rotated_by for c in found.values()} == {RotatedBy.ORCHESTRATOR}
    assert {c.password_policy for c in found.values()} == {"account-rotation"}
    assert found["depot-ad"].grace_period_hours == 0


def set_password(connection: ldap3.Connection, dn: str, password: str) -> int:
    """Reset a password and return the directory's result code."""
    quoted = f'"{password}"'.encode("utf-16-le")
    connection.modify(dn, {"unicodePwd": [(ldap3.MODIFY_REPLACE, [quoted])]})
    return int(connection.result["result"])


@pytest.mark.parametrize("directory", ["active_directory", SAMBA])
def test_directory_setter_resets_and_no_more(
    tmp_path: Path, new_password: Callable[[], str], samba_golden: Path, directory: str
) -> None:
    """The setter resets every connection account; not the reader, not itself, and it changes nothing else."""
    accounts = ("svc-cayo-plant", "svc-cayo-depot-a", "svc-cayo-depot-b", "svc-cayo-hq")
    new = {name: new_password() for name in accounts}
    with running(
        tmp_path, directory, services=("plant", "depot", "hq"), golden=samba_golden
    ) as world:
        setter = world.admin.read("orchestrator/ad-setter")
        assert setter["username"] == f"{SETTER}@{DOMAIN}"
        tls = verified_tls(world.authority.ca_file)
        server = ldap3.Server(world.directory.url, tls=tls, get_info=ldap3.NONE)
        with ldap3.Connection(server, setter["username"], setter["password"].encode()) as bound:
            for name, password in new.items():
                dn = f"CN={name},OU=Service Accounts,{BASE_DN}"
                assert set_password(bound, dn, password) == OK, name
            for name, where in (
                (READER, "OU=Rotation"),
                (SETTER, "OU=Rotation"),
                ("Administrator", "CN=Users"),
            ):
                dn = f"CN={name},{where},{BASE_DN}"
                assert set_password(bound, dn, new_password()) == NOT_PERMITTED, name
            dn = f"CN=svc-cayo-plant,OU=Service Accounts,{BASE_DN}"
            bound.modify(dn, {"description": [(ldap3.MODIFY_REPLACE, ["seen"])]})
            assert bound.result["result"] == NOT_PERMITTED
        for name, password in new.items():
            assert world.signs_in("active_directory", f"{name}@{DOMAIN}", password)


def test_tenant_setter_sets_and_no_more(rotating: World) -> None:
    """The setter sets the password of an account with a directory role; it creates and deletes nobody."""
    seed = rotating.service("depot")
    key = seed.tenant.setter
    assert key is not None
    certificate = {"private_key": key.private_key, "public_certificate": key.certificate}
    desk = Desk(
        rotating.tenants["north"], client_context(rotating.authority.ca_file), {}, certificate, {}
    )
    with closing(desk):
        graph = desk.as_app(key.client_id)
        upn, password = seed.entra_upns[1], "Zz9-set-by-a-test"
        profile = {"password": password, "forceChangePasswordNextSignIn": False}
        account = str(desk.state_of(upn)["id"])

        assert (
            graph.patch(f"/users/{account}", json={"passwordProfile": profile}).status_code == 204
        )
        assert rotating.signs_in("microsoft_365", upn, password)
        assert graph.patch(f"/users/{account}", json={"department": "x"}).status_code == 403
        assert graph.delete(f"/users/{account}").status_code == 403
        assert graph.post("/users", json={}).status_code == 403


@contextmanager
def orchestrator(world: World) -> Iterator[httpx.Client]:
    """Yield a client of Vault that has signed in as the orchestrator."""
    secret_id = Path(world.environment["ROTATION_VAULT_SECRET_ID_FILE"]).read_text()
    login = {"role_id": world.environment["ROTATION_VAULT_ROLE_ID"], "secret_id": secret_id}
    context = client_context(world.authority.ca_file)
    url = f"{world.vault.url}/v1"
    with httpx.Client(base_url=url, verify=context, trust_env=False) as client:
        token = client.post("/auth/approle/login", json=login).json()["auth"]["client_token"]
        client.headers["X-Vault-Token"] = token
        yield client


def capabilities(world: World, path: str) -> list[str]:
    """Return what the orchestrator may do at an API path."""
    with orchestrator(world) as client:
        answer = client.post("/sys/capabilities-self", json={"paths": [path]}).json()
    return sorted(answer["data"]["capabilities"])


@pytest.mark.parametrize(
    ("path", "granted"),
    [
        ("kv/data/cayosoft/plant/ad", ["create", "read", "update"]),
        ("kv/metadata/cayosoft/plant/ad", ["read"]),
        ("kv/data/rotation/plant-ad/pending/1", ["create", "read", "update"]),
        ("kv/metadata/rotation/plant-ad/pending/1", ["delete", "read"]),
        ("kv/data/orchestrator/ad-setter", ["read"]),
        ("sys/policies/password/account-rotation/generate", ["read"]),
        ("sys/policies/password/account-rotation", ["deny"]),
        ("kv/destroy/cayosoft/plant/ad", ["deny"]),
    ],
)
def test_orchestrator_may_stage_and_promote(rotating: World, path: str, granted: list[str]) -> None:
    """Vault lets it make, stage, promote and discard passwords, and destroy none that consumers read."""
    assert granted == capabilities(rotating, path)


def test_password_policy(rotating: World) -> None:
    """Vault's passwords are long, of four kinds of character, and without what other tools would eat."""
    with orchestrator(rotating) as client:
        made = {
            client.get("/sys/policies/password/account-rotation/generate").json()["data"][
                "password"
            ]
            for _ in range(50)
        }

    assert len(made) == 50
    for password in made:
        assert len(password) == 32
        assert password.isascii()
        assert set('"\\ ').isdisjoint(password)
        for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits):
            assert not set(kind).isdisjoint(password)
        assert not password.isalnum()


def test_canaries_can_be_completed(rotating: World) -> None:
    """Passwords that somebody else wrote to Vault, in any version and any folder, become canaries."""
    admin: VaultAdmin = rotating.admin
    written = {f"Made-by-somebody-else-{number}" for number in range(4)}
    places: list[str] = [
        "cayosoft/plant/ad",
        "cayosoft/plant/ad",
        "rotation/plant-ad/pending/7",
        "rotation/depot-ad/pending/8",
    ]
    fields: dict[str, Any] = {"username": "u"}
    for place, password in zip(places, sorted(written), strict=True):
        admin.write(place, {**fields, "password": password})
    admin.write("rotation/plant-ad/ledger", {"ledger": "{}"})
    assert rotating.canaries.isdisjoint(written)

    rotating.collect_canaries()

    assert rotating.canaries >= written
    assert "{}" not in rotating.canaries
    assert rotating.ledger("plant-ad") == {}
    assert rotating.names_below("rotation") == [
        "rotation/depot-ad/pending/8",
        "rotation/plant-ad/ledger",
        "rotation/plant-ad/pending/7",
    ]
    assert rotating.names_below("rotation/nowhere") == []
