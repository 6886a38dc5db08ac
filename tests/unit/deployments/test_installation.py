"""The installation files: strict YAML, pinned images, no secret in them, variables that exist, and hardened services."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from connectors.vault.settings import VaultSettings
from intake.settings import IntakeSettings

ROOT = Path(__file__).parents[3]
DEPLOYMENTS = ROOT / "deployments"
COMPOSE = DEPLOYMENTS / "compose" / "compose.yaml"
UNITS = sorted((DEPLOYMENTS / "systemd").glob("*.service"))
MANIFEST = DEPLOYMENTS / "kubernetes" / "intake.yaml"
VALUES = sorted((DEPLOYMENTS / "kubernetes").glob("*.values.yaml"))
PINNED = re.compile(r"[^:@\s]+:(?!latest)[\w.-]*\d[\w.-]*(@sha256:[0-9a-f]{64})?")
SYSTEMD_ANALYZE = shutil.which("systemd-analyze")
VARIABLE = re.compile(r"\b((?:ROTATION|INTAKE)_[A-Z_]+)")
SECRET = re.compile(r"(PASSWORD|TOKEN|SECRET|AUTH|KEY)", re.IGNORECASE)


def _documents(path: Path) -> list[Any]:
    """Read a YAML file; a field that is given twice is an error."""
    return list(YAML(typ="safe", pure=True).load_all(path.read_text()))


def _compose() -> dict[str, Any]:
    (found,) = _documents(COMPOSE)
    return dict(found)


def _values(found: object, key: str) -> Iterator[Any]:
    """Yield every value of a field, however deep it is."""
    if isinstance(found, dict):
        for name, value in found.items():
            if name == key:
                yield value
            yield from _values(value, key)
    elif isinstance(found, list):
        for value in found:
            yield from _values(value, key)


def test_variables_exist() -> None:
    """Every variable of ours that an installation sets is one that the product reads."""
    known = {"ROTATION_INVENTORY"}
    known |= {f"ROTATION_VAULT_{name}".upper() for name in VaultSettings.model_fields}
    known |= {f"INTAKE_{name}".upper() for name in IntakeSettings.model_fields}
    for path in (COMPOSE, MANIFEST, *UNITS, *VALUES):
        assert set(VARIABLE.findall(path.read_text())) <= known, path.name


def test_required_variables_are_set() -> None:
    """Whoever starts the intake gives it everything that it cannot do without."""
    required = {
        f"INTAKE_{name}".upper()
        for name, field in IntakeSettings.model_fields.items()
        if field.is_required() and not name.startswith("prefect_")
    } | {"PREFECT_API_URL", "ROTATION_INVENTORY", "ROTATION_VAULT_SECRET_ID_FILE"}
    for path in (COMPOSE, MANIFEST, DEPLOYMENTS / "systemd" / "account-rotation-intake.service"):
        assert required <= set(re.findall(r"[A-Z][A-Z_]+", path.read_text())), path.name


def test_compose_images() -> None:
    """Every image is pinned by a tag that names a version."""
    for name, service in _compose()["services"].items():
        assert PINNED.fullmatch(service["image"]), name


def test_compose_ports() -> None:
    """Every published port is on loopback, and the database is reached from inside alone."""
    compose = _compose()
    for service in compose["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert compose["networks"]["inside"]["internal"] is True
    for name in ("postgres", "redis"):
        assert compose["services"][name]["networks"] == ["inside"]


def test_compose_secrets() -> None:
    """Secrets are files; no variable holds one, and each one that is used is declared."""
    compose = _compose()
    for name, service in compose["services"].items():
        assert set(service.get("secrets", ())) <= compose["secrets"].keys(), name
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable):
                assert str(value).startswith("/run/secrets/"), f"{name}: {variable}"
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())
    used = {
        secret for service in compose["services"].values() for secret in service.get("secrets", ())
    }
    assert used == compose["secrets"].keys()


def test_compose_hardened() -> None:
    """Ours run read-only, without capabilities; nobody gains privileges."""
    for name, service in _compose()["services"].items():
        assert "no-new-privileges:true" in service["security_opt"], name
        if service["image"].startswith("account-rotation:"):
            assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name


def test_compose_of_docker() -> None:
    """Docker's own check of the compose file finds nothing, where the client has it."""
    docker = shutil.which("docker")
    asked = [docker or "false", "compose", "version"]
    if not docker or subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not installed: the compose file was only read strictly")
    done = subprocess.run(
        [docker, "compose", "--file", str(COMPOSE), "--profile", "*", "config", "--quiet"],
        env={"SITE": "/tmp", "ROLE_ID_OF_WORKER": "x", "ROLE_ID_OF_INTAKE": "y"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_containerfile() -> None:
    """The image is made of what the lock pins by hash, from pinned images, and is no root."""
    text = (DEPLOYMENTS / "Containerfile").read_text()
    assert "--require-hashes --requirement requirements.lock" in text
    images = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert images
    assert all(PINNED.fullmatch(image) for image in images)
    (user,) = re.findall(r"^USER (\d+):\d+$", text, re.MULTILINE)
    assert int(user) > 0
    for name in re.findall(r"^COPY (?!--from)(\S+) /opt", text, re.MULTILINE):
        assert (ROOT / name).exists()


def test_image_holds_the_package_alone() -> None:
    """The build sees the packages that are installed, and no test, sandbox or secret."""
    allowed = {
        line.removeprefix("!")
        for line in (DEPLOYMENTS / "Containerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    packages = {"flows", "tasks", "connectors", "intake", "inventory", "report", "cli"}
    assert packages <= allowed
    assert all((ROOT / name).exists() for name in allowed)
    assert not allowed & {"tests", "sandbox", "deployments", "deployments/compose"}


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_units_hardened(unit: Path) -> None:
    """Each unit runs as a user of its own that can change its state folder and gain nothing."""
    lines = set(unit.read_text().splitlines())
    wanted = {
        "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "CapabilityBoundingSet=",
        "SystemCallFilter=@system-service", "UMask=0077", "StateDirectoryMode=0700",
    }  # fmt: skip
    assert wanted <= lines
    (user,) = [line for line in lines if line.startswith("User=")]
    assert user not in {"User=root", "User=nobody"}


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_units_credentials(unit: Path) -> None:
    """Secrets come as credentials: each one that is named is loaded, and each one loaded is used."""
    text = unit.read_text()
    loaded = re.findall(
        r"^LoadCredential=([\w-]+):/etc/account-rotation/secrets/", text, re.MULTILINE
    )
    assert sorted(set(re.findall(r"%d/([\w-]+)", text))) == sorted(loaded)
    for variable, value in re.findall(r"^Environment=(\w+)=(.*)$", text, re.MULTILINE):
        assert not SECRET.search(variable) or value.startswith("%d/"), variable


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_units_of_systemd(unit: Path, tmp_path: Path) -> None:
    """Systemd's own check of the unit finds nothing."""
    if not SYSTEMD_ANALYZE:
        pytest.skip("systemd-analyze is not installed: the units were only read")
    # It wants programs that exist.
    (tmp_path / unit.name).write_text(
        re.sub(r"/opt/account-rotation/venv/bin/[\w-]+", "/bin/true", unit.read_text())
    )
    done = subprocess.run(
        [SYSTEMD_ANALYZE, "verify", "--man=no", str(tmp_path / unit.name)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def _manifest(kind: str) -> dict[str, Any]:
    (found,) = [document for document in _documents(MANIFEST) if document["kind"] == kind]
    return dict(found)


def test_manifest_fits_together() -> None:
    """Service, policy and deployment mean the same pods; every volume that is mounted exists."""
    deployment = _manifest("Deployment")["spec"]
    pod = deployment["template"]
    labels = pod["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == labels
    assert _manifest("Service")["spec"]["selector"] == labels
    assert _manifest("NetworkPolicy")["spec"]["podSelector"]["matchLabels"] == labels
    (container,) = pod["spec"]["containers"]
    volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes
    claims = list(_values(pod["spec"]["volumes"], "claimName"))
    assert claims == [_manifest("PersistentVolumeClaim")["metadata"]["name"]]
    (port,) = container["ports"]
    environment = {item["name"]: item.get("value") for item in container["env"]}
    assert environment["INTAKE_PORT"] == str(port["containerPort"])
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    # The spool belongs to one process, also while a new pod starts.
    assert (deployment["replicas"], deployment["strategy"]["type"]) == (1, "Recreate")


def test_manifest_hardened() -> None:
    """The pod is no root, cannot write its image, has no capability and no token of the cluster."""
    pod = _manifest("Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert PINNED.fullmatch(container["image"])
    assert _manifest("NetworkPolicy")["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_manifest_secrets() -> None:
    """No value of a secret stands in the manifest or in the values; they are named, or mounted for the owner to read."""
    for path in (MANIFEST, *VALUES):
        for document in _documents(path):
            for items in [*_values(document, "env"), *_values(document, "extraEnvVars")]:
                for item in items:
                    secret = SECRET.search(item["name"]) and "value" in item
                    assert not secret or item["value"].startswith(
                        ("/run/secrets/", "prefect_redis")
                    )
            assert all(mode == 0o400 for mode in _values(document, "defaultMode"))
            assert not list(_values(document, "authString"))


def test_values_pin_images() -> None:
    """The charts' images are pinned by a tag, and the worker runs processes of our image in our pool."""
    tags = [tag for path in VALUES for d in _documents(path) for tag in _values(d, "prefectTag")]
    assert len(tags) == len(VALUES)
    assert all(re.search(r"\d+\.\d+\.\d+", str(tag)) for tag in tags)
    (worker,) = _documents(DEPLOYMENTS / "kubernetes" / "prefect-worker.values.yaml")
    assert worker["worker"]["args"][:6] == [
        "worker", "start", "--type", worker["worker"]["config"]["type"], "--pool", "account-rotation",
    ]  # fmt: skip


def test_prefect_versions_agree() -> None:
    """Every installation has the Prefect of the lock, and sends nobody usage data."""
    (version,) = re.findall(
        r"^prefect==(\S+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE
    )
    assert f"prefect-version: {version}\n" in (ROOT / "prefect.yaml").read_text()
    assert f"prefecthq/prefect:{version}-" in COMPOSE.read_text()
    assert f"prefectTag: {version}-" in VALUES[0].read_text()
    for path in (COMPOSE, *UNITS[1:], *VALUES):
        assert "PREFECT_SERVER_ANALYTICS_ENABLED" in path.read_text(), path.name


def _rights(text: str) -> dict[str, list[str]]:
    """Return what a policy allows, by path."""
    found = re.findall(r'^path "([^"]+)"\s+\{ capabilities = (\[[^\]]*\]) \}', text, re.MULTILINE)
    assert len(found) == len(dict(found))
    assert len(found) == text.count('path "')
    return {path: json.loads(capabilities) for path, capabilities in found}


POLICIES = [
    "worker.hcl", "worker-rotating.hcl", "intake.hcl", "password-policy.hcl", "static-roles.hcl",
]  # fmt: skip


@pytest.mark.parametrize("policy", POLICIES)
def test_policies_are_those_of_the_page(policy: str) -> None:
    """docs/identities.md shows each policy as the file has it."""
    page = (ROOT / "docs" / "identities.md").read_text()
    shown = page.split(f"`{policy}`")[1].split("```hcl\n")[1].split("```")[0]
    text = (DEPLOYMENTS / "vault" / policy).read_text()
    if policy == "password-policy.hcl":
        assert shown == text
    else:
        assert _rights(shown)
        assert _rights(shown) == _rights(text)


def test_intake_reads_only() -> None:
    """The intake may read versions and ledgers, and no place where a password lies."""
    text = (DEPLOYMENTS / "vault" / "intake.hcl").read_text()
    rights = _rights(text + (DEPLOYMENTS / "vault" / "static-roles-intake.hcl").read_text())
    assert all(capabilities == ["read"] for capabilities in rights.values())
    assert not [path for path in rights if "/data/" in path and not path.endswith("/ledger")]
    assert not [path for path in rights if "static-cred" in path]


def test_every_policy_is_applied() -> None:
    """The script applies every file of the folder."""
    script = (DEPLOYMENTS / "vault" / "apply.sh").read_text()
    files = {path.name for path in (DEPLOYMENTS / "vault").glob("*.hcl")}
    assert files == {name for name in files if f"{name}" in script}
    assert len(files) == 8


def test_readme_tells_every_file() -> None:
    """The folder's README names every file in it."""
    readme = (DEPLOYMENTS / "README.md").read_text()
    for path in DEPLOYMENTS.rglob("*"):
        if path.is_file() and path.name not in {"README.md", ".gitignore"}:
            assert path.name in readme or f"{path.parent.name}/" in readme, path.name
