"""What is asked of Prefect, and what its answers mean."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from connectors.errors import NotFound, NotPermitted, Refused, RotationError, Unreachable
from connectors.secret import Secret
from intake.prefect_api import PrefectApi
from intake.settings import IntakeSettings

FIND = "/api/deployments/name/update_account_credentials/update"
START = "/api/deployments/d-1/create_flow_run"
READ = "/api/flow_runs/r-1"
PARAMETERS = {"service": "hq", "connections": ["hq-ad"]}


class Prefect:
    """Answers by path; what is not told otherwise is fine. ``asked`` are the requests."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.answers: dict[str, Callable[[], httpx.Response]] = {
            FIND: lambda: httpx.Response(200, json={"id": "d-1"}),
            START: lambda: httpx.Response(201, json={"id": "r-1"}),
            READ: lambda: httpx.Response(200, json={"id": "r-1"}),
            "/api/events": lambda: httpx.Response(204),
        }

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        self.asked.append(request)
        return self.answers[request.url.path]()


@pytest.fixture
def prefect() -> Prefect:
    """Return a Prefect that is fine."""
    return Prefect()


@pytest.fixture
def api(prefect: Prefect, tmp_path: Path) -> Iterator[PrefectApi]:
    """Return the client of it."""
    settings = IntakeSettings(
        spool=tmp_path / "spool",
        webhook_keys_file=tmp_path / "keys",
        INTAKE_PREFECT_API_URL="http://127.0.0.1:4200/api",  # type: ignore[call-arg]
    )
    auth = Secret("user:secret")
    with PrefectApi(settings, auth, transport=httpx.MockTransport(prefect)) as opened:
        yield opened


def test_starts_and_looks(api: PrefectApi, prefect: Prefect) -> None:
    """A run is created with its key, and read back; the deployment is looked up once."""
    assert api.start(PARAMETERS, "kv/a#1@t") == "r-1"
    assert api.start(PARAMETERS, "kv/a#2@t") == "r-1"
    assert [r.url.path for r in prefect.asked] == [FIND, START, READ, START, READ]
    sent = json.loads(prefect.asked[1].content)
    assert (sent["parameters"], sent["idempotency_key"]) == (PARAMETERS, "kv/a#1@t")
    assert prefect.asked[0].headers["authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        (FIND, 404, NotFound), (FIND, 401, NotPermitted), (FIND, 503, Unreachable), (FIND, 200, Unreachable),
        (START, 404, NotFound), (START, 403, NotPermitted), (START, 409, Refused), (START, 422, Refused),
        (START, 500, Unreachable), (START, 429, Unreachable),
        (READ, 404, Unreachable), (READ, 500, Unreachable), (READ, 200, Unreachable),
    ],
)  # fmt: skip
def test_refusals(
    api: PrefectApi, prefect: Prefect, path: str, status: int, kind: type[RotationError]
) -> None:
    """Away is away, no is no, a run that cannot be read back does not count, and no body is told."""
    prefect.answers[path] = lambda: httpx.Response(status, text="<html>canary</html>")
    with pytest.raises(kind) as refused:
        api.start(PARAMETERS, "kv/a#1@t")
    assert type(refused.value) is kind
    assert "canary" not in str(refused.value)
    assert refused.value.__context__ is None


def test_deployed_anew(api: PrefectApi, prefect: Prefect) -> None:
    """When the deployment has another id, the next try finds it."""
    api.start(PARAMETERS, "k")
    prefect.answers[START] = lambda: httpx.Response(404)
    prefect.answers[FIND] = lambda: httpx.Response(200, json={"id": "d-2"})
    prefect.answers["/api/deployments/d-2/create_flow_run"] = lambda: httpx.Response(
        201, json={"id": "r-1"}
    )
    with pytest.raises(NotFound, match="find deployment") as refused:
        api.start(PARAMETERS, "k")
    assert "prefect deploy --all" in refused.value.what_to_do()
    assert api.start(PARAMETERS, "k") == "r-1"


def test_event(api: PrefectApi, prefect: Prefect) -> None:
    """The event names the secret; told twice it is the same event, and its failure is nobody's."""
    payload = {"mount": "kv", "path": "apps/hq", "version": 3}
    api.tell("kv/apps/hq#3@t", payload)
    api.tell("kv/apps/hq#3@t", payload)
    first, second = (json.loads(request.content)[0] for request in prefect.asked)
    assert first["id"] == second["id"]
    assert first["event"] == "vault.secret.rotated"
    assert first["resource"] == {"prefect.resource.id": "vault.secret.kv/apps/hq"}
    prefect.answers["/api/events"] = lambda: httpx.Response(500)
    api.tell("other", payload)
