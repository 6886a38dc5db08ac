"""R1 and R2: remediate an incomplete consent (article: linked troubleshooting). R3 is in ``review``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from connectors.entra.remediation import (
    TIME_BOX,
    ConsentChange,
    ConsentSnapshot,
    Permit,
    RemediationPlan,
)
from connectors.entra.snapshot import to_json
from connectors.protocols import Systems
from report.record import current_record
from tasks._artifacts import is_kept, keep_markdown
from tasks._step import AlreadySo, Answer, Done, step
from tasks._wait import CLOCK
from tasks.identify import Location
from tasks.review import Reviewed


@dataclass(frozen=True, slots=True)
class Approval:
    """A plan that may be carried out: who said so, in a sentence, and until when it holds."""

    plan: RemediationPlan
    by: str
    until: datetime

    @classmethod
    def of(cls, plan: RemediationPlan, by: str) -> Approval:
        """Return an approval that begins now."""
        return cls(plan, by, CLOCK.get().utc() + TIME_BOX)


@step("R1")
def say_what_is_missing(location: Location, reviewed: Reviewed) -> Answer[RemediationPlan]:
    """Turn the verdict into findings, one per permission, and say what would repair it."""
    record = current_record().here()
    record.find(*reviewed.review.findings)
    record.plan = reviewed.plan
    findings = reviewed.review.findings
    named = "; ".join(f"{item.subject} ({item.code})" for item in findings)
    steps = len(reviewed.plan.lines())
    would = f"plan {reviewed.plan.digest} of {steps} steps" if steps else "no grant would repair it"
    verdict = reviewed.review.verdict.value
    said = f"{location.name}: {verdict}: {named or 'no permission to name'}; {would}"
    return Done(reviewed.plan, said)


@step("R2")
def grant_what_is_missing(
    systems: Systems, location: Location, approval: Approval
) -> Answer[tuple[ConsentChange, ...]]:
    """Carry an approved plan out: first what the account and the app need, then withdraw what is too wide.

    What was granted before is kept as an artifact, from which ``account-rotation consent restore`` puts the
    grants back. Each call may be repeated. Raises NeedsPerson when the approval has run out, OutOfStep when the tenant is no
    longer as the plan says, Superseded when another run has taken over.
    """
    location.ledger.require()
    remediator = systems.tenant(location.in_tenant.tenant).remediator
    plan = approval.plan
    _keep(location, remediator.snapshot(plan))
    permit = Permit(approval.until, location.ledger.require)
    changes = (
        *remediator.grant_for_account(plan, permit),
        *remediator.grant_to_application(plan, permit),
        *remediator.withdraw_from_organization(plan, permit),
    )
    told = f"plan {plan.digest}, {approval.by}: {'; '.join(map(str, changes)) or 'nothing to do'}"
    if all(change.already for change in changes):
        return AlreadySo(changes, told)
    return Done(changes, told)


def snapshot_key(connection: str) -> str:
    """Return the key of the artifact that keeps what was granted before a remediation."""
    return f"{connection}-consent-before"


def _keep(location: Location, snapshot: ConsentSnapshot) -> None:
    """Keep what is granted now where Prefect keeps reports: ids and names of permissions, no secret.

    Only once in a run: when R2 is tried again, the tenant may be half repaired already.
    """
    key, tenant = snapshot_key(location.name), location.in_tenant.tenant
    if is_kept(key):
        return
    keep_markdown(
        key,
        f"What was granted to the app of {location.name} before plan {snapshot.plan} was carried out. To put it "
        f"back, save the lines between the fences as `snapshot.json`, then: "
        f"`account-rotation consent restore {tenant} snapshot.json --yes`\n\n"
        f"```json\n{to_json(snapshot)}```\n",
        f"Consent of {location.name} before plan {snapshot.plan}",
    )
