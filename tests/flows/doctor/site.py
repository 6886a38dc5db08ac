"""One installation for all tests of doctor: sandbox, a real Prefect server with everything deployed, the intake."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings
from rich.console import Console
from ruamel.yaml import YAML

from cli.deploying import deploy
from cli.doctor.examine import examine
from cli.doctor.model import Area
from cli.doctor.show import Diagnosis
from cli.doctor.site import Choices
from connectors.ledger import Ledger
from intake.spool import Spool
from sandbox import notifications
from sandbox.installation import environment_of
from sandbox.standin.tls import TRUSTS_NOBODY
from sandbox.world import World, running
from tests.intake.sending import new_key, private
from tests.running import Server
from tests.waiting import eventually

ROOT = Path(__file__).parents[3]
POOL = "account-rotation"
WORKER = "doctor-tests"


@dataclass
class Site:
    """A healthy installation. ``choices`` are what the command line would say."""

    world: World
    server: Server
    keys: Path
    choices: Choices
    patch: pytest.MonkeyPatch
    patience: float = 20.0
    away: bool = False
    """Whether no worker is heard of."""

    def diagnose(self, *areas: Area) -> Diagnosis:
        """Let doctor look at it."""
        if not self.away:
            self.beat(WORKER)
        settings = {PREFECT_API_URL: f"{self.server.url}/api", PREFECT_HOME: self.server.home}
        with temporary_settings(settings):
            return examine(self.choices, areas, patience=self.patience)

    def beat(self, worker: str) -> None:
        """Let a worker be heard of, as one is that asks for runs."""
        self.server.post(f"/work_pools/{POOL}/workers/heartbeat", {"name": worker})

    def forget_workers(self) -> None:
        """Forget the workers that other tests on this server have ended a moment ago."""
        for worker in self.call("POST", f"/work_pools/{POOL}/workers/filter", {}):
            self.call("DELETE", f"/work_pools/{POOL}/workers/{worker['name']}")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call Prefect's API as a person does in its UI."""
        url = f"{self.server.url}/api{path}"

        def ask() -> httpx.Response:
            return httpx.request(method, url, json=body, trust_env=False, timeout=30)

        # SQLite refuses a second writer.
        answer = eventually(ask, lambda given: given.status_code != 503).raise_for_status()
        return answer.json() if answer.content else None

    def deployment(self, name: str) -> dict[str, Any]:
        """Return a deployment as Prefect has it."""
        return dict(self.server.get(f"/deployments/name/{name}"))

    @contextmanager
    def inventory(self, change: Callable[[Any], object]) -> Iterator[None]:
        """Have another inventory for a while: ``change`` is given its content."""
        file = self.world.inventory_file
        text, yaml = file.read_text(), YAML()
        data = yaml.load(text)
        change(data)
        with file.open("w") as opened:
            yaml.dump(data, opened)
        try:
            yield
        finally:
            file.write_text(text)

    @contextmanager
    def mode(self, file: Path, mode: int) -> Iterator[None]:
        """Give a file other rights for a while."""
        before = file.stat().st_mode
        file.chmod(mode)
        try:
            yield
        finally:
            file.chmod(before)

    @contextmanager
    def variable(self, name: str, value: str) -> Iterator[None]:
        """Set an environment variable for a while."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(name, value)
            yield

    @contextmanager
    def choosing(self, **choices: Any) -> Iterator[None]:
        """Say something else on the command line for a while."""
        before, self.choices = self.choices, replace(self.choices, **choices)
        try:
            yield
        finally:
            self.choices = before

    @contextmanager
    def secret(self, path: str, **changes: str) -> Iterator[None]:
        """Change fields of a secret in Vault for a while; an empty value removes a field."""
        fields = self.world.admin.read(path)
        changed = {name: value for name, value in {**fields, **changes}.items() if value}
        self.world.admin.write(path, changed)
        try:
            yield
        finally:
            self.world.admin.write(path, fields)

    @contextmanager
    def ledger(self, connection: str, **content: Any) -> Iterator[None]:
        """Let a ledger say something, as if runs had been there; afterwards it is gone."""
        text = Ledger(connection=connection, **content).model_dump_json(by_alias=True)
        with self.ledger_text(connection, text):
            yield

    @contextmanager
    def ledger_text(self, connection: str, text: str) -> Iterator[None]:
        """Put a document where a ledger lies."""
        place = f"rotation/{connection}/ledger"
        self.world.admin.write(place, {"ledger": text})
        try:
            yield
        finally:
            self.world.admin.call("DELETE", f"/kv/metadata/{place}")


@contextmanager
def installed(folder: Path, server: Server) -> Iterator[Site]:
    """Install everything for the services hq and plant, with two domain controllers."""
    with (
        pytest.MonkeyPatch.context() as patch,
        running(folder / "sandbox", services=("hq", "plant"), replicas=2) as world,
        notifications.listening(server.url),
    ):
        keys = private(folder / "webhook-keys", f"{new_key()}\n")
        spool = folder / "spool.sqlite"
        Spool(spool).close()
        world.environment.update(
            PREFECT_API_URL=f"{server.url}/api",
            PREFECT_HOME=str(server.home),
            PREFECT_SERVER_ANALYTICS_ENABLED="false",
            INTAKE_SPOOL=str(spool),
            INTAKE_WEBHOOK_KEYS_FILE=str(keys),
            INTAKE_PORT="0",
        )
        for name, value in world.environment.items():
            patch.setenv(name, value)
        patch.chdir(ROOT)
        _deploy(server)
        with _intake(_admitted(world), folder / "intake.log") as address:
            site = Site(world, server, keys, Choices(intake=address), patch)
            site.forget_workers()
            yield site
        _remove(server)


def _deploy(server: Server) -> None:
    settings = {PREFECT_API_URL: f"{server.url}/api", PREFECT_HOME: server.home}
    with temporary_settings(settings):
        deploy(
            ROOT / "prefect.yaml",
            ROOT / "deployments" / "automations.yaml",
            notifications.BLOCK,
            as_json=False,
            console=Console(quiet=True),
        )


def _remove(server: Server) -> None:
    """Leave the server of the session as other tests expect it."""
    for kind, found in (
        ("automations", server.post("/automations/filter", {})),
        ("deployments", server.post("/deployments/filter", {})),
    ):
        for item in found:
            httpx.delete(f"{server.url}/api/{kind}/{item['id']}", trust_env=False, timeout=30)
    httpx.delete(f"{server.url}/api/work_pools/{POOL}", trust_env=False, timeout=30)


def _admitted(world: World) -> dict[str, str]:
    """Return the environment of the intake, which has a role of its own in Vault, as in deployments/.

    It looks at the other systems once, while all is well: what it saw of a planted fault it would tell for a while.
    """
    policy = (ROOT / "deployments" / "vault" / "intake.hcl").read_text()
    role_id, secret_id = world.admin.admit("intake", policy)
    world.canaries.add(secret_id)
    file = private(world.folder / "intake-secret-id", secret_id)
    return environment_of(world) | {
        "ROTATION_VAULT_ROLE_ID": role_id,
        "ROTATION_VAULT_SECRET_ID_FILE": str(file),
        "INTAKE_LOOK_EVERY": "300",
    }


def _readiness(address: str) -> Any:
    return httpx.get(f"{address}/readyz", verify=TRUSTS_NOBODY, trust_env=False, timeout=30).json()


@contextmanager
def _intake(environment: dict[str, str], log: Path) -> Iterator[str]:
    with log.open("w") as sink:
        started = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "listen"],
            env=environment, cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        said = eventually(
            log.read_text, lambda text: "listening on " in text and text.endswith("\n"), within=60
        )
        address = said.split("listening on ")[1].split()[0]
        eventually(lambda: _readiness(address), lambda report: report["vault"]["fine"])
        yield address
    finally:
        started.terminate()
        started.wait(20)
