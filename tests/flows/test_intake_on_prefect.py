"""The intake's requests on a real Prefect server: one run per key, seen to exist, and an event."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.errors import NotFound, Refused
from intake.prefect_api import PrefectApi
from intake.settings import IntakeSettings
from tests.running import Server
from tests.waiting import eventually

pytestmark = [pytest.mark.prefect, pytest.mark.bookkeeping]
LABEL = "kv/apps/hq#3@2026-11-01T00:00:00.000+00:00"
SCHEMA = {
    "type": "object",
    "properties": {"service": {"type": "string"}, "connections": {"type": "array"}},
    "required": ["service"],
}


@pytest.fixture
def settings(bookkeeper: Server, tmp_path: Path) -> IntakeSettings:
    """Deploy a flow that nobody runs; return the settings that name it."""
    flow = bookkeeper.post("/flows/", {"name": "heard-of"})
    bookkeeper.post(
        "/deployments/",
        {
            "name": "update", "flow_id": flow["id"], "parameter_openapi_schema": SCHEMA,
            "enforce_parameter_schema": True, "tags": ["cayosoft"],
        },
    )  # fmt: skip
    return IntakeSettings(
        spool=tmp_path / "spool",
        webhook_keys_file=tmp_path / "keys",
        deployment="heard-of/update",
        INTAKE_PREFECT_API_URL=f"{bookkeeper.url}/api",  # type: ignore[call-arg]
    )


@pytest.fixture
def api(settings: IntakeSettings) -> Iterator[PrefectApi]:
    """Return the intake's client of it."""
    with PrefectApi(settings) as opened:
        yield opened


def test_one_run_per_key(api: PrefectApi, bookkeeper: Server) -> None:
    """The same key is the same run, with the parameters it was created with; another key is another."""
    parameters = {"service": "hq", "connections": ["hq-ad"]}
    first = api.start(parameters, LABEL)
    assert api.start(parameters, LABEL) == first
    assert api.start(parameters, f"{LABEL} again") != first
    run = bookkeeper.get(f"/flow_runs/{first}")
    assert (run["parameters"], run["idempotency_key"]) == (parameters, LABEL)
    assert (run["state"]["type"], sorted(run["tags"])) == ("SCHEDULED", ["cayosoft", "vault-event"])


def test_a_deployment_that_takes_no_such_run(api: PrefectApi) -> None:
    """Parameters that the deployment's schema refuses are refused for good, not retried as an outage."""
    with pytest.raises(Refused):
        api.start({"connections": ["hq-ad"]}, "no service")


def test_no_deployment(settings: IntakeSettings) -> None:
    """A deployment that is not there is told with the command that deploys it."""
    missing = settings.model_copy(update={"deployment": "heard-of/another"})
    with PrefectApi(missing) as api, pytest.raises(NotFound) as refused:
        api.check()
    assert "prefect deploy --all" in refused.value.what_to_do()


def test_event(api: PrefectApi, bookkeeper: Server) -> None:
    """The event is stored once, whoever emits it again, with ids only."""
    payload = {"mount": "kv", "path": "apps/hq", "version": 3, "connection": "hq-ad"}
    api.tell(LABEL, payload)
    api.tell(LABEL, payload)
    body = {"filter": {"event": {"name": ["vault.secret.rotated"]}}, "limit": 50}
    (event,) = eventually(lambda: bookkeeper.post("/events/filter", body)["events"], bool)
    assert event["payload"] == payload
    assert event["resource"]["prefect.resource.id"] == "vault.secret.kv/apps/hq"
