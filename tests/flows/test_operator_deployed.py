"""A deployed run that waits for a person: for a day, over a worker's end, and for one good answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows._form import ActiveDirectoryForm
from flows.asking import Form
from sandbox.world import World
from tests.flows.deployed import of_a_worker, prefect, worker
from tests.flows.operators import Person, at_the_console
from tests.running import Server, StartWorld
from tests.waiting import eventually

pytestmark = [pytest.mark.prefect, pytest.mark.bookkeeping]

FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
DAY = 24 * 3600.0
SAVED = "I have saved the new credential"


def state_of(server: Server, run: str) -> dict[str, Any]:
    """Return the state of a run."""
    return dict(server.get(f"/flow_runs/{run}")["state"])


def until(server: Server, run: str, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait until a run has reached a state, and return it."""
    return eventually(lambda: state_of(server, run), reached, within=90)


def ended(state: dict[str, Any]) -> bool:
    """Say whether a run in this state is over."""
    return state["type"] in FINAL


def _asks(state: dict[str, Any], form: int) -> bool:
    key = state["state_details"]["pause_key"] or ""
    return state["name"] == "Suspended" and key.endswith(f"-{form}")


def suspended(server: Server, run: str, form: int) -> str:
    """Wait until a run waits with its n-th form; return what is to be read: the form's text, and its guide."""
    state = until(server, run, lambda it: _asks(it, form) or ended(it))
    assert _asks(state, form), state
    key = state["state_details"]["run_input_keyset"]["description"]
    shown = str(patiently(lambda: server.get(f"/flow_runs/{run}/input/{key}")))
    wanted = {"artifacts": {"key": {"any_": ["hq-ad-guide"]}}, "sort": "CREATED_DESC"}
    guide = server.post("/artifacts/filter", wanted)[0]
    assert f"/artifacts/artifact/{guide['id']}" in shown
    return f"{shown}\n{guide['data']}"


def patiently(call: Callable[[], Any]) -> Any:
    """Call Prefect's API, again where SQLite is busy, or the form is not kept yet: nothing was done then."""
    told: list[Any] = []

    def once() -> bool:
        try:
            told.append(call())
        except httpx.HTTPStatusError as error:
            assert error.response.status_code in (404, 503), error
        return bool(told)

    eventually(once, bool)
    return told[0]


def resume(server: Server, run: str, **values: str) -> dict[str, Any]:
    """Answer a form as Prefect's UI does; return what came of it."""
    body = {"run_input": values}
    return dict(patiently(lambda: server.post(f"/flow_runs/{run}/resume", body)))


def start(
    server: Server, name: str = "update_account_credentials/update", **parameters: Any
) -> str:
    """Start a deployed run, without parameters the update of hq-ad; return the run."""
    deployment = server.get(f"/deployments/name/{name}")
    body = {"parameters": parameters or {"service": "hq", "connections": ["hq-ad"]}}
    path = f"/deployments/{deployment['id']}/create_flow_run"
    return str(patiently(lambda: server.post(path, body))["id"])


def work(person: Person, text: str) -> dict[str, str]:
    """Do what a form asks for, and return what is reported."""
    report = person.answer(Form("by hand", ActiveDirectoryForm, text, 1.0))
    return {name: str(value) for name, value in report.model_dump().items()}


@pytest.fixture
def world(start_world: StartWorld) -> World:
    """Start a service whose console only a person reaches."""
    return start_world(services=("hq",), driver="operator")


