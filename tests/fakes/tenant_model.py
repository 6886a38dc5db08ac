"""A small model of a tenant that keeps the calls of Graph: reads that lag, changes applied one by one.

It watches every change: nothing may be granted that was not asked for, nothing for more than the account,
and what the product could do before it must still be able to do.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel

from connectors.entra import endpoints as calls
from connectors.entra.bringing_about import BringingAbout
from connectors.entra.endpoints import Endpoint
from connectors.entra.models import EntraAccount, Permission, PermissionKind
from connectors.entra.remediator import Remediator
from connectors.errors import Conflict, InvalidInput, NotFound, NotPermitted, RotationError
from tests.unit.entra.support import Clock

Shaped = TypeVar("Shaped", bound=BaseModel)
Scope = tuple[str, str]  # resource, lower-case value

SIGN_IN = ("openid", "profile", "email", "offline_access")
APP_IDS = {
    "graph": "00000003-0000-0000-c000-000000000000",
    "exchange": "00000002-0000-0ff1-ce00-000000000000",
}
NAMES = {"graph": "Microsoft Graph", "exchange": "Exchange Online"}
OFFERED: dict[str, dict[str, tuple[str, ...]]] = {
    "graph": {
        "roles": ("User.Read.All", "Group.Read.All", "Mail.Read"),
        "scopes": ("User.Read", "User.ReadWrite.All", "Group.ReadWrite.All", "Mail.Read", *SIGN_IN),
    },
    "exchange": {"roles": ("Exchange.ManageAsApp",), "scopes": ("Exchange.Manage",)},
}
APP_NAME = "Cayosoft Administrator API Access"


def guid(*parts: str) -> str:
    """Return the same id for the same thing in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(parts)))


APP_ID, CLIENT = guid("app"), guid("client")
ACCOUNT = EntraAccount(guid("svc"), "svc@corp.example.test", True, True, None)
SP = {name: guid("resource", name) for name in APP_IDS}
_RESOURCE_OF = {principal: name for name, principal in SP.items()}


def permission(kind: PermissionKind, text: str) -> Permission:
    """Return the permission that ``graph/User.Read`` names."""
    resource, _, value = text.partition("/")
    return Permission(APP_IDS[resource], NAMES[resource], kind, value)


class Cut(BaseException):
    """The process dies here."""


