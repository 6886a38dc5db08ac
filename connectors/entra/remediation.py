"""The nouns of repairing a consent: what would be done, until when it may be, what was there before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.entra.granted import AssignedRole, DelegatedGrant
from connectors.entra.models import ConsentManifest, EntraAccount, EntraApp, Permission
from connectors.models import Finding


@dataclass(frozen=True, slots=True)
class AccountGrant:
    """Delegated permissions of one resource, to be granted for the connection account alone.

    ``grant_id`` None: there is no grant yet, one is created. Else it is widened, and keeps ``held``.
    """

    resource_id: str
    resource: str
    grant_id: str | None
    held: tuple[str, ...]
    adds: tuple[Permission, ...]


@dataclass(frozen=True, slots=True)
class ApplicationGrant:
    """One application permission, to be granted to the app."""

    permission: Permission
    resource_id: str
    role_id: str


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """One grant for the whole organization, to be deleted once all ``keepers`` hold ``needed`` themselves.

    Keepers are ids: the connection account, and the other connection accounts that share the app.
    ``beyond`` is what the product holds through it alone and the manifest does not need.
    """

    grant_id: str
    resource_id: str
    resource: str
    scopes: tuple[str, ...]
    needed: tuple[str, ...]
    keepers: tuple[str, ...]
    beyond: tuple[str, ...]
    losers: tuple[
        str, ...
    ]  # users and groups assigned to the app, without a grant that replaces it


@dataclass(frozen=True, slots=True)
class RemediationPlan:
    """Exactly what would be done to a consent, and what cannot be done by granting."""

    manifest: ConsentManifest
    app: EntraApp | None
    account: EntraAccount
    for_account: tuple[AccountGrant, ...] = ()
    to_application: tuple[ApplicationGrant, ...] = ()
    withdrawals: tuple[Withdrawal, ...] = ()
    cannot: tuple[Finding, ...] = ()
    losers_known: bool = True  # False: somebody who cannot be read may lose access too

    @property
    def empty(self) -> bool:
        """Say whether there is nothing to do."""
        return not (self.for_account or self.to_application or self.withdrawals)

    @property
    def takes(self) -> tuple[str, ...]:
        """What the product would lose although nobody can say that it does not use it."""
        return tuple(scope for item in self.withdrawals for scope in item.beyond)

    @property
    def digest(self) -> str:
        """A short name of what would be done: the same as long as that is the same, in every process."""
        done = [
            [self.app.service_principal_id if self.app else "", self.account.id],
            [[it.resource_id, it.grant_id or "", _values(it.adds)] for it in self.for_account],
            [[it.resource_id, it.role_id, it.permission.value] for it in self.to_application],
            [[it.grant_id, list(it.scopes)] for it in self.withdrawals],
        ]
        return hashlib.sha256(json.dumps(done).encode()).hexdigest()[:12]

    def lines(self) -> tuple[str, ...]:
        """Say in sentences what would be done, in its order, and what would not."""
        return tuple(_sentences(self))


def _sentences(plan: RemediationPlan) -> Iterator[str]:
    for grant in plan.for_account:
        how = f"added to its grant {grant.grant_id}" if grant.grant_id else "as a new grant"
        names = ", ".join(_values(grant.adds))
        yield f"Grant {names} of {grant.resource} for {plan.account.upn} alone, {how}."
    for role in plan.to_application:
        permission = role.permission
        yield f"Grant {permission.value} of {permission.resource} to the application, by app role."
    for item in plan.withdrawals:
        yield from _withdrawal(plan, item)
    for finding in plan.cannot:
        yield f"Not remedied by granting: {finding.detail}"


def _withdrawal(plan: RemediationPlan, item: Withdrawal) -> Iterator[str]:
    names = ", ".join(item.scopes) or "no permission"
    yield (
        f"Delete the grant {item.grant_id} for the whole organization on {item.resource} ({names}), "
        f"after two readings have shown that {plan.account.upn} holds what the product needs of it."
    )
    if item.beyond:
        yield (
            f"The product loses {', '.join(item.beyond)} of {item.resource} by that, which its manifest "
            f"{plan.manifest.name} does not list."
        )
    if item.losers:
        yield f"These lose access to {item.resource} through the app: {', '.join(item.losers)}."
    if not plan.losers_known:
        yield "Whether anybody else uses the app cannot be read; whoever does is asked to consent."


def _values(permissions: Sequence[Permission]) -> list[str]:
    return [item.value for item in permissions]


TIME_BOX = timedelta(minutes=15)
"""How long after a yes changes may be sent."""


@dataclass(frozen=True, slots=True)
class Permit:
    """Until when changes may be sent, and what is asked before each: it raises when one may not be."""

    until: datetime
    before_each_change: Callable[[], None]


@dataclass(frozen=True, slots=True)
class ConsentChange:
    """One thing done to the consent. ``already``: it was found to be so, and nothing was sent."""

    what: str
    id: str
    already: bool = False

    def __str__(self) -> str:
        return f"{self.what} ({self.id}{', already so' if self.already else ''})"


@dataclass(frozen=True, slots=True)
class ConsentSnapshot:
    """Every grant and assignment that the app had at one moment, by ids: enough to put them back."""

    taken: datetime
    plan: str  # the digest
    app_id: str
    service_principal_id: str
    account_id: str
    grants: tuple[DelegatedGrant, ...]
    roles: tuple[AssignedRole, ...]
