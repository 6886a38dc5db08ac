"""Where the yes to a plan comes from: the policy, the plan's name, or a person who answers a suspended run."""

from __future__ import annotations

from dataclasses import dataclass

from prefect.flow_runs import suspend_flow_run
from prefect.runtime import deployment

from connectors.entra.remediation import RemediationPlan
from connectors.errors import NotYet, OutOfStep
from connectors.models import Finding
from flows import remediation
from flows._form import GRANT, Decision, form, waiting_runs
from flows._run import Run
from inventory.models import ConsentPolicy
from report.text import printable
from tasks.identify import Location
from tasks.remediate import Approval


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
            self._say(
                plan,
                "This tenant has no `remediator` in the inventory: carry the plan out by hand, or add one "
                "(docs/consent.md). Then: account-rotation remediate "
                f"{self.location.name}",
            )
            return None
        auto = self.location.in_tenant.consent.policy is ConsentPolicy.AUTO
        if auto and remediation.harmless(plan) == plan:
            return remediation.by_policy(self.location, dry_run=False)(plan)
        if deployment.id is None:
            self._say(
                plan,
                f"Read it, then: account-rotation remediate {self.location.name} "
                f"--approve {plan.digest}",
            )
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

    def _say(self, plan: RemediationPlan, advice: str) -> None:
        told = f"A plan that would repair the consent waits for a person: {' '.join(plan.lines())}"
        self.run.record.here().find(
            Finding("consent.approval-due", f"plan {plan.digest}", told, advice)
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
        for run in waiting_runs(self.location.name):
            raise NotYet(
                "prefect",
                "ask for approval",
                connection=self.location.name,
                waits=run,
                advice="That run waits for an answer about this connection already: open it in the "
                "Prefect UI, press Resume, and fill in its form.",
            )