@dataclass
class TenantModel:
    """One app in one tenant. Keeps the four methods of ``connectors.entra.graph.Graph``."""

    clock: Clock = field(default_factory=Clock)
    lag: float = 0.0
    required: frozenset[Permission] = frozenset()
    roles: dict[str, tuple[str, str]] = field(default_factory=dict)  # id: resource, value
    grants: dict[str, dict[str, Any]] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)  # name: kind
    app: bool = True
    enabled: bool = True
    name: str = APP_NAME
    only_assigned: bool = False
    gone: frozenset[str] = frozenset()
    retired: frozenset[str] = frozenset()  # "scopes:graph/User.Read"
    declared: tuple[str, ...] | None = None
    unreadable: frozenset[str] = frozenset()
    other_apps: tuple[str, ...] = ()
    cut: tuple[int, str] | None = None  # how many changes, and "before" or "after" that one
    trouble: Callable[[int], tuple[RotationError, bool] | None] = lambda _: None
    read_trouble: Callable[[int], RotationError | None] = lambda _: None
    reads: int = 0
    changes: list[str] = field(default_factory=list)
    keep_all: bool = True  # nothing at all may be taken from the product
    _past: list[tuple[float, dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    _made: int = 0

    def __post_init__(self) -> None:
        self._remember(-self.lag)

    def give(self, whom: str, texts: str) -> None:
        """Grant ``graph/User.Read exchange/Exchange.Manage`` to a user, or ("") to everybody."""
        for text in texts.split():
            resource, _, value = text.partition("/")
            key = f"{whom or 'everybody'}-{resource}"
            principal = ACCOUNT.id if whom == "svc" else guid(whom) if whom else None
            record = self.grants.setdefault(key, _grant(key, resource, principal, ""))
            record["scope"] = f"{record['scope']} {value}".strip()
        self._remember(-self.lag)

    def assign(self, texts: str) -> None:
        """Assign app roles to the app."""
        for text in texts.split():
            resource, _, value = text.partition("/")
            self.roles[f"role-{text}"] = (resource, value)
        self._remember(-self.lag)

    def can(self) -> set[tuple[str, str, str]]:
        """Return what the product can do, through whatever grant, without what every sign-in adds."""
        able = {("role", resource, value) for resource, value in self.roles.values()}
        for grant in self.grants.values():
            if grant["principalId"] in (None, ACCOUNT.id):
                resource = _RESOURCE_OF[grant["resourceId"]]
                able |= {("scope", resource, scope.lower()) for scope in grant["scope"].split()}
        return {item for item in able if item[0] == "role" or item[2] not in SIGN_IN}

    def mine(self) -> set[str]:
        """Return what the account holds by itself, as ``graph/user.read``."""
        return {
            f"{_RESOURCE_OF[grant['resourceId']]}/{scope.lower()}"
            for grant in self.grants.values()
            if grant["principalId"] == ACCOUNT.id
            for scope in grant["scope"].split()
        }

    def everybody(self) -> list[str]:
        """Return the ids of the grants for the whole organization."""
        return [key for key, grant in self.grants.items() if grant["principalId"] is None]

    def remediator(self) -> Remediator:
        """Return the one who carries plans out, at this tenant."""
        timing = self.clock.timing()
        changes = BringingAbout(self, timing, lambda what: NotPermitted("entra", what))  # type: ignore[arg-type]
        return Remediator(self, timing, changes)  # type: ignore[arg-type]

    def read(self, endpoint: Endpoint, shape: type[Shaped], **ids: str) -> Shaped:
        """Read one object."""
        self._readable(endpoint)
        if endpoint is calls.READ_APP and self.app and ids["app"] == APP_ID:
            return shape.model_validate(self._principal())
        if endpoint is calls.READ_REGISTRATION and self.declared is not None:
            return shape.model_validate({"requiredResourceAccess": self._declared()})
        names = {**{APP_IDS[n]: n for n in APP_IDS}, **_RESOURCE_OF}
        resource = names.get(ids.get("app") or ids.get("principal") or "")
        reads_resource = endpoint in (calls.READ_RESOURCE, calls.READ_RESOURCE_BY_ID)
        if reads_resource and resource and resource not in self.gone:
            return shape.model_validate(self._offers(resource))
        raise NotFound("entra", endpoint.operation)

    def pages(
        self, endpoint: Endpoint, shape: type[Shaped], *, where: str | None = None, **ids: str
    ) -> tuple[Shaped, ...]:
        """Read a list as a reader sees it now."""
        self._readable(endpoint)
        roles, grants = self._seen()
        records: list[dict[str, Any]] = []
        if endpoint is calls.APP_ROLES:
            records = [_role(key, *role) for key, role in roles.items()]
        elif endpoint is calls.USER_GRANTS:
            records = list(grants.values())
        elif endpoint is calls.APP_USERS:
            records = [
                {"principalId": guid(n), "principalDisplayName": n, "principalType": kind}
                for n, kind in self.users.items()
            ]
        elif endpoint is calls.FIND_APPS:
            found = [name for name in self.other_apps if where == f"displayName eq '{name}'"]
            records = [self._principal() | {"displayName": name} for name in found]
        else:
            raise AssertionError(endpoint.operation)
        return tuple(shape.model_validate(record) for record in records)

    def create(
        self, endpoint: Endpoint, shape: type[Shaped], body: Mapping[str, Any], **ids: str
    ) -> Shaped:
        """Create a grant or an assignment; refuse a duplicate as Graph does."""
        if endpoint is calls.ASSIGN_ROLE:
            assert (body["principalId"], body["resourceId"]) == (CLIENT, ids["resource"])
            role = next(
                (r, v) for r in OFFERED for v in OFFERED[r]["roles"] if guid("roles", r, v) == body["appRoleId"]
            )  # fmt: skip
            if role in self.roles.values():
                raise InvalidInput("entra", endpoint.operation, status=400)
            key = f"role-{role[0]}/{role[1]}"
            self._change(f"role {role[0]}: {role[1]}", lambda: self.roles.update({key: role}))
            return shape.model_validate(_role(key, *role))
        assert endpoint is calls.CREATE_GRANT
        assert body["clientId"] == CLIENT
        keys = (body["resourceId"], body["principalId"])
        if keys in [(g["resourceId"], g["principalId"]) for g in self.grants.values()]:
            raise Conflict("entra", endpoint.operation, status=409)
        resource = _RESOURCE_OF[body["resourceId"]]
        record = _grant(f"new-{len(self.changes)}-{resource}", resource, keys[1], body["scope"])
        assert record["consentType"] == body["consentType"]
        done = f"create {resource}: {body['scope']}"
        self._change(done, lambda: self.grants.update({record["id"]: record}))
        return shape.model_validate(record)

    def write(self, endpoint: Endpoint, body: Mapping[str, object] | None, **ids: str) -> None:
        """Set the scope of a grant, or delete it."""
        record = self.grants.get(ids["grant"])
        if record is None:
            raise NotFound("entra", endpoint.operation, grant=ids["grant"])
        resource = _RESOURCE_OF[record["resourceId"]]
        if endpoint is calls.DELETE_GRANT:
            done = f"delete {resource}: {' '.join(sorted(record['scope'].split()))}"
            self._change(done, lambda: self.grants.pop(record["id"]))
        else:
            assert endpoint is calls.SET_SCOPE
            assert body is not None
            scope = str(body["scope"])
            changed = {record["id"]: {**record, "scope": scope}}
            self._change(f"widen {resource}: {scope}", lambda: self.grants.update(changed))

    def _change(self, what: str, apply: Callable[[], object]) -> None:
        self._made += 1
        number = self._made
        if self.cut == (number, "before"):
            raise Cut
        problem, applied = self.trouble(number) or (None, True)
        if applied:
            before, held = self.can(), self.mine()
            apply()
            self._watch(what, before, held)
            self.changes.append(what)
            self._remember(0.0)
        if self.cut == (number, "after"):
            raise Cut
        if problem is not None:
            raise problem

    def _watch(self, what: str, before: set[tuple[str, str, str]], held: set[str]) -> None:
        """Look at one change: what was taken away, what was given, and to whom."""
        needed = {_key(item) for item in self.required}
        assert not (before - self.can()) & (before if self.keep_all else needed), what
        assert self.can() - before <= needed, what
        scopes = {
            f"{name}/{item.value.lower()}"
            for item in self.required
            for name in APP_IDS
            if item.kind is PermissionKind.DELEGATED and APP_IDS[name] == item.resource_app_id
        }
        assert self.mine() - held <= scopes, what
        assert held <= self.mine(), what

    def _remember(self, since: float) -> None:
        state = (copy.deepcopy(self.roles), copy.deepcopy(self.grants))
        self._past.append((self.clock.seconds + since, *state))

    def _seen(self) -> tuple[dict[str, tuple[str, str]], dict[str, Any]]:
        moment = self.clock.seconds - self.lag
        old_enough = [past for past in self._past if past[0] <= moment]
        _, roles, grants = old_enough[-1]
        return roles, grants

    def _readable(self, endpoint: Endpoint) -> None:
        self.reads += 1
        problem = self.read_trouble(self.reads)
        if problem is not None:
            raise problem
        if endpoint.operation in self.unreadable:
            raise NotPermitted("entra", endpoint.operation, permission=endpoint.permission)

    def _principal(self) -> dict[str, Any]:
        return {
            "id": CLIENT,
            "appId": APP_ID,
            "displayName": self.name,
            "accountEnabled": self.enabled,
            "appRoleAssignmentRequired": self.only_assigned,
        }

    def _offers(self, resource: str) -> dict[str, Any]:
        def entry(of: str, value: str) -> dict[str, Any]:
            on = f"{of}:{resource}/{value}" not in self.retired
            return {"id": guid(of, resource, value), "value": value, "isEnabled": on}

        return {
            "id": SP[resource],
            "appId": APP_IDS[resource],
            "displayName": NAMES[resource],
            "appRoles": [
                entry("roles", value) | {"allowedMemberTypes": ["Application"]}
                for value in OFFERED[resource]["roles"]
            ],
            "oauth2PermissionScopes": [entry("scopes", v) for v in OFFERED[resource]["scopes"]],
        }

    def _declared(self) -> list[dict[str, Any]]:
        found = []
        for text in self.declared or ():
            of, _, name = text.partition(":")
            resource, _, value = name.partition("/")
            kind = "Role" if of == "roles" else "Scope"
            access = {"id": guid(of, resource, value), "type": kind}
            found.append({"resourceAppId": APP_IDS[resource], "resourceAccess": [access]})
        return found


def _key(item: Permission) -> tuple[str, str, str]:
    resource = next(name for name in APP_IDS if APP_IDS[name] == item.resource_app_id)
    if item.kind is PermissionKind.APPLICATION:
        return ("role", resource, item.value)
    return ("scope", resource, item.value.lower())


def _role(key: str, resource: str, value: str) -> dict[str, Any]:
    return {"id": key, "appRoleId": guid("roles", resource, value), "resourceId": SP[resource]}


def _grant(key: str, resource: str, principal: str | None, scope: str) -> dict[str, Any]:
    return {
        "id": key,
        "clientId": CLIENT,
        "consentType": "Principal" if principal else "AllPrincipals",
        "principalId": principal,
        "resourceId": SP[resource],
        "scope": scope,
    }
