"""The names behind the ids of permissions, asked from each resource in this tenant, never from a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID

from connectors.entra.endpoints import READ_RESOURCE, READ_RESOURCE_BY_ID
from connectors.entra.granted import Place
from connectors.entra.graph import Graph
from connectors.entra.models import Permission, PermissionKind
from connectors.entra.shapes import AppRole, Resource, Scope
from connectors.errors import NotFound


def is_id(value: str) -> bool:
    """Say whether a permission has only its id left, because the resource does not offer it any more."""
    try:
        UUID(value)
    except ValueError:
        return False
    return True


class Resources:
    """Resources read once per reading, by app id and by the id of their service principal."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._by_app: dict[str, Resource | None] = {}
        self._by_id: dict[str, Resource | None] = {}

    def fetch(self, app_id: str) -> Resource | None:
        """Read the resource of an app id; None when this tenant has no service principal of it."""
        if app_id not in self._by_app:
            try:
                found: Resource | None = self._graph.read(READ_RESOURCE, Resource, app=app_id)
            except NotFound:
                found = None
            self._remember(found, app_id)
        return self._by_app[app_id]

    def is_missing(self, app_id: str) -> bool:
        """Say whether the resource was read and is not there."""
        return self._by_app.get(app_id, ...) is None

    def is_stale(self, permission: Permission) -> bool:
        """Say whether the resource was read and no longer offers the permission."""
        resource = self._by_app.get(permission.resource_app_id)
        if resource is None:
            return False
        wanted = permission.value.casefold()
        if permission.kind is PermissionKind.APPLICATION:
            offered = {
                role.value.casefold()
                for role in resource.roles
                if role.enabled and role.value and "Application" in role.members
            }
        else:
            offered = {
                scope.value.casefold() for scope in resource.scopes if scope.enabled and scope.value
            }
        return wanted not in offered

    def places(self, permissions: Iterable[Permission]) -> Iterator[tuple[Permission, Place]]:
        """Return where the permissions are offered, of those whose resource was read and offers them."""
        for permission in permissions:
            resource = self._by_app.get(permission.resource_app_id)
            if resource is not None and not self.is_stale(permission):
                of_kind: Iterable[AppRole | Scope] = resource.scopes
                if permission.kind is PermissionKind.APPLICATION:
                    of_kind = resource.roles
                wanted = permission.value.casefold()
                ids = sorted(it.id for it in of_kind if (it.value or "").casefold() == wanted)
                yield permission, Place(resource.id, ids[0])

    def role(self, resource_id: str, role_id: str) -> Permission | None:
        """Return an application permission by ids; one that is not offered any more keeps its id."""
        resource = self._resource(resource_id)
        if resource is None:
            return None
        names = {role.id: role.value for role in resource.roles}
        return _permission(resource, PermissionKind.APPLICATION, names.get(role_id) or role_id)

    def scope_by_id(self, resource_id: str, scope_id: str) -> Permission | None:
        """Return a delegated permission by ids."""
        resource = self._resource(resource_id)
        if resource is None:
            return None
        names = {scope.id: scope.value for scope in resource.scopes}
        return _permission(resource, PermissionKind.DELEGATED, names.get(scope_id) or scope_id)

    def scope(self, resource_id: str, value: str) -> Permission | None:
        """Return a delegated permission by name, spelled as the resource spells it."""
        resource = self._resource(resource_id)
        if resource is None:
            return None
        names = {scope.value.casefold(): scope.value for scope in resource.scopes if scope.value}
        return _permission(resource, PermissionKind.DELEGATED, names.get(value.casefold()) or value)

    def _resource(self, resource_id: str) -> Resource | None:
        if resource_id not in self._by_id:
            try:
                found: Resource | None = self._graph.read(
                    READ_RESOURCE_BY_ID, Resource, principal=resource_id
                )
            except NotFound:
                found = None
            self._by_id[resource_id] = found
        return self._by_id[resource_id]

    def _remember(self, found: Resource | None, app_id: str) -> None:
        self._by_app[app_id] = found
        if found is not None:
            self._by_id[found.id] = found


def _permission(resource: Resource, kind: PermissionKind, value: str) -> Permission:
    return Permission(resource.app_id, resource.name, kind, value)
