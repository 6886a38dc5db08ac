"""Which sign-in policies of the tenant reach an account: security defaults and Conditional Access.

A signal, not a proof: what the sign-in itself answers decides. What may not be read is said, never a failure.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from connectors.entra.endpoints import CONDITIONAL_ACCESS, SECURITY_DEFAULTS, Endpoint
from connectors.entra.graph import Graph
from connectors.entra.models import RoleFacts, SignInPolicies, SignInPolicy
from connectors.entra.policy_shapes import Conditions, Controls, Policy, SecurityDefaults, Users
from connectors.entra.roles import ELIGIBLE, EVERYWHERE
from connectors.errors import NotPermitted, Refused, Unreachable
from connectors.models import Finding

_log = logging.getLogger(__name__)
Value = TypeVar("Value")

_ENFORCED, _REPORT_ONLY = "enabled", "enabledForReportingButNotEnforced"
_PASSWORD_CLIENTS = frozenset({"all", "mobileappsanddesktopclients"})
_DEMANDS = {
    "block": "blocks the sign-in",
    "mfa": "demands multi-factor authentication",
    "compliantdevice": "demands a compliant device",
    "domainjoineddevice": "demands a hybrid-joined device",
    "approvedapplication": "demands an approved app",
    "compliantapplication": "demands an app protection policy",
    "passwordchange": "demands a password change",
}


def sign_in_policies(graph: Graph, account_id: str, held: RoleFacts) -> SignInPolicies:
    """Read what could stop a password sign-in of the account; ``held`` are its roles and groups.

    Never raises for what cannot be read: it is named in ``unread``.
    """
    unread: list[str] = []
    nothing: tuple[Policy, ...] = ()
    defaults = _tried(
        SECURITY_DEFAULTS,
        "security defaults",
        lambda: graph.read(SECURITY_DEFAULTS, SecurityDefaults).enabled,
        None,
        unread,
    )
    policies = _tried(
        CONDITIONAL_ACCESS,
        "Conditional Access policies",
        lambda: graph.pages(CONDITIONAL_ACCESS, Policy),
        nothing,
        unread,
    )
    who = _Who.of(account_id, held)
    reaching = [(policy, _reach(policy, who)) for policy in policies]
    return SignInPolicies(
        security_defaults=defaults,
        reaching=tuple(it for policy, it in reaching if it and policy.state == _ENFORCED),
        report_only=tuple(it.name for p, it in reaching if it and p.state == _REPORT_ONLY),
        unread=tuple(unread),
    )


def policy_findings(policies: SignInPolicies, account: str) -> tuple[Finding, ...]:
    """Return what each policy means for the product, which signs in with a password and nobody beside it."""
    found = [_conditional_access(policy, account) for policy in policies.reaching]
    if policies.security_defaults:
        found.insert(0, _defaults_on(account))
    return tuple(found)


def _defaults_on(account: str) -> Finding:
    return Finding(
        "entra.security-defaults-on",
        "Security defaults",
        "Security defaults are on: Entra demands multi-factor authentication of administrators, "
        f"{account} among them, also where a script signs in with the right password.",
        "Entra admin centre > Identity > Overview > Properties > Manage security defaults shows the switch. "
        "Keep them on and let the product work around them: enrol the account in two-step verification, then "
        "Console > Microsoft 365 > ... > Validate > Next. Or replace them by Conditional Access policies "
        "that exclude the account.",
    )


def _conditional_access(policy: SignInPolicy, account: str) -> Finding:
    when = f" {' and '.join(policy.only_when)}" if policy.only_when else ""
    return Finding(
        "entra.conditional-access",
        policy.name,
        f"The Conditional Access policy {policy.name!r} reaches {account}{when}: it {policy.demands}, "
        "which the product cannot answer unattended.",
        f"Entra admin centre > Protection > Conditional Access > {policy.name} > Users > Exclude: add "
        f"{account}, as the vendor asks for every policy; or GET /identity/conditionalAccess/policies/"
        f"{policy.id}, then PATCH its conditions with the account's id in excludeUsers.",
    )


@dataclass(frozen=True, slots=True)
class _Who:
    """The account as policies name it."""

    id: str
    groups: frozenset[str]
    roles: frozenset[str]

    @classmethod
    def of(cls, account_id: str, held: RoleFacts) -> _Who:
        active = {h.template_id for h in held.holdings if _counts(h.how, h.scope)}
        return cls(account_id, frozenset(held.groups), frozenset(active))

    def among(self, users: Users) -> bool:
        """Say whether a policy includes the account and does not exclude it."""
        included = {"All", self.id} & {*users.include}
        included |= self.groups & {*users.include_groups} | self.roles & {*users.include_roles}
        excluded = {"All", self.id} & {*users.exclude}
        excluded |= self.groups & {*users.exclude_groups} | self.roles & {*users.exclude_roles}
        return bool(included) and not excluded


def _counts(how: str, scope: str) -> bool:
    # NOTE: a role for a part of the tenant does not put its holder under a policy for that role.
    return how != ELIGIBLE and scope == EVERYWHERE


def _reach(policy: Policy, who: _Who) -> SignInPolicy | None:
    """Return the policy as it reaches the account's password sign-ins, None when it does not."""
    demands = _demands(policy.controls)
    conditions = policy.conditions
    applications = {*conditions.applications.include} - {"None"}
    clients = {kind.casefold() for kind in conditions.client_app_types}
    if not demands or not applications or conditions.flows is not None:
        return None
    if not clients & _PASSWORD_CLIENTS or not who.among(conditions.users):
        return None
    return SignInPolicy(policy.id, policy.name, demands, tuple(_only_when(conditions)))


def _demands(controls: Controls | None) -> str:
    if controls is None:
        return ""
    built_in = [_DEMANDS.get(it.casefold(), f"demands {it}") for it in controls.built_in]
    others = (
        (controls.strength, "demands an authentication strength"),
        (controls.terms, "demands terms of use to be accepted"),
        (controls.custom, "demands a custom control"),
    )
    words = [*built_in, *(text for there, text in others if there)]
    return (" or " if controls.operator == "OR" else " and ").join(words)


def _only_when(conditions: Conditions) -> Iterator[str]:
    """Name the conditions that cannot be decided from here: they may hold or not."""
    applications, locations = conditions.applications, conditions.locations
    platforms = conditions.platforms
    if "All" not in applications.include:
        yield f"for {len(applications.include)} of the applications"
    elif applications.exclude:
        yield f"except for {len(applications.exclude)} of the applications"
    if locations and (locations.include != ("All",) or locations.exclude):
        yield "from some networks"
    if platforms and (platforms.include != ("all",) or platforms.exclude):
        yield "on some systems"
    if conditions.devices:
        yield "on some devices"
    if conditions.user_risk or conditions.sign_in_risk:
        yield "at some levels of risk"


def _tried(
    endpoint: Endpoint,
    what: str,
    read: Callable[[], Value],
    otherwise: Value,
    unread: list[str],
) -> Value:
    try:
        return read()
    except NotPermitted:
        unread.append(f"{what}: give the verifier {endpoint.permission}")
    except (Refused, Unreachable) as error:
        unread.append(f"{what}: {type(error).__name__} (request {_request(error)})")
    _log.info("entra: read sign-in policies: not all could be read")
    return otherwise


def _request(error: Refused | Unreachable) -> str:
    return error.identifiers.get("client_request_id", "not sent")
