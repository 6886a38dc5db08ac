"""What is checked of a plan before anything of it is sent: it asks for the manifest's permissions, and for no other."""

from __future__ import annotations

from connectors.entra.graph import Graph
from connectors.entra.models import Permission
from connectors.entra.remediation import RemediationPlan
from connectors.entra.resources import Resources
from connectors.entra.settings import SYSTEM
from connectors.errors import InvalidInput, OutOfStep

ANOTHER_PLAN = (
    "The tenant is no longer as it was when the plan was made. Review the consent again and approve the "
    "new plan; what was granted so far stays."
)


def check_account_grants(graph: Graph, plan: RemediationPlan) -> None:
    """Refuse a scope that the manifest does not list, or on a resource that is not its own."""
    resources = Resources(graph)
    for grant in plan.for_account:
        for permission in grant.adds:
            _listed(plan, permission)
            offered = resources.scope(grant.resource_id, permission.value)
            if offered is None or offered.resource_app_id != permission.resource_app_id:
                raise changed_since("resource", scope=permission.value, resource=grant.resource_id)


def check_application_grants(graph: Graph, plan: RemediationPlan) -> None:
    """Refuse an app role that the manifest does not list, or whose id names another one."""
    resources = Resources(graph)
    for grant in plan.to_application:
        permission = grant.permission
        _listed(plan, permission)
        named = resources.role(grant.resource_id, grant.role_id)
        same = named is not None and (named.resource_app_id, named.value.casefold()) == (
            permission.resource_app_id,
            permission.value.casefold(),
        )
        if not same:
            raise changed_since("app role", permission=permission.value, role=grant.role_id)


def changed_since(what: str, **identifiers: str | None) -> OutOfStep:
    """Return the error for something that is no longer as the plan saw it."""
    return OutOfStep(SYSTEM, "remedy consent", advice=ANOTHER_PLAN, changed=what, **identifiers)


def _listed(plan: RemediationPlan, permission: Permission) -> None:
    if permission in plan.manifest.permissions:
        return
    raise InvalidInput(
        SYSTEM,
        "remedy consent",
        permission=permission.value,
        manifest=plan.manifest.name,
        advice=f"Only what the manifest lists is granted. {ANOTHER_PLAN}",
    )
