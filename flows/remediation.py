"""E7 and section R of the procedure: the consent status, and what repairs it, where that is permitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from connectors.cayosoft.models import ConnectionRow
from connectors.entra.remediation import RemediationPlan
from connectors.protocols import Systems
from inventory.models import ConsentPolicy
from tasks import remediate, review
from tasks.identify import Location
from tasks.remediate import Approval

Permission = Callable[[RemediationPlan], Approval | None]
"""Says whether a plan, or a part of it, may be carried out now; None: not now."""


def see_to_consent(
    systems: Systems,
    location: Location,
    row: ConnectionRow | None,
    app_id: str | None,
    permission: Permission,
) -> None:
    """Review the consent; where it is not complete, say what is missing, and grant what is permitted."""
    reviewed = review.review_consent(systems, location, row, app_id)  # E7
    if reviewed.ready:
        return
    plan = remediate.say_what_is_missing(location, reviewed)  # R1
    approval = None if plan.empty else permission(plan)
    if approval is not None:
        remediate.grant_what_is_missing(systems, location, approval)  # R2
        review.review_again(systems, location, row, app_id, reviewed)  # R3


def by_policy(location: Location, *, dry_run: bool) -> Permission:
    """Permit what the inventory's policy ``auto`` permits: everything that takes nothing from anybody.

    What would take access from other users of the app is a person's to approve.
    """

    def permission(plan: RemediationPlan) -> Approval | None:
        if dry_run or location.in_tenant.consent.policy is not ConsentPolicy.AUTO:
            return None
        allowed = harmless(plan)
        return None if allowed.empty else Approval.of(allowed, "by the inventory's policy auto")

    return permission


def harmless(plan: RemediationPlan) -> RemediationPlan:
    """Return the plan without the withdrawals by which somebody may lose access."""
    kept = tuple(item for item in plan.withdrawals if plan.losers_known and not item.losers)
    return plan if kept == plan.withdrawals else replace(plan, withdrawals=kept)
