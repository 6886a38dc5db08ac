"""What a tenant has granted to an app: read whole, by the right ids, until two readings agree."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from connectors.entra.endpoints import APP_USERS, FIND_APPS, READ_APP, READ_REGISTRATION
from connectors.entra.granted import NO_SCOPE, AppUsers, AssignedRole, DelegatedGrant
from connectors.entra.graph import Graph, quoted
from connectors.entra.held import Holdings
from connectors.entra.models import (
    ConsentFacts,
    ConsentManifest,
    EntraApp,
    Grant,
    GrantedHow,
    Permission,
)
from connectors.entra.polling import CONFIRM_AFTER, Timing
from connectors.entra.resources import Resources
from connectors.entra.shapes import Assigned, Principal, Registration
from connectors.errors import NotFound, Refused, RotationError, Unreachable

_log = logging.getLogger(__name__)

UNSTABLE = "the grants: two readings in a row never agreed"
_LONGEST_WAIT = 60.0
Value = TypeVar("Value")


def find_apps(graph: Graph, display_name: str) -> tuple[EntraApp, ...]:
    """Find enterprise applications by display name. Raises NotPermitted, Unreachable."""
    where = f"displayName eq {quoted(display_name)}"
    found = graph.pages(FIND_APPS, Principal, where=where)
    return tuple(sorted((item.noun() for item in found), key=lambda app: app.app_id))


def consent_facts(
    graph: Graph, timing: Timing, app_id: str, account_id: str, manifest: ConsentManifest
) -> ConsentFacts:
    """Read the grants of the app until two complete readings in a row agree.

    What may not be read, or not within two minutes, is named in ``unread`` and ``complete`` is False:
    such facts never prove that anything is granted.
    """
    facts = _settled(graph, timing, app_id, account_id, manifest)
    if not facts.complete or not manifest.former_names:
        return facts
    return _with_former_apps(graph, facts, manifest)


def _with_former_apps(graph: Graph, facts: ConsentFacts, manifest: ConsentManifest) -> ConsentFacts:
    """Look for apps of the product's former names; only a finding hangs on it."""
    try:
        found = [app for name in manifest.former_names for app in find_apps(graph, name)]
    except RotationError as error:
        note = f"apps of the product's former names: {type(error).__name__}"
        return replace(facts, unread=(*facts.unread, note))
    return replace(facts, former_apps=tuple(found))


def _settled(
    graph: Graph, timing: Timing, app_id: str, account_id: str, manifest: ConsentManifest
) -> ConsentFacts:
    waits = iter(timing.schedule)
    previous: ConsentFacts | None = None
    while True:
        reading = _Reading(graph, account_id, manifest)
        facts = reading.take(app_id)
        if facts.complete and facts == previous:
            return facts
        if reading.forbidden:
            return facts  # asking again does not change what we may read
        previous = facts if facts.complete else None
        wait = next(waits, None)
        if wait is None or reading.asked_to_wait > _LONGEST_WAIT:
            break
        timing.sleep(max(CONFIRM_AFTER if previous else wait, reading.asked_to_wait))
    if not facts.complete:
        return facts
    return replace(facts, complete=False, unread=(*facts.unread, UNSTABLE))


