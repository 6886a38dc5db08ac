"""The policies of deployments/vault, applied to a real server: each identity can do its task, and nothing else."""

from __future__ import annotations

import os
import secrets
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from connectors.errors import NotPermitted
from connectors.models import SecretHandle
from connectors.secret import Secret
from connectors.vault.client import VaultClient
from connectors.vault.ledgers import VaultLedgers
from tests.contracts.vault.server import BINARY, Server, private_file, real

pytestmark = [
    pytest.mark.openbao,
    pytest.mark.skipif(not BINARY, reason="no bao or vault on PATH: the policies were not applied"),
]
APPLY = Path(__file__).parents[3] / "deployments" / "vault" / "apply.sh"
FORBIDDEN = 403
# What each identity does, by method, path and body: read credentials, identities, ledgers, staged passwords; write some.
WRITE = {"data": {"value": "x"}}
STEPS: dict[str, tuple[str, str, dict[str, object] | None]] = {
    "read a credential": ("GET", "kv/data/cayosoft/hq-ad", None),
    "see its versions": ("GET", "kv/metadata/cayosoft/hq-ad", None),
    "change a credential": ("POST", "kv/data/cayosoft/hq-ad", WRITE),
    "make a new credential": ("POST", "kv/data/cayosoft/of-nobody", WRITE),
    "delete a credential": ("DELETE", "kv/metadata/cayosoft/of-nobody", None),
    "destroy a version": ("POST", "kv/destroy/cayosoft/hq-ad", {"versions": [1]}),
    "list credentials": ("LIST", "kv/metadata/cayosoft", None),
    "read the reader": ("GET", "kv/data/account-rotation/corp-reader", None),
    "read the setter": ("GET", "kv/data/account-rotation/setters/corp", None),
    "change the setter": ("POST", "kv/data/account-rotation/setters/corp", WRITE),
    "read a ledger": ("GET", "kv/data/rotation/hq-ad/ledger", None),
    "write a ledger": ("POST", "kv/data/rotation/hq-ad/ledger", WRITE),
    "begin a ledger": ("POST", "kv/data/rotation/new/ledger", WRITE),
    "delete a ledger": ("DELETE", "kv/metadata/rotation/hq-ad/ledger", None),
    "stage a password": ("POST", "kv/data/rotation/hq-ad/pending/r1", WRITE),
    "read a staged password": ("GET", "kv/data/rotation/hq-ad/pending/r0", None),
    "remove a staged password": ("DELETE", "kv/metadata/rotation/hq-ad/pending/r1", None),
    "make a password": ("GET", "sys/policies/password/cayosoft/generate", None),
    "change the password policy": ("PUT", "sys/policies/password/cayosoft", {"policy": "length=1"}),
    "read another application": ("GET", "kv/data/payroll/db", None),
    "see its own policy": ("GET", "sys/policies/acl/account-rotation-rotator", None),
    "change its own policy": ("PUT", "sys/policies/acl/account-rotation-worker", {"policy": ""}),
    "make a SecretID": ("POST", "auth/approle/role/account-rotation-rotator/secret-id", {}),
    "see the mounts": ("GET", "sys/mounts", None),
    "see a static role": ("GET", "ldap/static-role/branch-cayosoft", None),
    "read a static role": ("GET", "ldap/static-cred/branch-cayosoft", None),
    "rotate a static role": ("POST", "ldap/rotate-role/branch-cayosoft", {}),
    "read another static role": ("GET", "ldap/static-cred/of-somebody", None),
}
UPDATING = {
    "read a credential", "see its versions", "read the reader", "read a ledger", "write a ledger",
    "begin a ledger", "see a static role", "read a static role", "rotate a static role",
}  # fmt: skip
ALLOWED = {
    "account-rotation-worker": UPDATING,
    "account-rotation-rotator": UPDATING | {
        "change a credential", "read the setter", "stage a password", "read a staged password",
        "remove a staged password", "make a password",
    },
    "account-rotation-intake": {"see its versions", "read a ledger", "see a static role"},
}  # fmt: skip


