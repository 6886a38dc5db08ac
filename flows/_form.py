"""The forms of a suspended run in the Prefect UI: what is answered. ``report`` has the texts above them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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

from connectors.cayosoft.operator import Box, Tried
from connectors.entra.remediation import RemediationPlan
from report.markdown import plain
from tasks._weighing import Choice

GRANT = "Carry out the plan"

Name = Annotated[str, Field(min_length=1, max_length=100)]
Remark = Annotated[str, Field(max_length=500)]
NAME, NAME_HELP = "Your name", "Kept in the report. Nothing checks that it is yours."
REMARK_HELP = "Anything unexpected. Never a password."

CHOICES = {
    "I have saved the new credential": Choice.SAVED,
    "Somebody else takes over": Choice.HAND_OVER,
    "I cannot, or will not": Choice.DECLINED,
}
PASSED: dict[str, bool | None] = {"It passed": True, "It failed": False, "I did not run it": None}
BOX = {
    "Left unticked": Box.UNTICKED,
    "Ticked": Box.TICKED,
    "No request was shown": Box.NOT_SHOWN,
}
TRIED = {
    "Created, changed and deleted": Tried.DONE,
    "The product refused it": Tried.REFUSED,
    "I did not try it": Tried.NOT_TRIED,
}


class Decision(RunInput):
    """What a person answers. Prefect does not know who it is: the name is what was typed."""

    decision: Literal["Carry out the plan", "Do not"] = Field(
        title="Decision", description="Exactly the plan above, and nothing else."
    )
    approved_by: Name = Field(title=NAME, description=NAME_HELP)
    comment: Remark = Field(default="", title="Comment", description="For the report. No password.")


class Readiness(RunInput):
    """Whether a person is at the console, so that the password can be changed now."""

    ready: Literal["I am at the console: change the password", "Not now"] = Field(
        title="Are you ready?"
    )
    your_name: Name = Field(title=NAME, description=NAME_HELP)
    remark: Remark = Field(default="", title="Remark", description=REMARK_HELP)


class OperatorForm(RunInput):
    """What both extensions' forms ask first."""

    outcome: Literal[
        "I have saved the new credential", "Somebody else takes over", "I cannot, or will not"
    ] = Field(title="What have you done?")
    your_name: Name = Field(title=NAME)


class ActiveDirectoryForm(OperatorForm):
    """What is reported of the Active Directory extension."""

    check_settings: Literal["It passed", "It failed", "I did not run it"] = Field(
        title="What did Check Settings say?"
    )
    remark: Remark = Field(default="", title="Remark")


class Microsoft365Form(OperatorForm):
    """What is reported of the Microsoft 365 extension."""

    validate_said: Literal["It passed", "It failed", "I did not run it"] = Field(
        title="What did Validate say?"
    )
    on_behalf: Literal["Left unticked", "Ticked", "No request was shown"] = Field(
        title="Consent on behalf of your organization"
    )
    consent_status: Annotated[str, Field(max_length=100)] = Field(
        default="", title="Consent status, in the console's words"
    )
    test_user: Literal[
        "Created, changed and deleted", "The product refused it", "I did not try it"
    ] = Field(title="The test user")
    remark: Remark = Field(default="", title="Remark")


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


def form(
    connection: str, plan: RemediationPlan, notes: Sequence[str] = (), approval: str = ""
) -> str:
    """Return the text above the form: the plan, who loses what, and what is not remedied by it."""
    before = "".join(f"> **{plain(note)}**\n\n" for note in notes)
    after = f"\n\n{approval}" if approval else ""
    steps = "\n".join(f"{number}. {plain(line)}" for number, line in enumerate(plan.lines(), 1))
    return (
        f"{before}## The consent of {plain(connection)} is not complete\n\n"
        f"Plan `{plan.digest}` for {plain(plan.account.upn)}, manifest {plain(plan.manifest.name)}:\n\n{steps}\n\n"
        "It is carried out in this order, within 15 minutes of your answer, and only as long as the tenant is still "
        "as it was when the plan was made. What is granted now is kept first; grants that are withdrawn or widened can be put back."
        f"{after}"
    )
