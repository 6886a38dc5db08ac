"""Carrying a remediation plan out, as the remediator: widen what the account holds, then withdraw the rest.

Nothing here can write a grant for more than one user: the body of a new grant says ``Principal``.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from connectors.entra.bringing_about import BringingAbout, Send
from connectors.entra.endpoints import ASSIGN_ROLE, CREATE_GRANT, DELETE_GRANT, SET_SCOPE
from connectors.entra.granted import DelegatedGrant
from connectors.entra.graph import Graph
from connectors.entra.held import Holdings
from connectors.entra.models import Permission, PermissionKind
from connectors.entra.plan_checks import (
    ANOTHER_PLAN,
    changed_since,
    check_account_grants,
    check_application_grants,
)
from connectors.entra.polling import Timing, settled
from connectors.entra.remediation import (
    AccountGrant,
    ApplicationGrant,
    ConsentChange,
    ConsentSnapshot,
    Permit,
    RemediationPlan,
    Withdrawal,
)
from connectors.entra.restoring import put_back
from connectors.entra.settings import SYSTEM
from connectors.entra.shapes import RoleGrant, UserGrant
from connectors.errors import InvalidInput, NotFound

_NOTHING = DelegatedGrant("", "", "", ())


class Remediator:
    """Keeps ``ConsentRemediator``: looks as the verifier, changes as the remediator. Facts: 7.3."""

    def __init__(self, looks: Graph, timing: Timing, changes: BringingAbout) -> None:
        self._looks = looks
        self._timing = timing
        self._changes = changes

    def snapshot(self, plan: RemediationPlan) -> ConsentSnapshot:
        """Read everything that is granted to the app, twice alike. Raises Unreachable, NotPermitted."""
        held = self._held(plan)
        grants, roles = held.stable(self._timing)
        return ConsentSnapshot(
            self._timing.now(),
            plan.digest,
            plan.app.app_id if plan.app else "",
            held.principal,
            plan.account.id,
            grants,
            roles,
        )

    def grant_for_account(self, plan: RemediationPlan, permit: Permit) -> tuple[ConsentChange, ...]:
        """Create or widen the account's own grants, one change per resource; see all of it twice."""
        if not plan.for_account:
            return ()
        held = self._held(plan)
        check_account_grants(self._looks, plan)
        done = tuple(self._grant(held, plan, grant, permit) for grant in plan.for_account)
        self._changes.seen(
            "see the grants of the account",
            lambda: all(_holds(self._mine(held, plan, it), it.adds) for it in plan.for_account),
        )
        return done

    def grant_to_application(
        self, plan: RemediationPlan, permit: Permit
    ) -> tuple[ConsentChange, ...]:
        """Assign the app roles that are missing, and see them twice."""
        if not plan.to_application:
            return ()
        held = self._held(plan)
        check_application_grants(self._looks, plan)
        done = tuple(self._assign(held, grant, permit) for grant in plan.to_application)
        wanted = {(grant.resource_id, grant.role_id) for grant in plan.to_application}
        self._changes.seen("see the app roles", lambda: wanted <= held.role_keys())
        return done

    def withdraw_from_organization(
        self, plan: RemediationPlan, permit: Permit
    ) -> tuple[ConsentChange, ...]:
        """Delete the plan's grants for everybody, each after two readings of what replaces it."""
        if not plan.withdrawals:
            return ()
        held = self._held(plan)
        done = tuple(self._withdraw(held, plan, item, permit) for item in plan.withdrawals)
        gone = {item.grant_id for item in plan.withdrawals}
        self._changes.seen(
            "see that the grants are gone",
            lambda: gone.isdisjoint(grant.id for grant in held.grants()),
        )
        return done

    def restore_consent(
        self, snapshot: ConsentSnapshot, permit: Permit
    ) -> tuple[ConsentChange, ...]:
        """Put back what the snapshot shows and the tenant no longer has; for a person, by hand."""
        held = Holdings(self._looks, snapshot.service_principal_id)
        return put_back(snapshot, held, self._changes, permit)

    def _held(self, plan: RemediationPlan) -> Holdings:
        if plan.app is None:
            raise InvalidInput(SYSTEM, "remedy consent", app=None, advice=ANOTHER_PLAN)
        return Holdings(self._looks, plan.app.service_principal_id)

    def _grant(
        self, held: Holdings, plan: RemediationPlan, wanted: AccountGrant, permit: Permit
    ) -> ConsentChange:
        names = " ".join(item.value for item in wanted.adds)
        what = f"grant {names} of {wanted.resource} for {plan.account.upn}"

        def prepare() -> Send:
            mine = self._standing(held, plan, wanted)
            scopes = {item.value for item in wanted.adds}
            if mine is not None:
                # PATCH replaces the whole scope, so what is there now goes with it.
                return partial(_set_scope, mine.id, " ".join(sorted(scopes.union(mine.scopes))))
            body = {
                "clientId": held.principal,
                "consentType": "Principal",
                "principalId": plan.account.id,
                "resourceId": wanted.resource_id,
                "scope": " ".join(sorted(scopes)),
            }
            return partial(_create, body)

        change = ConsentChange(what, wanted.grant_id or f"new on {wanted.resource_id}")
        return self._changes.once(
            change, permit, lambda: _holds(self._mine(held, plan, wanted), wanted.adds), prepare
        )

    def _standing(
        self, held: Holdings, plan: RemediationPlan, wanted: AccountGrant
    ) -> DelegatedGrant | None:
        """Read the account's grant until two readings show at least what the plan saw in it.

        One that shows less is a replica that lags, or somebody has taken something away: it is then not
        for us to write it again.
        """
        seen: DelegatedGrant | None = None

        def stands() -> bool:
            nonlocal seen
            seen = self._mine(held, plan, wanted)
            return set(wanted.held) <= set(seen.scopes if seen else ())

        if not settled(stands, self._timing):
            raise changed_since("grant", grant=wanted.grant_id)
        return seen

    def _assign(self, held: Holdings, wanted: ApplicationGrant, permit: Permit) -> ConsentChange:
        key = (wanted.resource_id, wanted.role_id)
        permission = wanted.permission
        body = {
            "principalId": held.principal,
            "resourceId": wanted.resource_id,
            "appRoleId": wanted.role_id,
        }
        return self._changes.once(
            ConsentChange(f"grant {permission.value} of {permission.resource} to the app", key[1]),
            permit,
            lambda: key in held.role_keys(),
            lambda: partial(_assign, wanted.resource_id, body),
        )

    def _withdraw(
        self, held: Holdings, plan: RemediationPlan, item: Withdrawal, permit: Permit
    ) -> ConsentChange:
        def prepare() -> Send:
            self._replaced(held, plan, item)
            return partial(_delete, item.grant_id)

        what = f"delete the grant for the whole organization on {item.resource}"
        return self._changes.once(
            ConsentChange(what, item.grant_id),
            permit,
            lambda: all(grant.id != item.grant_id for grant in held.grants()),
            prepare,
        )

    def _replaced(self, held: Holdings, plan: RemediationPlan, item: Withdrawal) -> None:
        """See twice that those who need it hold by themselves what this grant gave, as the plan knew it."""
        required = {
            permission.value.casefold()
            for permission in plan.manifest.permissions
            if permission.kind is PermissionKind.DELEGATED
        }
        for_all = {scope for scope in item.scopes if scope.casefold() in required}
        needs = dict.fromkeys(item.keepers, for_all)
        needs[plan.account.id] = for_all.union(item.needed)

        def replaced() -> bool:
            grants = held.grants()
            for wide in (grant for grant in grants if grant.id == item.grant_id):
                as_planned = wide.for_everybody and wide.resource_id == item.resource_id
                if not as_planned or not set(wide.scopes) <= set(item.scopes):
                    raise changed_since("grant for everybody", grant=item.grant_id)
            return all(
                own.holds(scope)
                for keeper, scopes in needs.items()
                for own in (held.of(grants, keeper, item.resource_id) or _NOTHING,)
                for scope in scopes
            )

        if not settled(replaced, self._timing):
            raise changed_since("grant of the account", resource=item.resource_id)

    def _mine(
        self, held: Holdings, plan: RemediationPlan, wanted: AccountGrant
    ) -> DelegatedGrant | None:
        return held.of(held.grants(), plan.account.id, wanted.resource_id)


def _create(body: dict[str, str], graph: Graph) -> None:
    graph.create(CREATE_GRANT, UserGrant, body)


def _set_scope(grant: str, scope: str, graph: Graph) -> None:
    graph.write(SET_SCOPE, {"scope": scope}, grant=grant)


def _delete(grant: str, graph: Graph) -> None:
    with suppress(NotFound):  # gone is what it is to be
        graph.write(DELETE_GRANT, None, grant=grant)


def _assign(resource: str, body: dict[str, str], graph: Graph) -> None:
    graph.create(ASSIGN_ROLE, RoleGrant, body, resource=resource)


def _holds(mine: DelegatedGrant | None, adds: Iterable[Permission]) -> bool:
    return mine is not None and all(mine.holds(item.value) for item in adds)
