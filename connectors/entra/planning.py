"""What would repair a consent: a pure function of what is needed and what the tenant has granted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from connectors.entra import remedies
from connectors.entra.consent import SIGN_IN_SCOPES, review
from connectors.entra.granted import DelegatedGrant, Place
from connectors.entra.models import (
    ConsentFacts,
    ConsentManifest,
    EntraAccount,
    Permission,
    PermissionKind,
)
from connectors.entra.remediation import (
    AccountGrant,
    ApplicationGrant,
    RemediationPlan,
    Withdrawal,
)
from connectors.models import Finding

# What the plan itself takes care of, and what only informs.
_REMEDIED = frozenset(
    {
        "consent.permission-missing",
        "consent.granted-organization-wide",
        "consent.manifest-drift",
    }
)


def plan(
    manifest: ConsentManifest,
    facts: ConsentFacts,
    account: EntraAccount,
    *,
    withdraw_beyond: bool = False,
    sharing: Sequence[EntraAccount] = (),
) -> RemediationPlan:
    """Return exactly what would be granted and withdrawn, and what that cannot repair.

    Nothing outside the manifest is granted, nothing for more than the account, and nothing is withdrawn
    that the account does not hold by itself by then. A grant for everybody that holds more than the
    manifest lists is left to a person, unless ``withdraw_beyond`` says that the product may lose that.
    ``sharing`` are the accounts of other connections in this tenant: while one of them lives on a grant
    for everybody, it stays.
    """
    reviewed = review(manifest, facts, account)
    cannot = tuple(f for f in reviewed.findings if f.code not in _REMEDIED)
    none = RemediationPlan(manifest, facts.app, account, cannot=cannot)
    if not facts.complete or facts.app is None:
        return none
    others = tuple(other for other in sharing if other.id != account.id)
    work = _Planning(manifest, facts, account, withdraw_beyond, others)
    for_account = tuple(work.for_account())
    withdrawals = tuple(work.withdrawals(for_account))
    return replace(
        none,
        for_account=for_account,
        to_application=tuple(work.to_application()),
        withdrawals=withdrawals,
        cannot=(*cannot, *work.kept),
        losers_known=not withdrawals or (facts.users is not None and facts.users.only_these),
    )


@dataclass
class _Planning:
    """One plan in the making; ``kept`` says why a grant for everybody is not withdrawn."""

    manifest: ConsentManifest
    facts: ConsentFacts
    account: EntraAccount
    withdraw_beyond: bool
    others: tuple[EntraAccount, ...]
    kept: list[Finding] = field(default_factory=list)

    def for_account(self) -> Iterator[AccountGrant]:
        """One grant per resource: created, or widened where the account has one."""
        wanted: dict[str, list[Permission]] = defaultdict(list)
        for permission, place in self._offered(PermissionKind.DELEGATED):
            held = _lowered(self._held(place.resource_id))
            if permission.value.casefold() not in held:
                wanted[place.resource_id].append(permission)
        for resource_id, adds in sorted(wanted.items()):
            mine = min(self._mine(resource_id), default=None)
            yield AccountGrant(
                resource_id,
                adds[0].resource,
                mine.id if mine else None,
                mine.scopes if mine else (),
                tuple(adds),
            )

    def to_application(self) -> Iterator[ApplicationGrant]:
        """Return the app roles that are missing."""
        held = {(role.resource_id, role.role_id) for role in self.facts.roles}
        for permission, place in self._offered(PermissionKind.APPLICATION):
            if (place.resource_id, place.permission_id) not in held:
                yield ApplicationGrant(permission, place.resource_id, place.permission_id)

    def withdrawals(self, for_account: Iterable[AccountGrant]) -> Iterator[Withdrawal]:
        """Return the grants for everybody that the product does not need any more by then."""
        required = self._required()
        added = {grant.resource_id: [p.value for p in grant.adds] for grant in for_account}
        for wide in sorted(self.facts.delegated):
            if not wide.for_everybody:
                continue
            by_then = _lowered([*self._held(wide.resource_id), *added.get(wide.resource_id, ())])
            alone = tuple(
                scope
                for scope in wide.scopes
                if scope.casefold() not in by_then
                and scope.casefold() not in SIGN_IN_SCOPES - required
            )
            if finding := self._kept(wide, alone):
                self.kept.append(finding)
                continue
            yield Withdrawal(
                wide.id,
                wide.resource_id,
                self._resource(wide),
                wide.scopes,
                tuple(scope for scope in wide.scopes if scope.casefold() in by_then),
                (self.account.id, *(other.id for other in self.others)),
                alone,
                tuple(self._losers(wide)),
            )

    def _kept(self, wide: DelegatedGrant, alone: tuple[str, ...]) -> Finding | None:
        """Say why a grant for everybody has to stay; ``alone`` is what only it gives to the product."""
        finding = partial(remedies.kept_for_everybody, wide.id, self._resource(wide))
        needed = [scope for scope in alone if scope.casefold() in self._required()]
        if needed:
            return finding(needed, "the product needs them, and they cannot be granted anew")
        for other in self.others:
            own = _lowered(
                s for grant in self._of(other.id, wide.resource_id) for s in grant.scopes
            )
            lacking = [s for s in wide.scopes if s.casefold() in self._required() - own]
            if lacking:
                named = self._resource(wide)
                return remedies.shared_by_another(wide.id, named, lacking, other.upn)
        if alone and not self.manifest.complete:
            return finding(alone, f"the manifest {self.manifest.name} is only a part of the list")
        if alone and not self.withdraw_beyond:
            return finding(alone, f"the manifest {self.manifest.name} does not list them")
        return None

    def _required(self) -> set[str]:
        """Return the delegated permissions of the manifest, whatever their resource: rather one more."""
        return _lowered(
            permission.value
            for permission in self.manifest.permissions
            if permission.kind is PermissionKind.DELEGATED
        )

    def _losers(self, wide: DelegatedGrant) -> Iterator[str]:
        users = self.facts.users.assigned if self.facts.users else ()
        gone = _lowered(wide.scopes) - SIGN_IN_SCOPES
        for user in sorted(users, key=lambda user: user.name.casefold()):
            grants = self._of(user.id, wide.resource_id)
            own = _lowered(scope for grant in grants for scope in grant.scopes)
            if user.id != self.account.id and user.kind != "ServicePrincipal" and not gone <= own:
                yield f"the group {user.name}" if user.kind == "Group" else user.name

    def _offered(self, kind: PermissionKind) -> Iterator[tuple[Permission, Place]]:
        stale = set(self.facts.stale)
        for permission, place in sorted(self.facts.offered):
            if permission.kind is kind and permission not in stale:
                yield permission, place

    def _resource(self, wide: DelegatedGrant) -> str:
        names = {place.resource_id: permission.resource for permission, place in self.facts.offered}
        return names.get(wide.resource_id, f"the resource {wide.resource_id}")

    def _held(self, resource_id: str) -> list[str]:
        return [scope for grant in self._mine(resource_id) for scope in grant.scopes]

    def _mine(self, resource_id: str) -> list[DelegatedGrant]:
        return self._of(self.account.id, resource_id)

    def _of(self, principal_id: str, resource_id: str) -> list[DelegatedGrant]:
        return [
            grant
            for grant in self.facts.delegated
            if (grant.principal_id, grant.resource_id) == (principal_id, resource_id)
        ]


def _lowered(scopes: Iterable[str]) -> set[str]:
    return {scope.casefold() for scope in scopes}
