"""The directory roles of an account: held directly, through groups, or only eligible."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

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
GLOBAL_ADMINISTRATOR = "Global Administrator"
_ROLE_KIND, _GROUP_KIND = "#microsoft.graph.directoryRole", "#microsoft.graph.group"
EVERYWHERE = "/"


def role_facts(graph: Graph, account_id: str) -> RoleFacts:
    """Read the active roles, and the eligible ones where the tenant and our rights allow it.

    Of the groups, those that may hold roles are asked too: for roles in a part of the tenant, which a
    membership does not show, and for eligible ones.
    Raises NotPermitted, NotFound or Unreachable when the active roles cannot be read.
    """
    members = graph.pages(MEMBERSHIPS, Membership, holder=account_id)
    direct = direct_roles(graph, account_id)
    grouped = _group_roles(members, direct)
    holders = [(account_id, None), *((m.id, m.name) for m in members if m.id and m.assignable)]
    partial = [
        replace(item, how=THROUGH_GROUP, group=name)
        for group, name in holders[1:]
        for item in direct_roles(graph, group)
        if item.scope != EVERYWHERE
    ]
    held = (*direct, *grouped.holdings, *partial)
    everywhere = {item.template_id for item in held if item.scope == EVERYWHERE}
    eligible, note = _eligible(graph, holders)
    return RoleFacts(
        (*held, *(item for item in eligible if item.template_id not in everywhere)),
        (*grouped.unread, *note),
        tuple(m.id for m in members if m.id and m.kind == _GROUP_KIND),
    )


def direct_roles(graph: Graph, holder_id: str) -> tuple[RoleHolding, ...]:
    """Read the active roles that are assigned to this very user, group or application."""
    found = graph.pages(DIRECT_ROLES, RoleAssignment, where=_of(holder_id))
    return tuple(_holding(item, DIRECT) for item in found)


def group_roles(
    graph: Graph, memberships: Endpoint, holder_id: str, direct: Iterable[RoleHolding]
) -> RoleFacts:
    """Read the active roles that come through a group: those that are not among ``direct``.

    ``memberships`` is the call for the holder's kind, user or application.
    """
    return _group_roles(graph.pages(memberships, Membership, holder=holder_id), direct)


def _group_roles(members: Iterable[Membership], direct: Iterable[RoleHolding]) -> RoleFacts:
    known = {item.template_id for item in direct if item.scope == EVERYWHERE}
    grouped: list[RoleHolding] = []
    unread: list[str] = []
    for member in members:
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


def _eligible(
    graph: Graph, holders: Iterable[tuple[str, str | None]]
) -> tuple[list[RoleHolding], list[str]]:
    """Read what the account and its groups are eligible for; ``holders`` are ids and names of groups."""
    try:
        found = [
            replace(_holding(item, ELIGIBLE), group=group)
            for holder, group in holders
            for item in graph.pages(ELIGIBLE_ROLES, RoleAssignment, where=_of(holder))
        ]
    except NotPermitted:
        note = f"eligible roles: give the verifier {ELIGIBLE_ROLES.permission}"
    except Refused:
        # A tenant without the licence for Privileged Identity Management has none to show.
        note = "eligible roles: this tenant does not offer them (Entra ID P2)"
    else:
        return found, []
    _log.info("entra: read eligible roles: refused")
    return [], [note]


def _holding(item: RoleAssignment, how: str) -> RoleHolding:
    role = item.definition
    return RoleHolding(role.template_id or role.id, role.name, how, item.scope)


def shown(holding: RoleHolding) -> str:
    """Return a role's name, with its scope where it is not for the whole tenant."""
    return holding.name if holding.scope == EVERYWHERE else f"{holding.name} for {holding.scope}"


def missing_roles(
    required: Iterable[str | Sequence[str]], holdings: Iterable[RoleHolding], account: str
) -> tuple[Finding, ...]:
    """Return one finding for every required role that is not active for the whole tenant.

    ``required`` are role names or template ids, in either case; a list among them means any one of it.
    Global Administrator stands for every role.
    """
    held = tuple(holdings)
    if _active(GLOBAL_ADMINISTRATOR, held):
        return ()
    choices = ([role] if isinstance(role, str) else list(role) for role in required)
    return tuple(
        _role_missing(roles, held, account)
        for roles in choices
        if not any(_active(role, held) for role in roles)
    )


def _matching(role: str, held: Iterable[RoleHolding]) -> list[RoleHolding]:
    return [h for h in held if role.casefold() in (h.name.casefold(), h.template_id.casefold())]


def _active(role: str, held: Iterable[RoleHolding]) -> bool:
    return any(h.how != ELIGIBLE and h.scope == EVERYWHERE for h in _matching(role, held))


def _role_missing(roles: Sequence[str], held: Sequence[RoleHolding], account: str) -> Finding:
    """Say how each role is held that would do, Global Administrator too where it is held at all."""
    said = [f"the role {role} {_how(role, held)}" for role in roles]
    if GLOBAL_ADMINISTRATOR not in roles and _matching(GLOBAL_ADMINISTRATOR, held):
        said.append(f"{GLOBAL_ADMINISTRATOR} would do too, but {_how(GLOBAL_ADMINISTRATOR, held)}")
    return Finding(
        code="entra.role-missing",
        subject=" or ".join(roles),
        detail=f"For {account}: {'; '.join(said)}.",
        advice=f"Entra admin centre > Roles & admins > {roles[0]} > Add assignments: choose "
        f"{account}, assignment type Active, scope the directory. Or correct required_roles in the inventory.",
    )


def _how(role: str, held: Iterable[RoleHolding]) -> str:
    """Say in words how a role is held that is not active for the whole tenant."""
    matching = _matching(role, held)
    active = [h for h in matching if h.how != ELIGIBLE]
    if active:
        scopes = " and ".join(sorted({h.scope for h in active}))
        return f"is assigned for {scopes} only{_through(active[0])}, not for the whole tenant"
    if matching:
        return (
            f"is only eligible{_through(matching[0])}, which a product that signs in by itself "
            "cannot activate"
        )
    return "is not assigned"


def _through(holding: RoleHolding) -> str:
    return f" (through the group {holding.group})" if holding.group else ""
