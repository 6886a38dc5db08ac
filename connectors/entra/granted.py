"""What a tenant keeps about the grants of an app, by ids: the grants, who may use the app, who consented."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

NO_SCOPE = "(no permission)"
"""What an empty grant is called where grants are listed by permission."""


@dataclass(frozen=True, slots=True, order=True)
class DelegatedGrant:
    """Scopes that the app holds on one resource, for one user or (``principal_id`` empty) for everybody."""

    id: str
    resource_id: str
    principal_id: str  # "" stands for the whole organization
    scopes: tuple[str, ...]  # sorted

    @property
    def for_everybody(self) -> bool:
        """Say whether it holds for the whole organization."""
        return not self.principal_id

    def holds(self, scope: str) -> bool:
        """Say whether a scope is in it; case makes no difference."""
        return scope.casefold() in {held.casefold() for held in self.scopes}


@dataclass(frozen=True, slots=True, order=True)
class AssignedRole:
    """One application permission that the app holds."""

    id: str
    resource_id: str
    role_id: str


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in this tenant a permission is offered: its resource's service principal, and its id there."""

    resource_id: str
    permission_id: str


@dataclass(frozen=True, slots=True, order=True)
class AppUser:
    """A user or group that is assigned to the app."""

    id: str
    name: str
    kind: str  # "User", "Group", "ServicePrincipal"


@dataclass(frozen=True, slots=True)
class AppUsers:
    """Who is assigned to the app. ``only_these``: nobody else may sign in to it."""

    assigned: tuple[AppUser, ...]
    only_these: bool


@dataclass(frozen=True, slots=True)
class ConsentEvent:
    """One consent to the app, as the directory's audit log tells it."""

    at: datetime
    by: str  # a user's UPN, else the name of the application that did it
    for_everybody: bool | None  # None: the entry does not say
    succeeded: bool


@dataclass(frozen=True, slots=True)
class ConsentHistory:
    """The consents of the log's last weeks, youngest first. ``unread`` says why there are none to see."""

    events: tuple[ConsentEvent, ...]
    unread: tuple[str, ...] = ()