def _apply(server: Server, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(server.ca_file.parent),
        "VAULT_CLI": str(BINARY),
        "VAULT_ADDR": server.url,
        "VAULT_CACERT": str(server.ca_file),
        "VAULT_TOKEN": server.root,
    }
    return subprocess.run(
        [str(APPLY), *arguments],
        env=environment | changes, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a real server to which the script was applied twice, with something at every place."""
    with real(tmp_path_factory.mktemp("policies")) as server:
        server.admin("POST", "sys/mounts/kv", {"type": "kv", "options": {"version": "2"}})
        server.admin("POST", "sys/mounts/ldap", {"type": "ldap"})
        first, second = _apply(server, "--static-roles"), _apply(server, "--static-roles")
        assert (first.returncode, first.stderr) == (0, "")
        assert (second.returncode, second.stdout) == (0, first.stdout)
        for path in (
            "cayosoft/hq-ad", "account-rotation/corp-reader", "account-rotation/setters/corp", "payroll/db",
            "rotation/hq-ad/ledger", "rotation/hq-ad/pending/r0",
        ):  # fmt: skip
            server.admin("POST", f"kv/data/{path}", {"data": {"value": secrets.token_hex()}})
        yield server


@contextmanager
def _signed_in(server: Server, role: str) -> Iterator[httpx.Client]:
    role_id = server.admin("GET", f"auth/approle/role/{role}/role-id")["data"]["role_id"]
    made = server.admin("POST", f"auth/approle/role/{role}/secret-id", {})["data"]["secret_id"]
    trusted = ssl.create_default_context(cafile=str(server.ca_file))
    with httpx.Client(base_url=f"{server.url}/v1/", verify=trusted, trust_env=False) as client:
        answer = client.post("auth/approle/login", json={"role_id": role_id, "secret_id": made})
        answer.raise_for_status()
        client.headers["X-Vault-Token"] = answer.json()["auth"]["client_token"]
        yield client


@pytest.mark.parametrize("role", sorted(ALLOWED))
def test_each_identity_does_its_task_and_nothing_else(applied: Server, role: str) -> None:
    """What an identity needs is answered, and everything else is forbidden."""
    with _signed_in(applied, role) as client:
        done = {
            name
            for name, (method, path, body) in STEPS.items()
            if client.request(method, path, json=body).status_code != FORBIDDEN
        }
    assert done == ALLOWED[role]


def test_passwords_of_the_policy(applied: Server) -> None:
    """The password policy makes passwords of its length, from its characters, and never the same."""
    with _signed_in(applied, "account-rotation-rotator") as client:
        made = {
            client.get("sys/policies/password/cayosoft/generate").json()["data"]["password"]
            for _ in range(20)
        }
    assert len(made) == 20
    assert {len(password) for password in made} == {32}
    assert not set("".join(made)) & set("Il1O0\"'`$&\\%<>| ")


def test_nothing_secret_is_shown(applied: Server) -> None:
    """What the script prints names roles and commands, and holds neither token nor SecretID."""
    shown = _apply(applied, "--static-roles")
    assert shown.returncode == 0
    assert applied.root not in shown.stdout + shown.stderr
    for role in ALLOWED:
        role_id = applied.admin("GET", f"auth/approle/role/{role}/role-id")["data"]["role_id"]
        assert role_id not in shown.stdout


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({"KV_MOUNT": "absent"}, "no KV v2 engine at absent/", id="no engine"),
        pytest.param({"VAULT_TOKEN": "wrong"}, "is not signed in", id="not signed in"),
    ],
)
def test_says_what_is_missing(applied: Server, changes: dict[str, str], says: str) -> None:
    """Where something is missing the script changes nothing, and says which command helps."""
    shown = _apply(applied, **changes)
    assert shown.returncode == 1
    assert says in shown.stderr


def test_another_mount(applied: Server) -> None:
    """With another mount the policies speak of that mount only."""
    applied.admin("POST", "sys/mounts/team", {"type": "kv", "options": {"version": "2"}})
    try:
        assert _apply(applied, KV_MOUNT="team").returncode == 0
        policy = applied.admin("GET", "sys/policies/acl/account-rotation-intake")["data"]["policy"]
    finally:
        assert _apply(applied, "--static-roles").returncode == 0
    assert '"team/metadata/cayosoft/*"' in policy
    assert '"kv/' not in policy


def _client(server: Server, role: str, folder: Path) -> VaultClient:
    role_id = server.admin("GET", f"auth/approle/role/{role}/role-id")["data"]["role_id"]
    made = server.admin("POST", f"auth/approle/role/{role}/secret-id", {})["data"]["secret_id"]
    file = private_file(folder / "secret-id-of-the-role", made)
    return VaultClient(server.settings(folder, role_id=role_id, secret_id_file=file))


def test_the_rotating_worker_rotates(applied: Server, tmp_path: Path) -> None:
    """Our own client stages, promotes and removes a password, and keeps the ledger, as the rotating worker."""
    secret = SecretHandle("kv", "cayosoft/plant-ad")
    fields = {"username": "svc@corp.example.com", "password": secrets.token_hex()}
    applied.admin("POST", f"kv/data/{secret.path}", {"data": fields})
    with _client(applied, "account-rotation-rotator", tmp_path) as vault:
        ledgers = VaultLedgers(vault)
        kept = ledgers.write(ledgers.read("plant-ad"))
        place = ledgers.pending("plant-ad", "r-1")
        staged = vault.stage(place, "svc@corp.example.com", "cayosoft", "r-1")
        assert vault.promote(staged.version.handle, secret, 1).handle == secret.at(2)
        vault.discard(place)
        assert ledgers.fence("plant-ad") == kept.fence
        assert not vault.credential(secret).password.matches(Secret(fields["password"]))


def test_the_updating_worker_updates(applied: Server, tmp_path: Path) -> None:
    """Our own client reads credentials and keeps the ledger as the updating worker, and can stage nothing."""
    fields = {"username": "svc@corp.example.com", "password": secrets.token_hex()}
    applied.admin("POST", "kv/data/cayosoft/depot-ad", {"data": fields})
    with _client(applied, "account-rotation-worker", tmp_path) as vault:
        ledgers = VaultLedgers(vault)
        assert ledgers.write(ledgers.read("depot-ad")).fence == 1
        assert vault.credential(SecretHandle("kv", "cayosoft/depot-ad")).username
        with pytest.raises(NotPermitted):
            vault.stage(ledgers.pending("depot-ad", "r-1"), "svc", "cayosoft", "r-1")


def test_the_intake_looks(applied: Server, tmp_path: Path) -> None:
    """Our own client sees versions and ledgers as the intake, and no credential."""
    with _client(applied, "account-rotation-intake", tmp_path) as vault:
        assert VaultLedgers(vault).fence("never-begun") == 0
        assert vault.metadata(SecretHandle("kv", "cayosoft/hq-ad")).current.readable
        with pytest.raises(NotPermitted):
            vault.credential(SecretHandle("kv", "cayosoft/hq-ad"))
