"""Other runs: those that wait for an answer, those whose form is out of date, and those that this run starts."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas import OrchestrationResult
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateName,
)
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run
from prefect.states import Cancelled

from tasks._prefect import deployment_of_this_run, told

_log = logging.getLogger(__name__)
_LOOK = "look at other runs"
_NOBODY_ASKED = "Nobody was asked, and nothing was changed by it. Bring Prefect's API back, then start the run again."

_NOT_STARTED = (
    "Nothing was changed. Look whether Prefect's API answers and has the deployment (account-rotation deploy); the next "
    "run of this schedule tries again."
)


def waiting_runs(connection: str) -> Iterator[str]:
    """Yield the ids of other runs of this deployment that wait for an answer about the connection.

    Raises as ``told`` does.
    """
    mine, deployment = flow_run.get_id(), deployment_of_this_run()
    if deployment is None:
        return
    wanted = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[deployment]),
        state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Suspended"])),
    )
    with told(_LOOK, _NOBODY_ASKED), get_client(sync_client=True) as client:
        waiting = client.read_flow_runs(flow_run_filter=wanted)
    for other in waiting:
        if other.parameters.get("connection") == connection and str(other.id) != mine:
            yield str(other.id)


def still_waits(run: str) -> bool:
    """Say whether another run is suspended and waits for its answer. Raises as ``told`` does."""
    with told(_LOOK, _NOBODY_ASKED), get_client(sync_client=True) as client:
        try:
            state = client.read_flow_run(UUID(run)).state
        except (ObjectNotFound, ValueError):
            return False
    return state is not None and state.name == "Suspended"


def call_off(run: str, why: str) -> None:
    """Cancel a suspended run whose form is out of date; one that cannot be cancelled answers for itself later.

    Raises as ``told`` does.
    """
    with told("call a form off", _NOBODY_ASKED), get_client(sync_client=True) as client:
        result: OrchestrationResult[Any] = client.set_flow_run_state(
            UUID(run), Cancelled(name="Superseded", message=why)
        )
    if result.status.value != "ACCEPT":
        _log.info("the run %s could not be called off: %s", run, result.status.value)


def start(deployment: str, parameters: dict[str, Any], key: str) -> None:
    """Have a worker carry out a run of its own, at most one per key. Raises as ``told`` does.

    ``deployment`` is FLOW/DEPLOYMENT. Unlike a run within this one, Prefect can suspend it.
    """
    with told(f"start {deployment}", _NOT_STARTED):
        run_deployment(
            deployment, parameters=parameters, timeout=0, as_subflow=False, idempotency_key=key
        )