@dataclass
class _Reading:
    """One reading of everything. Collects what it could not read instead of raising."""

    graph: Graph
    account_id: str
    manifest: ConsentManifest

    def __post_init__(self) -> None:
        self.unread: list[str] = []
        self.notes: list[str] = []
        self.forbidden = False
        self.asked_to_wait = 0.0
        self.delegated: tuple[DelegatedGrant, ...] = ()
        self.roles: tuple[AssignedRole, ...] = ()
        self._only_assigned: bool | None = None
        self._resources = Resources(self.graph)

    def take(self, app_id: str) -> ConsentFacts:
        """Read everything once."""
        app = self._try("the app", lambda: self._app(app_id), None)
        required = sorted({item.resource_app_id for item in self.manifest.permissions})
        for resource in required:
            self._try(f"the resource {resource}", partial(self._resources.fetch, resource), None)
        grants = self._grants(app) if app else ()
        declared = self._declared(app_id) if app else None
        stale = (item for item in self.manifest.permissions if self._resources.is_stale(item))
        return ConsentFacts(
            app=app,
            grants=tuple(sorted(set(grants), key=lambda grant: (grant.permission, grant.how))),
            missing_resources=tuple(key for key in required if self._resources.is_missing(key)),
            stale=tuple(sorted(stale)),
            complete=not self.unread,
            unread=(*self.unread, *self.notes),
            declared=declared,
            delegated=self.delegated,
            roles=self.roles,
            offered=tuple(sorted(self._resources.places(self.manifest.permissions))),
            users=self._users(app) if app and self._for_everybody() else None,
        )

    def _for_everybody(self) -> bool:
        return any(grant.for_everybody for grant in self.delegated)

    def _app(self, app_id: str) -> EntraApp | None:
        try:
            found = self.graph.read(READ_APP, Principal, app=app_id)
        except NotFound:
            return None
        self._only_assigned = found.only_assigned
        return found.noun()

    def _grants(self, app: EntraApp) -> list[Grant]:
        held = Holdings(self.graph, app.service_principal_id)
        self.roles = self._try("the application permissions", held.roles, self.roles)
        self.delegated = self._try("the delegated grants", held.grants, self.delegated)
        return [*self._role_grants(), *self._user_grants()]

    def _role_grants(self) -> Iterable[Grant]:
        for role in self.roles:
            permission = self._named(self._resources.role, role.resource_id, role.role_id)
            if permission is not None:
                yield Grant(permission, GrantedHow.APPLICATION)

    def _user_grants(self) -> Iterable[Grant]:
        for grant in self.delegated:
            how = self._how(grant)
            values = list(grant.scopes)
            # An empty grant for everybody is still one: the next consent fills it.
            if not values and how is GrantedHow.ORGANIZATION:
                values = [NO_SCOPE]
            for value in values:
                permission = self._named(self._resources.scope, grant.resource_id, value)
                if permission is not None:
                    yield Grant(permission, how)

    def _how(self, grant: DelegatedGrant) -> GrantedHow:
        if grant.for_everybody:
            return GrantedHow.ORGANIZATION
        if grant.principal_id == self.account_id:
            return GrantedHow.CONNECTION_ACCOUNT
        return GrantedHow.ANOTHER_USER

    def _users(self, app: EntraApp) -> AppUsers | None:
        """Read who is assigned to the app; the verdict does not hang on it, so a failure is only noted."""
        try:
            found = self.graph.pages(APP_USERS, Assigned, principal=app.service_principal_id)
        except RotationError as error:
            self.notes.append(f"who is assigned to the app: {type(error).__name__}")
            return None
        users = sorted({user.noun() for user in found})
        return AppUsers(tuple(users), only_these=bool(self._only_assigned))

    def _named(
        self, name: Callable[[str, str], Permission | None], resource_id: str, permission: str
    ) -> Permission | None:
        what = f"the resource {resource_id}"
        if what in self.unread:
            return None  # asked once per reading: a busy Graph does not get the same question twice
        found = self._try(what, partial(name, resource_id, permission), None)
        if found is None and what not in self.unread:
            self.unread.append(what)
        return found

    def _declared(self, app_id: str) -> frozenset[Permission] | None:
        """Read what the registration asks for; only the app's home tenant has one."""
        try:
            registration = self.graph.read(READ_REGISTRATION, Registration, app=app_id)
            asked = [
                self._declared_one(resource.app_id, access.id, access.kind)
                for resource in registration.required
                for access in resource.access
            ]
        except NotFound:
            return None
        except RotationError as error:
            # Only a warning hangs on it, so it leaves the verdict alone.
            self.notes.append(f"the app's own registration: {type(error).__name__}")
            return None
        return frozenset(item for item in asked if item is not None)

    def _declared_one(self, resource: str, permission_id: str, kind: str) -> Permission | None:
        offered = self._resources.fetch(resource)
        if offered is None:
            return None
        if kind == "Role":
            return self._resources.role(offered.id, permission_id)
        return self._resources.scope_by_id(offered.id, permission_id)

    def _try(self, what: str, read: Callable[[], Value], otherwise: Value) -> Value:
        try:
            return read()
        except Unreachable as error:
            self.unread.append(what)
            self.asked_to_wait = max(self.asked_to_wait, error.retry_after or 0.0)
        except Refused as error:
            self.forbidden = True
            permission = error.identifiers.get("permission")
            self.unread.append(f"{what}: {permission} is missing" if permission else what)
        _log.info("entra: read consent: something could not be read")
        return otherwise
