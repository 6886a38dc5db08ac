"""The form of a suspended run in the Prefect UI: what a person reads, and what is answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateName,
)
from prefect.input import RunInput
from prefect.runtime import deployment, flow_run
from pydantic import Field

from connectors.entra.remediation import RemediationPlan
from report.markdown import plain

GRANT = "Carry out the plan"


class Decision(RunInput):
    """What a person answers. Prefect does not know who it is: the name is what was typed."""

    decision: Literal["Carry out the plan", "Do not"] = Field(
        title="Decision", description="Exactly the plan above, and nothing else."
    )
    approved_by: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        title="Your name", description="Kept in the report. Nothing checks that it is yours."
    )
    comment: Annotated[str, Field(max_length=500)] = Field(
        default="", title="Comment", description="For the report, such as a ticket's number."
    )


def waiting_runs(connection: str) -> Iterator[str]:
    """Yield the ids of other runs of this deployment that wait for an answer about the connection."""
    mine = flow_run.get_id()
    wanted = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]),
        state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Suspended"])),
    )
    with get_client(sync_client=True) as client:
        waiting = client.read_flow_runs(flow_run_filter=wanted)
    for other in waiting:
        if other.parameters.get("connection") == connection and str(other.id) != mine:
            yield str(other.id)


def form(connection: str, plan: RemediationPlan) -> str:
    """Return the text above the form: the plan, who loses what, and what is not remedied by it."""
    steps = "\n".join(f"{number}. {plain(line)}" for number, line in enumerate(plan.lines(), 1))
    return (
        f"## The consent of {plain(connection)} is not complete\n\n"
        f"Plan `{plan.digest}` for {plain(plan.account.upn)}, manifest {plain(plan.manifest.name)}:\n\n{steps}\n\n"
        "It is carried out in this order, within 15 minutes of your answer, and only as long as the tenant is still "
        "as it was when the plan was made. What is granted now is kept first; grants that are withdrawn or widened can be put back."
    )
