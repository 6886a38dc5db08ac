"""Where the yes to a plan comes from: the policy, the plan's name, or a person who answers a suspended run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from connectors.entra.remediation import RemediationPlan
from connectors.errors import NeedsPerson, NotYet, OutOfStep
from connectors.models import Finding, SecretHandle
from flows import asking, remediation
from flows._form import GRANT, Decision
from flows._others import waiting_runs
from flows._run import Run
from flows.asking import Answered, Form
from inventory.models import ConsentPolicy
from report.guide import plan_to_approve
from report.text import one_line
from tasks._prefect import deployment_of_this_run
from tasks._wait import CLOCK
from tasks.approvals import approver, how_to_approve, missing_approval
from tasks.identify import Location
from tasks.remediate import Approval

APPROVE = ("approve",)


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
        if deployment_of_this_run() is None:
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
        who = one_line(self.approved_by or "somebody who gave no name", 100)
        if self.run.approvals is not None:
            key = f"{self.location.name}-consent-{plan.digest}"
            who = self._in_vault(self.run.approvals, key)
        return Approval.of(plan, f"approved by {who}, who named the plan")

    def _in_vault(self, place: SecretHandle, key: str) -> str:
        hours = self.location.in_tenant.consent.approval_hours
        since = CLOCK.get().utc() - timedelta(hours=hours)
        who = approver(self.run.systems, place, key, APPROVE[0], since=since)
        if who is None:
            raise NeedsPerson(
                "vault",
                "look for the approval",
                place=f"{place.mount}/{place.path}/YOUR-NAME/{key}",
                advice="At this site a plan is approved in Vault, below the own folder, and for a while: vault kv put "
                f"-mount={place.mount} {place.path}/YOUR-NAME/{key} answer={APPROVE[0]}; then start this again.",
            )
        return who

    def _say(self, plan: RemediationPlan, advice: str) -> None:
        told = f"A plan that would repair the consent waits for a person: {' '.join(plan.lines())}"
        self.run.record.here().find(
            Finding("consent.approval-due", f"plan {plan.digest}", told, advice)
        )

    def _asked(self, plan: RemediationPlan) -> Approval | None:
        """Suspend the run until somebody has answered; the resumed run comes here again with the answer."""
        notes: list[str] = []
        number = 1
        while True:
            # By its run too: what was approved in Vault for one run is not for the next.
            key = (
                f"{self.location.name}-consent-{plan.digest}-{self.run.record.run_id[-8:]}-{number}"
            )
            answer = asking.answered(key, Decision)
            if answer is None:
                self._ask(plan, key, notes)
                continue
            decided = self._decided(plan, answer)
            if not isinstance(decided, str):
                return decided
            notes, number = [decided], number + 1

    def _ask(self, plan: RemediationPlan, key: str, notes: Sequence[str]) -> None:
        self._leave_to_the_first()
        # Nothing is done while a person thinks: another run may have the connection.
        self.location.ledger.change(holder=None)
        hours, place = self.location.in_tenant.consent.approval_hours, self.run.approvals
        how = how_to_approve(place, key, APPROVE) if place else ""
        text = plan_to_approve(self.location.name, plan, notes=notes, approval=how)
        asking.ask(Form(key, Decision, text, hours))

    def _decided(self, plan: RemediationPlan, answer: Answered[Decision]) -> Approval | str | None:
        """Return the yes, None for a no, or what is to be said before the form is shown once more."""
        said, place = answer.values, self.run.approvals
        if said is None:
            return answer.unreadable
        who, comment = answer.by(said.approved_by), one_line(said.comment, 500)
        if said.decision == GRANT:
            if place is not None:
                proven = approver(self.run.systems, place, answer.key, APPROVE[0])
                if proven is None:
                    return missing_approval(place, answer.key, APPROVE[0])
                who = proven
            self.location.ledger.take(self.run.record.run_id)
            return Approval.of(plan, f"approved by {who}{f' ({comment})' if comment else ''}")
        self.run.record.here().find(
            Finding(
                "consent.plan-refused",
                f"plan {plan.digest}",
                f"The plan was refused by {who}{f' ({comment})' if comment else ''}.",
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