@pytest.fixture(scope="module")
def deployed(bookkeeper: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Deploy everything, and hold the schedules back until the tests of this module are over."""
    environment = of_a_worker(bookkeeper.url, tmp_path_factory.mktemp("deploying"))
    prefect(
        environment, "work-pool", "create", "account-rotation", "--type", "process", "--overwrite"
    )
    prefect(environment, "--no-prompt", "deploy", "--all")
    every = [f"/deployments/{item['id']}" for item in bookkeeper.post("/deployments/filter", {})]
    for deployment in every:
        patiently(partial(bookkeeper.post, f"{deployment}/pause_deployment", {}))
    yield
    for deployment in every:
        patiently(partial(bookkeeper.post, f"{deployment}/resume_deployment", {}))


@pytest.mark.usefixtures("deployed")
def test_a_run_waits_for_a_person(world: World, prefect_api: Server, tmp_path: Path) -> None:
    """Suspended, handed over, a day later, on another worker: the run goes on where it was, once.

    The clocks of Vault, the directory, the tenant and the console are a day on; Prefect's is not moved.
    """
    environment = of_a_worker(prefect_api.url, tmp_path)
    world.rotate_ad("hq")

    with ExitStack() as first_shift:
        first_shift.enter_context(worker(environment, tmp_path / "first.log"))
        run = start(prefect_api)
        text = suspended(prefect_api, run, 1)
        assert not [secret for secret in world.canaries if secret in text]
        assert world.ledger("hq-ad")["asked"]["run"] == run

        # Another run about the same version does not put a second form before the person.
        other = start(prefect_api)
        assert until(prefect_api, other, ended)["name"] == "Waiting"
        # It does not sign in as the account, because the first one watches who does.
        assert not [it for it in prefect_api.task_runs(other) if it["name"].startswith("A0")]

        refused = resume(
            prefect_api, run, outcome="It is done", your_name="Op One", check_settings="It passed"
        )
        assert refused["status"] == "REJECT"
        assert "outcome" in refused["details"]["reason"]
        nameless = resume(prefect_api, run, outcome=SAVED, check_settings="It passed")
        assert nameless["status"] == "REJECT"
        assert "your_name" in nameless["details"]["reason"]
        assert state_of(prefect_api, run)["name"] == "Suspended"

        handed = resume(
            prefect_api,
            run,
            outcome="Somebody else takes over",
            your_name="Op Two",
            check_settings="I did not run it",
        )
        assert handed["status"] == "ACCEPT"
        text = suspended(prefect_api, run, 2)
        assert "Op Two" in text

    for system in world.stand_ins().values():
        system.advance(DAY)
    with at_the_console(world) as person:
        report = work(person, text)
    with ThreadPoolExecutor() as pool:
        both = list(pool.map(lambda _: resume(prefect_api, run, **report), range(2)))
    assert sorted(answer["status"] for answer in both) == ["ABORT", "ACCEPT"]

    environment["PREFECT_HOME"] = str(tmp_path / "another-home")
    with worker(environment, tmp_path / "second.log"):
        final = until(prefect_api, run, ended)
    assert final["name"] == "Ready", (tmp_path / "second.log").read_text()[-3000:]
    late = resume(prefect_api, run, **report)
    assert late["status"] == "ABORT"
    assert world.console_signs_in("hq", "active_directory")
    assert world.ledger("hq-ad")["asked"] is None
    evidence = prefect_api.report(run, "hq-ad")
    assert "saved by 'Op One' in the Prefect UI, a name that nothing has checked at" in evidence


@pytest.mark.usefixtures("deployed")
def test_a_newer_version_calls_the_form_off(
    world: World, prefect_api: Server, tmp_path: Path
) -> None:
    """A form about a password that is out of date is closed by the run that asks about the newer one."""
    with worker(of_a_worker(prefect_api.url, tmp_path), tmp_path / "worker.log"):
        runs = []
        for _ in range(2):
            world.rotate_ad("hq")
            runs.append(start(prefect_api))
            suspended(prefect_api, runs[-1], 1)
    assert state_of(prefect_api, runs[0])["name"] == "Superseded"
    assert world.ledger("hq-ad")["asked"]["run"] == runs[1]
    assert (
        resume(prefect_api, runs[0], outcome=SAVED, your_name="x", check_settings="It passed")[
            "status"
        ]
        == "ABORT"
    )


def runs_of(server: Server, flow: str) -> list[dict[str, Any]]:
    """Return the runs of a flow that this test has started, or that were started for it; oldest first."""
    wanted = {"flows": {"name": {"any_": [flow]}}, "sort": "START_TIME_ASC"}
    return list(server.post("/flow_runs/filter", wanted))


@pytest.mark.usefixtures("deployed")
@pytest.mark.parametrize(
    ("flow", "deployment", "starts", "parameters"),
    [
        (
            "reconcile_connections",
            "reconcile",
            "update_account_credentials",
            {"service": "depot", "connections": ["depot-ad"]},
        ),
        (
            "rotate_due_connections",
            "rotate-due",
            "rotate_account_credentials",
            {"connection": "depot-ad", "asked_by": "schedule"},
        ),
    ],
)
def test_a_schedule_has_a_person_asked(
    start_world: StartWorld,
    prefect_api: Server,
    tmp_path: Path,
    flow: str,
    deployment: str,
    starts: str,
    parameters: dict[str, Any],
) -> None:
    """What a schedule finds due at a person's console is asked for by a run of its own, once, and the schedule ends."""
    world = start_world(services=("depot",), driver="operator")
    before = {run["id"] for run in runs_of(prefect_api, starts)}
    with worker(of_a_worker(prefect_api.url, tmp_path), tmp_path / "worker.log"):
        for said in ("depot-ad: a run of its own asks a person", "depot-ad: nothing: another run"):
            run = start(prefect_api, f"{flow}/{deployment}", services=["depot"])
            end = until(prefect_api, run, ended)
            assert end["name"] == "Reconciled", end
            assert said in end["message"]
            (asks,) = [
                it
                for it in runs_of(prefect_api, starts)
                if it["id"] not in before and "depot-ad" in str(it["parameters"])
            ]
            until(prefect_api, asks["id"], lambda state: state["name"] == "Suspended")
    assert asks["parameters"].items() >= parameters.items()
    assert world.ledger("depot-ad")["asked"]["run"] == asks["id"]
