"""The directory roles of an account: held directly, through groups, or only eligible."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from connectors.entra.endpoints import DIRECT_ROLES, ELIGIBLE_ROLES, MEMBERSHIPS, Endpoint
from connectors.entra.graph import Graph, quoted
from connectors.entra.models import RoleFacts, RoleHolding
from connectors.entra.shapes import Membership, RoleAssignment
from connectors.errors import NotPermitted, Refused
from connectors.models import Finding

_log = logging.getLogger(__name__)

DIRECT = "direct"
THROUGH_GROUP = "through a group"
ELIGIBLE = "eligible only"
_ROLE_KIND = "#microsoft.graph.directoryRole"
EVERYWHERE = "/"


def role_facts(graph: Graph, account_id: str) -> RoleFacts:
    """Read the active roles, and the eligible ones where the tenant and our rights allow it.

    Raises NotPermitted, NotFound or Unreachable when the active roles cannot be read.
    """
    direct = direct_roles(graph, account_id)
    grouped = group_roles(graph, MEMBERSHIPS, account_id, direct)
    held = (*direct, *grouped.holdings)
    active = {item.template_id for item in held}
    eligible, note = _eligible(graph, _of(account_id))
    return RoleFacts(
        (*held, *(item for item in eligible if item.template_id not in active)),
        (*grouped.unread, *note),
    )


def direct_roles(graph: Graph, holder_id: str) -> tuple[RoleHolding, ...]:
    """Read the active roles that are assigned to this very user or application."""
    found = graph.pages(DIRECT_ROLES, RoleAssignment, where=_of(holder_id))
    return tuple(_holding(item, DIRECT) for item in found)


def group_roles(
    graph: Graph, memberships: Endpoint, holder_id: str, direct: Iterable[RoleHolding]
) -> RoleFacts:
    """Read the active roles that come through a group: those that are not among ``direct``.

    ``memberships`` is the call for the holder's kind, user or application.
    """
    known = {item.template_id for item in direct if item.scope == EVERYWHERE}
    grouped: list[RoleHolding] = []
    unread: list[str] = []
    for member in graph.pages(memberships, Membership, holder=holder_id):
        if member.kind != _ROLE_KIND:
            continue
        if member.role_template_id is None:
            unread.append("the name of a role held through a group: give Directory.Read.All")
        elif member.role_template_id not in known:
            name = member.name or member.role_template_id
            grouped.append(RoleHolding(member.role_template_id, name, THROUGH_GROUP))
    return RoleFacts(tuple(grouped), tuple(unread))


def _of(holder_id: str) -> str:
    return f"principalId eq {quoted(holder_id)}"


def _eligible(graph: Graph, where: str) -> tuple[list[RoleHolding], list[str]]:
    try:
        found = graph.pages(ELIGIBLE_ROLES, RoleAssignment, where=where)
    except NotPermitted:
        note = f"eligible roles: give the verifier {ELIGIBLE_ROLES.permission}"
    except Refused:
        # A tenant without the licence for Privileged Identity Management has none to show.
        note = "eligible roles: this tenant does not offer them (Entra ID P2)"
    else:
        return [_holding(item, ELIGIBLE) for item in found], []
    _log.info("entra: read eligible roles: refused")
    return [], [note]


def _holding(item: RoleAssignment, how: str) -> RoleHolding:
    role = item.definition
    return RoleHolding(role.template_id or role.id, role.name, how, item.scope)


def missing_roles(
    required: Iterable[str], holdings: Iterable[RoleHolding], account: str
) -> tuple[Finding, ...]:
    """Return one finding for every required role that is not active for the whole tenant.

    ``required`` are role names or template ids, any of which may be written in either case.
    """
    held = tuple(holdings)
    findings = []
    for role in required:
        matching = [h for h in held if role.casefold() in (h.name.casefold(), h.template_id)]
        if any(h.how != ELIGIBLE and h.scope == EVERYWHERE for h in matching):
            continue
        if any(h.how == ELIGIBLE for h in matching):
            how = "is only eligible, which a product that signs in by itself cannot activate"
        elif matching:
            how = f"is assigned for {matching[0].scope} only, not for the whole tenant"
        else:
            how = "is not assigned"
        findings.append(
            Finding(
                code="entra.role-missing",
                subject=role,
                detail=f"The role {role} {how} for {account}.",
                advice=f"Entra admin centre > Roles & admins > {role} > Add assignments: choose "
                f"{account}, assignment type Active. Or correct required_roles in the inventory.",
            )
        )
    return tuple(findings)
