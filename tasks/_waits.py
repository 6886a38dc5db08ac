"""When a run waited for a person: Prefect remembers it, and the run itself, begun again from the top, does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType
from prefect.runtime import flow_run

from report.record import Wait
from tasks._prefect import deployment_of_this_run, told

_NOT_COUNTED = (
    "The connections are what this run says of them; only how long it waited could not be told. Bring Prefect's API "
    "back, then start the run again: it finds what is already so."
)


def waits_of_this_run() -> list[Wait]:
    """Return the times in which this run was suspended. Raises as ``told`` does.

    Only a run of a deployment can be; for any other Prefect is not asked.
    """
    run = flow_run.get_id()
    if run is None or deployment_of_this_run() is None:
        return []
    with told("look when it waited", _NOT_COUNTED), get_client(sync_client=True) as client:
        return list(waits(client.read_flow_run_states(UUID(run))))


def waits(states: Iterable[State]) -> Iterator[Wait]:
    """Yield a wait from each suspension to the run's next start; the one that has not ended is none yet."""
    since = None
    for state in sorted(states, key=lambda state: state.timestamp):
        if state.type is StateType.PAUSED:
            since = since or state.timestamp
        elif state.type is StateType.RUNNING and since is not None:
            yield Wait(since, (state.timestamp - since).total_seconds())
            since = None
