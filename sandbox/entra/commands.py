"""The state view and the set-up commands: what a test sees and what it may change behind the API."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from sandbox.entra.catalogue import GRAPH, resource_app_id
from sandbox.entra.errors import stamp
from sandbox.entra.granting import (
    default_access,
    grant_application,
    grant_delegated,
    named_access,
    permission_id,
    revoke_application,
    revoke_delegated,
)
from sandbox.entra.graph_apps import delete_application, delete_service_principal
from sandbox.entra.graph_users import delete_user
from sandbox.entra.passwords import Outcome, hashed, matches
from sandbox.entra.policies import conditional_access
from sandbox.entra.records import Record
from sandbox.entra.seeds import add_application, add_client, add_user, assign_role, plant
from sandbox.entra.tenant import Tenant, first, new_id, same

Answer = dict[str, Any]
_LISTS = {"application": "appRoles", "delegated": "oauth2PermissionScopes"}


class Commands:
    """Every method without an underscore, except ``show`` and ``change``, is a command by its name."""

    def __init__(self, tenant: Tenant, config: dict[str, Any]) -> None:
        self._tenant, self._config = tenant, config

    def change(self, command: dict[str, Any]) -> Answer:
        """Carry out one command; raise ValueError for one that does not exist."""
        arguments = dict(command)
        name = str(arguments.pop("do"))
        action: Callable[..., Answer | None] | None = getattr(self, name, None)
        if name.startswith("_") or name in ("show", "change") or action is None:
            raise ValueError(name)
        with self._tenant.lock:
            return action(**arguments) or {}

    def _user(self, upn: str) -> Record:
        for user in self._tenant.users.all():
            if same(user["userPrincipalName"], upn):
                return user
        raise KeyError(upn)

    def _client(self, client: str) -> Record:
        """Find a service principal by app id or display name."""
        for principal in self._tenant.service_principals.all():
            if client in (principal["appId"], principal["displayName"]):
                return principal
        raise KeyError(client)

    def reset(self) -> None:
        """Begin anew with the configuration and the right time; ids are new."""
        control = self._tenant.control
        control.advance(time.time() - control.now())
        self._tenant.clear()
        plant(self._tenant, self._config)

    def set_password(self, upn: str, password: str, must_change: bool = False) -> None:
        """Set a password as an administrator would, behind the API's back."""
        user = self._user(upn)
        self._tenant.users.change(
            user["id"],
            _password=hashed(password),
            _must_change=must_change,
            _password_version=user["_password_version"] + 1,
            lastPasswordChangeDateTime=stamp(self._tenant.control.now()),
        )
        self._tenant.passwords.forgive(user["id"])

    def would_sign_in(self, upn: str, password: str) -> Answer:
        """Say whether a password is the user's; changes no counter."""
        return {"signs_in": matches(password, self._user(upn)["_password"])}

    def set_outcome(self, upn: str, code: int | str, times: int = 0) -> None:
        """Let the user's sign-ins end with an AADSTS number, ``times`` times or (0) until "ok"."""
        outcomes = self._tenant.passwords.outcomes
        outcomes.pop(self._user(upn)["id"], None)
        if code != "ok":
            outcomes[self._user(upn)["id"]] = Outcome(int(code), times)

    def set_mfa(self, upn: str, on: bool = True) -> None:
        """Demand a second factor of the user, or stop."""
        self._tenant.users.change(self._user(upn)["id"], _mfa=on)

    def set_enabled(self, upn: str, on: bool) -> None:
        """Enable or disable the user."""
        self._tenant.users.change(self._user(upn)["id"], accountEnabled=on)

    def set_user(self, upn: str, **fields: Any) -> None:
        """Change what Graph shows of the user."""
        self._tenant.users.change(self._user(upn)["id"], **fields)

    def add_user(self, **spec: Any) -> Answer:
        """Add a user as the configuration does."""
        return {"id": add_user(self._tenant, spec)["id"]}

    def delete_user(self, upn: str) -> None:
        """Move the user into the bin."""
        delete_user(self._tenant, self._user(upn))

    def set_roles(
        self, roles: list[str | Answer], upn: str | None = None, client: str | None = None
    ) -> None:
        """Replace the roles that the user ``upn``, or the client, holds directly."""
        if (upn is None) == (client is None):
            raise ValueError("upn or client")
        holder = (self._user(upn) if upn else self._client(str(client)))["id"]
        for assignment in list(self._tenant.role_assignments.all()):
            if assignment["principalId"] == holder:
                self._tenant.role_assignments.remove(assignment["id"])
        for role in roles:
            assign_role(self._tenant, holder, role)

    def set_eligible_roles(self, upn: str, roles: list[str | Answer]) -> None:
        """Replace the roles that the user is eligible for."""
        holder = self._user(upn)["id"]
        for eligibility in list(self._tenant.role_eligibilities.all()):
            if eligibility["principalId"] == holder:
                self._tenant.role_eligibilities.remove(eligibility["id"])
        for role in roles:
            assign_role(self._tenant, holder, role, eligible=True)

    def set_security_defaults(self, on: bool) -> None:
        """Switch security defaults on or off; on, administrators are asked for a second factor."""
        self._tenant.security_defaults = on

    def set_conditional_access(self, policies: list[Answer]) -> None:
        """Replace the Conditional Access policies; plain ones are enforced (``policies.enforce``)."""
        found = [conditional_access(self._tenant, policy) for policy in policies]
        self._tenant.conditional_access = found

    def unlock(self, upn: str) -> None:
        """Clear smart lockout for the user."""
        self._tenant.passwords.forgive(self._user(upn)["id"])

    def set_lockout(
        self,
        threshold: int | None = None,
        seconds: float | None = None,
        pass_through: bool | None = None,
    ) -> None:
        """Change smart lockout's settings; ``pass_through`` counts repeated wrong passwords too."""
        passwords = self._tenant.passwords
        passwords.threshold = passwords.threshold if threshold is None else threshold
        passwords.seconds = passwords.seconds if seconds is None else seconds
        passwords.pass_through = passwords.pass_through if pass_through is None else pass_through

    def federate(self, domain: str, on: bool = True) -> None:
        """Let user realm discovery call a domain federated, or managed again."""
        change = (
            self._tenant.federated_domains.add if on else self._tenant.federated_domains.discard
        )
        change(domain.casefold())

    def add_client(self, **spec: Any) -> Answer:
        """Add a client as the configuration does."""
        return {"id": add_client(self._tenant, spec)["id"]}

    def add_app(self, display_name: str) -> Answer:
        """Add an application of any name; two may share one."""
        app_id = new_id()
        principal = add_application(self._tenant, display_name, app_id)
        return {"id": principal["id"], "app_id": app_id}

    def delete_app(self, client: str) -> None:
        """Delete the application with its service principal and grants."""
        principal = self._client(client)
        application = first(self._tenant.applications.all(), appId=principal["appId"])
        if application:
            delete_application(self._tenant, application)
        else:
            delete_service_principal(self._tenant, principal)

    def empty_bin(self) -> None:
        """Forget deleted apps, as 30 days do."""
        self._tenant.deleted_applications.clear()
        self._tenant.deleted_service_principals.clear()

    def disable_app(self, client: str, on: bool = False) -> None:
        """Disable the service principal, or enable it again with ``on``."""
        self._tenant.service_principals.change(self._client(client)["id"], accountEnabled=on)

    def expire_secret(self, client: str, expired: bool = True) -> None:
        """Let the client's secret be expired."""
        self._tenant.credentials[self._client(client)["appId"]].secret_expired = expired

    def set_public(self, client: str, public: bool) -> None:
        """Switch "Allow public client flows" of the application."""
        app_id = self._client(client)["appId"]
        application = first(self._tenant.applications.all(), appId=app_id)
        if application is None:
            raise KeyError(client)
        self._tenant.applications.change(application["id"], isFallbackPublicClient=public)

    def grant(
        self,
        client: str,
        kind: str,
        values: list[str],
        upn: str | None = None,
        resource: str = GRAPH,
    ) -> None:
        """Grant permissions; delegated ones for ``upn``, or for the whole organization without it."""
        for value in values:
            permission_id(self._tenant, resource, kind, value)
        principal, offering = self._client(client), self._tenant.resource(resource_app_id(resource))
        if kind == "application":
            grant_application(self._tenant, principal, offering, values)
        else:
            user_id = self._user(upn)["id"] if upn else None
            grant_delegated(self._tenant, principal, offering, user_id, values)

    def revoke(
        self,
        client: str,
        kind: str,
        values: list[str],
        upn: str | None = None,
        resource: str = GRAPH,
    ) -> None:
        """Take permissions away, the counterpart of ``grant``."""
        principal, offering = self._client(client), self._tenant.resource(resource_app_id(resource))
        if kind == "application":
            revoke_application(self._tenant, principal, offering, values)
        else:
            user_id = self._user(upn)["id"] if upn else None
            revoke_delegated(self._tenant, principal, offering, user_id, values)

    def assign_user(self, client: str, upn: str) -> None:
        """Assign a user to the application, as that user's first consent does."""
        default_access(self._tenant, self._user(upn), self._client(client))

    def withhold(self, values: list[str]) -> None:
        """Replace the permissions that the prompt never grants."""
        self._tenant.withheld = set(values)

    def retire_permission(self, kind: str, value: str, resource: str = GRAPH) -> None:
        """Let a resource no longer offer a permission."""
        principal = self._tenant.resource(resource_app_id(resource))
        left = [it for it in principal[_LISTS[kind]] if it["value"] != value]
        self._tenant.service_principals.change(principal["id"], **{_LISTS[kind]: left})

    def remove_resource(self, resource: str) -> None:
        """Take the service principal of a resource out of the tenant."""
        principal = self._tenant.resource(resource_app_id(resource))
        delete_service_principal(self._tenant, principal)

    def set_lag(self, seconds: float, index: float = 0, writes: bool = False) -> None:
        """Let writes from now on become visible after ``seconds`` of the stand-in's clock.

        ``index`` more for reads with ConsistencyLevel: eventual. ``writes``: PATCH and DELETE of an
        object that is not visible yet answer 404 too.
        """
        replication = self._tenant.replication
        replication.seconds, replication.index, replication.writes = seconds, index, writes

    def set_page_size(self, size: int) -> None:
        """Cut lists into pages of this size."""
        self._tenant.page_size = size

    def set_token_lifetime(self, seconds: int) -> None:
        """Issue tokens that live this long."""
        self._tenant.token_lifetime = seconds

    def set_premium(self, on: bool) -> None:
        """Have, or not have, the licence that eligible roles need."""
        self._tenant.premium = on

    def show(self) -> Answer:
        """Return the tenant as it is now, newest versions, without any secret."""
        with self._tenant.lock:
            users = [self._shown_user(it, deleted=False) for it in self._tenant.users.all()]
            binned = [self._shown_user(it, deleted=True) for it in self._tenant.deleted_users.all()]
            return {
                "users": users + binned,
                "apps": [self._shown_app(it) for it in self._tenant.service_principals.all()],
                "grants": list(self._tenant.grants.all()),
                "assignments": list(self._tenant.assignments.all()),
                "withheld": sorted(self._tenant.withheld),
            }

    def _shown_user(self, user: Record, *, deleted: bool) -> Answer:
        upn = user["userPrincipalName"]
        return {
            "id": user["id"],
            "upn": upn[32:] if deleted else upn,
            "enabled": user["accountEnabled"],
            "deleted": deleted,
            "password_version": user["_password_version"],
            "must_change": user["_must_change"],
            "department": user.get("department"),
            "roles": sorted(self._tenant.roles(user["id"])),
            **self._tenant.passwords.view(user["id"]),
        }

    def _shown_app(self, principal: Record) -> Answer:
        application = first(self._tenant.applications.all(), appId=principal["appId"])
        return {
            "display_name": principal["displayName"],
            "app_id": principal["appId"],
            "service_principal_id": principal["id"],
            "application_id": application["id"] if application else None,
            "enabled": principal["accountEnabled"],
            "public": bool(application and application["isFallbackPublicClient"]),
            "roles": sorted(self._tenant.roles(principal["id"])),
            "asks_for": named_access(self._tenant, application) if application else [],
        }
