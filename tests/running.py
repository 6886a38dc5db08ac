"""Real Prefect servers for the session, a fresh sandbox per test, and a way to run the update."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.client.schemas.objects import State
from prefect.logging.handlers import APILogWorker
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
    PREFECT_HOME,
    PREFECT_LOGGING_TO_API_ENABLED,
    PREFECT_RESULTS_LOCAL_STORAGE_PATH,
    temporary_settings,
)

from flows.rotate_account_credentials import rotate_account_credentials
from flows.update_account_credentials import update_account_credentials
from report.record import ConnectionRecord, RunRecord, listening
from sandbox.standin.process import StandIn
from sandbox.standin.tls import TRUSTS_NOBODY
from sandbox.world import World, running

StartWorld = Callable[..., World]


@dataclass
class Server:
    """The Prefect server of the session, and where it and the runs keep their things."""

    url: str
    home: Path

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Call the API of the server."""
        answer = self._ask("POST", path, body)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def get(self, path: str) -> Any:
        """Read from the API of the server."""
        answer = self._ask("GET", path)
        answer.raise_for_status()
        return answer.json()

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        url = f"{self.url}/api{path}"
        return httpx.request(
            method, url, json=body, verify=TRUSTS_NOBODY, trust_env=False, timeout=30
        )

    def task_runs(self, flow_run_id: str) -> list[dict[str, Any]]:
        """Return the run list of a flow run as the UI shows it, in order of start."""
        runs = self.post(
            "/task_runs/filter", {"flow_runs": {"id": {"any_": [flow_run_id]}}, "limit": 200}
        )
        return sorted(runs, key=lambda run: str(run["start_time"]))

    def events(self, flow_run_id: str, prefix: str) -> list[dict[str, Any]]:
        """Return the stored events that a run emitted, by the beginning of their names."""
        related = {"id": [f"prefect.flow-run.{flow_run_id}"]}
        body = {"filter": {"event": {"prefix": [prefix]}, "related": related}, "limit": 50}
        return list(self.post("/events/filter", body)["events"])

    def report(self, flow_run_id: str, key: str) -> str:
        """Return the report that a run left for one connection."""
        filters = {"flow_run_id": {"any_": [flow_run_id]}, "key": {"any_": [key]}}
        (artifact,) = self.post("/artifacts/filter", {"artifacts": filters})
        return str(artifact["data"])


@dataclass
class Outcome:
    """What one run came to."""

    state: State[None]
    record: RunRecord

    def connection(self, name: str) -> ConnectionRecord:
        """Return the record of one connection."""
        return next(item for item in self.record.connections if item.name == name)

    def steps(self, name: str) -> list[str]:
        """Return the numbers of the steps of one connection, in the order they ran."""
        return [entry.number for entry in self.connection(name).entries]


@contextmanager
def _server(home: Path, golden: Path, **choices: Any) -> Iterator[Server]:
    config = {"home": str(home), "golden": str(golden), **choices}
    log = home.parent / f"{home.name}.log"
    with StandIn.start("sandbox.prefect_server", config, log) as server:
        yield Server(server.url, home)


@pytest.fixture(scope="session")
def prefect_server(
    tmp_path_factory: pytest.TempPathFactory, prefect_golden: Path
) -> Iterator[Server]:
    """Start a real Prefect server that keeps runs and artifacts, but neither events nor task runs.

    Its database has no other writer than the runs, which therefore never wait for each other's leftovers.
    """
    with _server(tmp_path_factory.mktemp("prefect"), prefect_golden, bookkeeping=False) as server:
        yield server


@pytest.fixture(scope="session")
def bookkeeper(tmp_path_factory: pytest.TempPathFactory, prefect_golden: Path) -> Iterator[Server]:
    """Start a real Prefect server as it is, for tests that are marked ``bookkeeping``."""
    with _server(tmp_path_factory.mktemp("bookkeeper"), prefect_golden) as server:
        yield server


@pytest.fixture
def prefect_api(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Point the flows of this process at a Prefect server of the session."""
    everything = request.node.get_closest_marker("bookkeeping") is not None
    server: Server = request.getfixturevalue("bookkeeper" if everything else "prefect_server")
    settings = {
        PREFECT_API_URL: f"{server.url}/api",
        PREFECT_HOME: server.home,
        PREFECT_RESULTS_LOCAL_STORAGE_PATH: server.home / "storage",
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        PREFECT_LOGGING_TO_API_ENABLED: everything,
    }
    with temporary_settings(settings):
        yield server
        APILogWorker.drain_all(timeout=30)


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry as often as in production would be too slow here; the policy itself has its own test."""
    monkeypatch.setenv("ROTATION_RETRY_ATTEMPTS", "3")
    monkeypatch.setenv("ROTATION_RETRY_BASE", "0.01")


def _use(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def start_world(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, samba_golden: Path
) -> Iterator[StartWorld]:
    """Return a function that starts a sandbox of the test's own and points the product at it."""
    with ExitStack() as stack:

        def start(**choices: Any) -> World:
            sandbox = running(tmp_path / "sandbox", golden=samba_golden, **choices)
            started = stack.enter_context(sandbox)
            _use(started, monkeypatch)
            return started

        yield start


@pytest.fixture
def world(request: pytest.FixtureRequest, start_world: StartWorld) -> World:
    """Start a sandbox with the service hq, or with those that the marker ``services`` names."""
    wanted = request.node.get_closest_marker("services")
    return start_world(services=wanted.args if wanted else ("hq",))


Update = Callable[..., Outcome]


@pytest.fixture
def update(prefect_api: Server) -> Update:
    """Return a function that runs the update flow and hands over its state and record."""

    def run(service: str = "hq", **parameters: Any) -> Outcome:
        records: list[RunRecord] = []
        with listening(lambda _: None, records.append):
            state = update_account_credentials(service, **parameters, return_state=True)
        return Outcome(state, records[0])

    return run


Rotate = Callable[..., Outcome]


@pytest.fixture
def rotate(prefect_api: Server) -> Rotate:
    """Return a function that runs the rotation flow and hands over its state and record."""

    def run(connection: str, **parameters: Any) -> Outcome:
        records: list[RunRecord] = []
        with listening(lambda _: None, records.append):
            state = rotate_account_credentials(connection, **parameters, return_state=True)
        return Outcome(state, records[0])

    return run
