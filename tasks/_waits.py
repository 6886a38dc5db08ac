"""When a run waited for a person: Prefect remembers it, and the run itself, begun again from the top, does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType
from prefect.context import FlowRunContext

from report.record import Wait
from tasks._artifacts import told


def waits_of_this_run() -> list[Wait]:
    """Return the times in which this run was suspended. Raises as ``keep_markdown`` does.

    Only a run of a deployment can be; for any other Prefect is not asked.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    # NOTE: prefect.runtime.deployment.id would ask Prefect's API, which may be away.
    if run is None or run.deployment_id is None:
        return []
    with told(), get_client(sync_client=True) as client:
        return list(waits(client.read_flow_run_states(run.id)))


def waits(states: Iterable[State]) -> Iterator[Wait]:
    """Yield a wait from each suspension to the run's next start; the one that has not ended is none yet."""
    since = None
    for state in sorted(states, key=lambda state: state.timestamp):
        if state.type is StateType.PAUSED:
            since = since or state.timestamp
        elif state.type is StateType.RUNNING and since is not None:
            yield Wait(since, (state.timestamp - since).total_seconds())
            since = None
