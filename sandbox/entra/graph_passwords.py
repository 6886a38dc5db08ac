"""The password routes that only a signed-in user may call, and the end of sign-in sessions."""

from __future__ import annotations

from sandbox.entra.catalogue import PASSWORD_METHOD
from sandbox.entra.errors import bad_request, not_found
from sandbox.entra.graph import Caller, Graph, body_of
from sandbox.entra.graph_users import change_own, may, password_fields
from sandbox.entra.records import Record
from sandbox.entra.tenant import same
from sandbox.standin.http import Request, Response

_METHODS = "/users/{user}/authentication"


class OwnPasswords:
    """changePassword, resetPassword and revokeSignInSessions. App-only callers get 403 from the first two."""

    def __init__(self, graph: Graph) -> None:
        self._graph, self._tenant = graph, graph.tenant
        change = ("User-PasswordProfile.ReadWrite.All", "Directory.AccessAsUser.All")
        graph.route("POST", "/me/changePassword", "graph.me.change_password", delegated=change)(
            self._change
        )
        for kind in ("methods", "passwordMethods"):
            graph.route(
                "POST",
                f"{_METHODS}/{kind}/{{method}}/resetPassword",
                "graph.users.reset_password",
                delegated=("UserAuthenticationMethod.ReadWrite.All",),
                roles=("Privileged Authentication Administrator", "Authentication Administrator"),
            )(self._reset)
        revoke = ("User.RevokeSessions.All", "User.ReadWrite.All")
        graph.route(
            "POST",
            "/users/{user}/revokeSignInSessions",
            "graph.users.revoke_sessions",
            delegated=revoke,
            application=revoke,
        )(self._revoke)

    def _user(self, reference: str) -> Record:
        for user in self._tenant.users.all():
            if user["id"] == reference or same(user["userPrincipalName"], reference):
                return user
        raise not_found(reference)

    def _change(self, request: Request, caller: Caller) -> Response:
        body = body_of(request)
        user = self._user(caller.principal_id)
        fields = change_own(
            self._tenant, user, body.get("currentPassword"), body.get("newPassword")
        )
        self._tenant.users.change(user["id"], **fields)
        return Response(204, note={"id": user["id"], "password": True})

    def _reset(self, request: Request, caller: Caller) -> Response:
        user = self._user(request.params["user"])
        if request.params["method"] != PASSWORD_METHOD:
            raise not_found(request.params["method"])
        if user["id"] == caller.principal_id:
            raise bad_request("You cannot reset your own password with this operation.")
        # NOTE: the permission is another one than for PATCH, the rank is the same.
        ranked = Caller(
            caller.client_id,
            caller.principal_id,
            caller.upn,
            frozenset({"User-PasswordProfile.ReadWrite.All"}),
        )
        may(self._tenant, ranked, user, set(), password=True)
        profile = {
            "password": body_of(request).get("newPassword"),
            "forceChangePasswordNextSignIn": True,
        }
        self._tenant.users.change(user["id"], **password_fields(self._tenant, user, profile))
        self._tenant.passwords.forgive(user["id"])
        where = f"{self._tenant.url}/v1.0/users/{user['id']}/authentication/operations/1"
        note = {"id": user["id"], "password": True}
        return Response(202, headers={"Location": where}, note=note)

    def _revoke(self, request: Request, _caller: Caller) -> Response:
        user = self._user(request.params["user"])
        return Response(200, {"value": True}, note={"id": user["id"]})
