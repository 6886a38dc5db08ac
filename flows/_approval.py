"""Ask a person whether a plan may be carried out: a suspended run, and a form in the Prefect UI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateName,
)
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.runtime import deployment, flow_run
from pydantic import Field

from connectors.entra.remediation import RemediationPlan
from connectors.errors import NotYet, OutOfStep
from connectors.models import Finding
from flows import remediation
from flows._run import Run
from inventory.models import ConsentPolicy
from report.markdown import plain
from report.text import printable
from tasks.identify import Location
from tasks.remediate import Approval

GRANT, REFUSE = "Carry out the plan", "Do not"


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


@dataclass(frozen=True, slots=True)
class Answers:
    """Where the yes to a plan comes from: the policy, the plan's name as a parameter, or a form."""

    run: Run
    location: Location
    approve: str | None
    approved_by: str | None

    def permission(self, *, dry_run: bool) -> remediation.Permission:
        """Return who decides about the plan; in a dry run nobody does."""
        return (lambda _: None) if dry_run else self._decide

    def _decide(self, plan: RemediationPlan) -> Approval | None:
        if self.approve is not None:
            return self._named(plan)
        if not self.run.may_remedy(self.location):
            self._say("by hand", plan, "This tenant has no `remediator` in the inventory. ")
            return None
        auto = self.location.in_tenant.consent.policy is ConsentPolicy.AUTO
        if auto and remediation.harmless(plan) == plan:
            return remediation.by_policy(self.location, dry_run=False)(plan)
        if deployment.id is None:
            self._say("waits for a yes", plan, "")
            return None
        return self._asked(plan)

    def _named(self, plan: RemediationPlan) -> Approval:
        if self.approve != plan.digest:
            raise OutOfStep(
                "entra",
                "carry out the plan",
                approved=self.approve,
                plan=plan.digest,
                advice="The tenant has changed since that plan was made. Read the new one: "
                f"account-rotation remediate {self.location.name}",
            )
        who = printable(self.approved_by or "somebody who gave no name")[:100]
        return Approval.of(plan, f"approved by {who}, who named the plan")

    def _say(self, how: str, plan: RemediationPlan, why: str) -> None:
        self.run.record.here().find(
            Finding(
                "consent.approval-due",
                f"plan {plan.digest}",
                f"The plan {how}: {' '.join(plan.lines())}",
                f"{why}Read the plan, then: account-rotation remediate {self.location.name} "
                f"--approve {plan.digest}",
            )
        )

    def _asked(self, plan: RemediationPlan) -> Approval | None:
        """Suspend the run until somebody has answered; the resumed run comes here again with the answer."""
        self._leave_to_the_first()
        # Nothing is done while a person thinks: another run may have the connection.
        self.location.ledger.change(holder=None)
        hours = self.location.in_tenant.consent.approval_hours
        answer = suspend_flow_run(
            wait_for_input=Decision.with_initial_data(description=form(self.location.name, plan)),
            key=f"consent-{plan.digest}",
            timeout=int(hours * 3600),
        )
        who, comment = printable(answer.approved_by)[:100], printable(answer.comment)[:500]
        said = f"by {who!r} in the Prefect UI, a name that nothing has checked"
        said += f" ({comment})" if comment else ""
        if answer.decision == GRANT:
            self.location.ledger.take(self.run.record.run_id)
            return Approval.of(plan, f"approved {said}")
        self.run.record.here().find(
            Finding(
                "consent.plan-refused",
                f"plan {plan.digest}",
                f"The plan was refused {said}.",
                "Put the consent right by hand as the other findings say, or ask again: "
                f"account-rotation remediate {self.location.name}",
            )
        )
        return None

    def _leave_to_the_first(self) -> None:
        """Raise NotYet when another run waits for an answer about this connection already."""
        mine = flow_run.get_id()
        wanted = FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[deployment.id]),
            state=FlowRunFilterState(name=FlowRunFilterStateName(any_=["Suspended"])),
        )
        with get_client(sync_client=True) as client:
            waiting = client.read_flow_runs(flow_run_filter=wanted)
        for other in waiting:
            same = other.parameters.get("connection") == self.location.name
            if same and str(other.id) != mine:
                raise NotYet(
                    "prefect",
                    "ask for approval",
                    connection=self.location.name,
                    waits=other.id,
                    advice="That run waits for an answer about this connection already: open it in the "
                    "Prefect UI, press Resume, and fill in its form.",
                )


def form(connection: str, plan: RemediationPlan) -> str:
    """Return the text above the form: the plan, who loses what, and what is not remedied by it."""
    steps = "\n".join(f"{number}. {plain(line)}" for number, line in enumerate(plan.lines(), 1))
    return (
        f"## The consent of {plain(connection)} is not complete\n\n"
        f"Plan `{plan.digest}` for {plain(plan.account.upn)}, manifest {plain(plan.manifest.name)}:\n\n{steps}\n\n"
        "It is carried out in this order, within 15 minutes of your answer, and only as long as the tenant is still "
        "as it was when the plan was made. What is granted now is kept first and can be put back."
    )
