"""Users: read, create, change, delete softly; and the bin."""

from __future__ import annotations

from typing import Any

from sandbox.entra.catalogue import PASSWORD_REACH
from sandbox.entra.errors import GraphRefused, bad_request, denied, not_found, stamp
from sandbox.entra.graph import Caller, Graph, body_of
from sandbox.entra.passwords import check_policy, hashed, matches
from sandbox.entra.records import Record
from sandbox.entra.seeds import new_user
from sandbox.entra.tenant import Tenant, same
from sandbox.standin.http import Request, Response

DEFAULT_FIELDS = (
    "businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone",
    "officeLocation", "preferredLanguage", "surname", "userPrincipalName", "id",
)  # fmt: skip
_SETTABLE = {
    "accountEnabled", "businessPhones", "city", "companyName", "country", "department",
    "displayName", "employeeId", "employeeType", "givenName", "jobTitle", "mailNickname",
    "mobilePhone", "officeLocation", "otherMails", "passwordPolicies", "postalCode",
    "preferredLanguage", "state", "streetAddress", "surname", "usageLocation", "userPrincipalName",
}  # fmt: skip
_REQUIRED = ("accountEnabled", "displayName", "mailNickname", "userPrincipalName")

_READ = ("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
_READ_AS_USER = (*_READ, "User.Read", "Directory.AccessAsUser.All")
_WRITE = ("User.ReadWrite.All", "Directory.ReadWrite.All")
_ENABLE = ("User.EnableDisableAccount.All", *_WRITE)
_PASSWORD = ("User-PasswordProfile.ReadWrite.All",)
_DELETE = ("User.DeleteRestore.All", "User.ReadWrite.All")
_AS_USER = ("Directory.AccessAsUser.All",)
_CHANGE = (*_WRITE, *_PASSWORD, "User.EnableDisableAccount.All")


class Users:
    """The user routes."""

    def __init__(self, graph: Graph) -> None:
        self._graph, self._tenant = graph, graph.tenant
        route = graph.route
        read = {"delegated": _READ_AS_USER, "application": _READ}
        removal = {"delegated": (*_DELETE, *_AS_USER), "roles": ("User Administrator",)}
        user = "/users/{user}"
        bin_ = "/directory/deletedItems"
        route("GET", "/users", "graph.users.list", **read)(self._list)
        route(
            "POST", "/users", "graph.users.create",
            delegated=(*_WRITE, *_AS_USER), application=_WRITE, roles=("User Administrator",),
        )(self._create)  # fmt: skip
        route("GET", user, "graph.users.get", **read)(self._get)
        route(
            "PATCH", user, "graph.users.update",
            delegated=(*_CHANGE, *_AS_USER), application=_CHANGE,
        )(self._update)  # fmt: skip
        route("DELETE", user, "graph.users.delete", application=_DELETE, **removal)(self._delete)
        route("GET", f"{bin_}/microsoft.graph.user", "graph.deleted.list", **read)(self._bin)
        route("GET", f"{bin_}/{{user}}", "graph.deleted.get", **read)(self._binned)
        # App-only callers may look into the bin but not empty it.
        route("DELETE", f"{bin_}/{{user}}", "graph.deleted.purge", **removal)(self._purge)
        route("GET", "/me", "graph.me", delegated=_READ_AS_USER)(self._me)

    def _visible(self, request: Request) -> Record:
        reference = request.params["user"]
        index = self._graph.staler(request)
        for user in self._tenant.users.all_seen(index=index):
            if user["id"] == reference or same(user["userPrincipalName"], reference):
                return user
        raise not_found(reference)

    def _list(self, request: Request, caller: Caller) -> Response:
        if caller.delegated and not caller.has(*_READ, *_AS_USER):
            raise denied()
        users = self._tenant.users.all_seen(index=self._graph.staler(request))
        return self._graph.page(request, users, DEFAULT_FIELDS)

    def _get(self, request: Request, caller: Caller) -> Response:
        user = self._visible(request)
        own = caller.principal_id == user["id"]
        if caller.delegated and not own and not caller.has(*_READ, *_AS_USER):
            raise denied()
        return self._graph.one(request, user, DEFAULT_FIELDS)

    def _me(self, request: Request, caller: Caller) -> Response:
        user = self._tenant.users.seen(caller.principal_id)
        if user is None:
            raise not_found(caller.principal_id)
        return self._graph.one(request, user, DEFAULT_FIELDS)

    def _create(self, request: Request, _caller: Caller) -> Response:
        body = body_of(request)
        profile = body.pop("passwordProfile", None)
        missing = [name for name in _REQUIRED if body.get(name) in (None, "")]
        if missing or not isinstance(profile, dict):
            name = (missing or ["passwordProfile"])[0]
            raise bad_request(f"A value is required for property '{name}' of resource 'User'.")
        _only_settable(body)
        upn = body["userPrincipalName"]
        self._free(upn)
        password = check_policy(profile.get("password"))
        user = new_user(upn, body["displayName"], stamp(self._tenant.control.now())) | body
        user["_password"] = hashed(password)
        user["_must_change"] = bool(profile.get("forceChangePasswordNextSignIn", True))
        self._tenant.users.put(user["id"], user)
        response = self._graph.one(request, user, DEFAULT_FIELDS, 201)
        response.note = {"id": user["id"], "created": upn}
        return response

    def _free(self, upn: str) -> None:
        domain = upn.rpartition("@")[2]
        if not same(domain, self._tenant.domain) or upn.count("@") != 1:
            raise bad_request(
                "The domain portion of the userPrincipalName property is invalid. "
                "You must use one of the verified domain names in your organization."
            )
        if any(same(user["userPrincipalName"], upn) for user in self._tenant.users.all()):
            raise bad_request(
                "Another object with the same value for property userPrincipalName already exists."
            )

    def _target(self, request: Request) -> Record:
        """Find the newest version of the user to be changed, by id or UPN."""
        reference = request.params["user"]
        for user in self._tenant.users.all():
            if user["id"] == reference or same(user["userPrincipalName"], reference):
                return self._graph.writable(self._tenant.users, user["id"], reference)
        raise not_found(reference)

    def _update(self, request: Request, caller: Caller) -> Response:
        body = body_of(request)
        profile = body.pop("passwordProfile", None)
        if profile is not None and not isinstance(profile, dict):
            raise bad_request("Invalid value specified for property 'passwordProfile'.")
        _only_settable(body)
        user = self._target(request)
        may(self._tenant, caller, user, set(body), password=profile is not None)
        if user["onPremisesSyncEnabled"]:
            raise bad_request(
                "Unable to update the specified properties for on-premises mastered Directory Sync "
                "objects or objects currently undergoing migration."
            )
        upn = str(body.get("userPrincipalName", user["userPrincipalName"]))
        if not same(upn, user["userPrincipalName"]):
            self._free(upn)
        if profile is not None:
            body |= password_fields(self._tenant, user, profile)
        self._tenant.users.change(user["id"], **body)
        if profile is not None:
            self._tenant.passwords.forgive(user["id"])
        return Response(204, note={"id": user["id"], "password": profile is not None})

    def _delete(self, request: Request, caller: Caller) -> Response:
        user = self._target(request)
        if self._tenant.roles(user["id"]):
            may(self._tenant, caller, user, {"accountEnabled"}, deleting=True)
        delete_user(self._tenant, user)
        return Response(204, note={"id": user["id"]})

    def _bin(self, request: Request, _caller: Caller) -> Response:
        return self._graph.page(request, self._tenant.deleted_users.all_seen(), DEFAULT_FIELDS)

    def _binned(self, request: Request, _caller: Caller) -> Response:
        user = self._tenant.deleted_users.seen(request.params["user"])
        if user is None:
            raise not_found(request.params["user"])
        return self._graph.one(request, {"@odata.type": "#microsoft.graph.user", **user})

    def _purge(self, request: Request, _caller: Caller) -> Response:
        user = self._graph.writable(self._tenant.deleted_users, request.params["user"])
        self._tenant.deleted_users.remove(user["id"])
        return Response(204, note={"id": user["id"]})


def _only_settable(body: dict[str, Any]) -> None:
    lists = {"businessPhones", "otherMails"}
    for name, value in body.items():
        if name not in _SETTABLE:
            raise bad_request(f"Invalid property '{name}'.")
        kind = list if name in lists else bool if name == "accountEnabled" else str
        if not isinstance(value, kind) and (value is not None or name in _REQUIRED):
            raise bad_request(f"Invalid value specified for property '{name}' of resource 'User'.")


def delete_user(tenant: Tenant, user: Record) -> None:
    """Move a user into the bin, where its UPN no longer stands in anybody's way."""
    now = stamp(tenant.control.now())
    upn = user["id"].replace("-", "") + user["userPrincipalName"]
    binned = {**user, "deletedDateTime": now, "userPrincipalName": upn}
    tenant.users.remove(user["id"])
    tenant.deleted_users.put(user["id"], binned)


def password_fields(tenant: Tenant, user: Record, profile: dict[str, Any]) -> dict[str, Any]:
    """Return the record's fields after a password profile was written."""
    fields: dict[str, Any] = {}
    if "password" in profile:
        fields = {
            "_password": hashed(check_policy(profile["password"])),
            "_password_version": user["_password_version"] + 1,
            "lastPasswordChangeDateTime": stamp(tenant.control.now()),
            "_must_change": bool(profile.get("forceChangePasswordNextSignIn", True)),
        }
    elif "forceChangePasswordNextSignIn" in profile:
        fields = {"_must_change": bool(profile["forceChangePasswordNextSignIn"])}
    return fields


def may(
    tenant: Tenant,
    caller: Caller,
    target: Record,
    changed: set[str],
    *,
    password: bool = False,
    deleting: bool = False,
) -> None:
    """Refuse a change of a user for which permission or rank do not suffice."""
    if password and not caller.has(*_PASSWORD, *(_AS_USER if caller.delegated else ())):
        raise denied()
    plain = changed - {"accountEnabled"}
    writers = (*_WRITE, *(_AS_USER if caller.delegated else ()))
    if not deleting and (
        (plain and not caller.has(*writers))
        or ("accountEnabled" in changed and not caller.has(*_ENABLE, *writers))
    ):
        raise denied()
    held = tenant.roles(caller.principal_id)
    of_target = tenant.roles(target["id"])
    if caller.delegated and held.isdisjoint({"User Administrator", *PASSWORD_REACH}):
        raise denied()
    if not (password or "accountEnabled" in changed):
        return
    # NOTE: whether an application needs a role on top of its permission for people without any role is
    # an open point of our facts; here it does not.
    reaches = [PASSWORD_REACH[role] for role in held if role in PASSWORD_REACH]
    if of_target and not any(of_target <= reach for reach in reaches):
        raise denied()


def change_own(tenant: Tenant, user: Record, current: object, new: object) -> dict[str, Any]:
    """Return the fields after a person changed the own password; the current one must be right."""
    if not isinstance(current, str) or not matches(current, user["_password"]):
        raise GraphRefused(
            400, "Request_BadRequest", "The specified password does not match the current one."
        )
    profile = {"password": new, "forceChangePasswordNextSignIn": False}
    return password_fields(tenant, user, profile)
